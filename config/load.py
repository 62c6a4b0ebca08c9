"""Edge: settings from a TOML file, the environment and secret files; every mistake is found before anything starts."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from config.errors import Kind, XueliangError
from config.mistakes import Mistake, SettingsError, find, from_validation, model_of
from config.setting import is_list, is_secret
from config.settings import Settings, clashes

PREFIX = "XUELIANG__"
MAX_FILE = 1024 * 1024
MAX_SECRET = 64 * 1024


@dataclass(slots=True)
class _Reading:
    """What has been read so far: the raw tables, where each value came from, and what is wrong."""

    file: str
    raw: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


def load(file: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings of a file (``None``: defaults), overridden by ``XUELIANG__SECTION__KEY`` variables.

    Raises :class:`SettingsError` (``INVALID``) with all mistakes at once, ``NOT_FOUND`` or ``UNAVAILABLE`` when the
    file itself cannot be read.
    """
    environment = os.environ if environment is None else environment
    reading = _Reading(str(file) if file else "settings")
    if file is not None:
        reading.raw = _tables(file)
    _merge_environment(reading, environment)
    base = file.parent if file else Path()
    _resolve_secrets(reading, Settings, reading.raw, (), base)
    _systemd_credentials(reading, environment)
    settings = _validate(reading)
    if reading.mistakes or settings is None:
        raise SettingsError(reading.file, reading.mistakes)
    return settings


def _tables(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE + 1)
    except FileNotFoundError as error:
        raise XueliangError(Kind.NOT_FOUND, "there is no such file", where=str(file)) from error
    except OSError as error:
        fix = "Give the service's user the right to read it"
        raise XueliangError(Kind.UNAVAILABLE, f"cannot be read: {error.strerror}", where=str(file), fix=fix) from error
    if len(data) > MAX_FILE:
        raise SettingsError(str(file), [Mistake(str(file), "the file", "", f"at most {MAX_FILE} bytes")])
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        mistake = Mistake(str(file), f"byte {error.start}", "", "a file in UTF-8")
        raise SettingsError(str(file), [mistake]) from error
    except tomllib.TOMLDecodeError as error:
        # The parser's text names the place and never quotes more than one character of the file.
        raise SettingsError(str(file), [Mistake(str(file), "TOML", "", f"its syntax: {error}")]) from error


def _merge_environment(reading: _Reading, environment: Mapping[str, str]) -> None:
    for name in sorted(environment):
        if not name.startswith(PREFIX):
            continue
        path = tuple(part.lower() for part in name[len(PREFIX) :].split("__"))
        key = ".".join(path)
        if len(path) != 2:
            reading.mistakes.append(Mistake(name, key, "", f"{PREFIX}SECTION__KEY"))
            continue
        _, found = find(Settings, path)
        text = environment[name]
        value: Any = text
        if found is not None and is_list(found):
            value = [item.strip() for item in text.split(",") if item.strip()]
        table = reading.raw.setdefault(path[0], {})
        if not isinstance(table, dict):
            continue
        if found is not None and is_secret(found):
            table.pop(path[1] + "_file", None)
            value = SecretStr(text)
        table[path[1]] = value
        reading.places[key] = name


def _resolve_secrets(
    reading: _Reading, model: type[BaseModel], table: dict[str, Any], path: tuple[str, ...], base: Path
) -> None:
    """Replace every ``<secret>_file`` by the file's content; a secret written into the file itself is a mistake."""
    for name, info in model.model_fields.items():
        key = (*path, name)
        if is_secret(info):
            _secret_field(reading, table, key, base)
            continue
        value = table.get(name)
        inner = model_of(info)
        if inner is None:
            continue
        if isinstance(value, dict):
            _resolve_secrets(reading, inner, value, key, base)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, dict):
                    _resolve_secrets(reading, inner, item, (*key, str(number)), base)


def _secret_field(reading: _Reading, table: dict[str, Any], key: tuple[str, ...], base: Path) -> None:
    name = key[-1]
    dotted = ".".join(key)
    if isinstance(table.get(name), str):
        allowed = f"{name}_file with the path of a file of mode 0600; a secret does not belong into the settings"
        reading.mistakes.append(Mistake(reading.file, dotted, "(not shown)", allowed))
        del table[name]
    given = table.pop(name + "_file", None)
    if given is None:
        return
    place = reading.places.get(dotted + "_file", reading.file)
    if not isinstance(given, str) or not given:
        reading.mistakes.append(Mistake(place, dotted + "_file", "", "the path of a file"))
        return
    try:
        table[name] = read_secret(base / given)
    except XueliangError as error:
        reading.mistakes.append(Mistake(place, dotted + "_file", given, f"{error.fix} ({error.what})"))


def read_secret(file: Path, private: bool = True) -> SecretStr:
    """A secret's file, without the line end an editor leaves. Raises ``UNAVAILABLE``, ``FORBIDDEN`` or ``INVALID``.

    ``private`` asks that only its owner can read it; systemd guards its credentials by the folder instead.
    """
    fix = "a file of mode 0600 with the secret and nothing else"
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(MAX_SECRET + 1)
    except OSError as error:
        raise XueliangError(Kind.UNAVAILABLE, f"{error.strerror}", where=str(file), fix=fix) from error
    if private and stat.S_ISREG(mode) and mode & 0o077:
        what = f"its mode is {stat.S_IMODE(mode):04o}: others can read it"
        raise XueliangError(Kind.FORBIDDEN, what, where=str(file), fix=fix)
    try:
        text = data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise XueliangError(Kind.INVALID, "it is not text in UTF-8", where=str(file), fix=fix) from error
    if not text or len(data) > MAX_SECRET:
        raise XueliangError(Kind.INVALID, "it is empty or too large", where=str(file), fix=fix)
    return SecretStr(text)


def _systemd_credentials(reading: _Reading, environment: Mapping[str, str]) -> None:
    """``LoadCredential=database.password:...`` fills what neither the file nor the environment set."""
    folder = environment.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        return
    for section, info in Settings.model_fields.items():
        inner = model_of(info)
        for name, field_info in inner.model_fields.items() if inner else ():
            file = Path(folder) / f"{section}.{name}"
            table = reading.raw.setdefault(section, {})
            if not is_secret(field_info) or not isinstance(table, dict) or name in table or not file.is_file():
                continue
            try:
                table[name] = read_secret(file, private=False)
            except XueliangError as error:
                reading.mistakes.append(Mistake(str(file), f"{section}.{name}", "", f"{error.fix} ({error.what})"))


def _validate(reading: _Reading) -> Settings | None:
    try:
        settings = Settings.model_validate(reading.raw)
    except ValidationError as error:
        reading.mistakes += from_validation(error, Settings, reading.places, reading.file)
        return None
    reading.mistakes += [
        Mistake(reading.places.get(c.key, reading.file), c.key, c.value, c.allowed) for c in clashes(settings)
    ]
    return settings
