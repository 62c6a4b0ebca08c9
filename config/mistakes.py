"""Pure: what is wrong in a configuration, each mistake with its place, key, value and what is allowed instead."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from config.errors import Kind, XueliangError
from config.setting import allowed, is_hidden, is_list, is_secret, plain
from config.text import printable

_HIDDEN = "(not shown)"
_LENGTHS = {"place": 4096, "key": 200, "value": 120, "allowed": 2000}
#: pydantic puts the branch of a union into the path of an error; people do not write it.
_UNION_TAGS = ("function-", "lax-or-strict[", "IPv4Network", "IPv6Network")


@dataclass(frozen=True, slots=True)
class Mistake:
    """``place`` is a file or an environment variable; ``value`` is shown, so a secret's is replaced."""

    place: str
    key: str
    value: str
    allowed: str

    def __post_init__(self) -> None:
        """All of it may repeat what stands in the file, whichever check found it."""
        for name, most in _LENGTHS.items():
            object.__setattr__(self, name, printable(getattr(self, name), most))

    def __str__(self) -> str:
        shown = f" = {self.value}" if self.value else ""
        return f"{self.place}: {self.key}{shown}: allowed is {self.allowed}"


class SettingsError(XueliangError):
    """``INVALID``, with every mistake at once."""

    def __init__(self, where: str, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        what = f"{count} mistake{'s' if count != 1 else ''} in the settings\n" + "\n".join(
            f"  {mistake}" for mistake in self.mistakes
        )
        super().__init__(Kind.INVALID, what, where=where)


def shown(value: Any) -> str:
    return printable(value if isinstance(value, str) else repr(value), 120)


def from_validation(
    error: ValidationError, root: type[BaseModel], places: Mapping[str, str], default: str
) -> list[Mistake]:
    """``places`` maps a dotted key to the environment variable or secret file it came from; others are in the file."""
    found = []
    for item in error.errors(include_url=False):
        path = tuple(part for part in item["loc"] if not str(part).startswith(_UNION_TAGS))
        key = ".".join(map(str, path))
        place = _place(key, places, default)
        parent, field = find(root, path)
        if item["type"] == "extra_forbidden":
            found.append(
                Mistake(place, key, _unknown_value(str(path[-1]), item["input"]), _known_keys(parent, str(path[-1])))
            )
            continue
        hidden = field is not None and is_hidden(field)
        text = allowed(field) if field is not None else item["msg"]
        mistake = Mistake(place, key, _HIDDEN if hidden else shown(item["input"]), text)
        if mistake not in found:
            found.append(mistake)
    return found


def _place(key: str, places: Mapping[str, str], default: str) -> str:
    """Where the value of a key came from: its own variable, that of the list it is in, or of a key in its table."""
    for known, place in places.items():
        if known == key or key.startswith(known + ".") or known.startswith(key + "."):
            return place
    return default


def _unknown_value(key: str, value: Any) -> str:
    """An unknown key may be a secret's misspelt, so only what cannot be one is shown."""
    return shown(value) if isinstance(value, bool | int | float) and "pass" not in key.lower() else ""


def _known_keys(model: type[BaseModel] | None, wrong: str) -> str:
    if model is None:
        return "nothing there"
    keys = [name + "_file" if is_secret(field) else name for name, field in model.model_fields.items()]
    near = difflib.get_close_matches(wrong, keys, 1)
    return f"{near[0]} (did you mean that?), or another of: {', '.join(keys)}" if near else "one of: " + ", ".join(keys)


def find(root: type[BaseModel], path: tuple[Any, ...]) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The model a path ends in, and the field it names there, if there is one."""
    model: type[BaseModel] | None = root
    field: FieldInfo | None = None
    parent: type[BaseModel] | None = root
    for part in path:
        if isinstance(part, int):
            continue
        if model is None:
            return parent, field
        parent, field = model, model.model_fields.get(str(part))
        if field is None:
            return parent, None
        model = model_of(field)
    return parent, field


def model_of(field: FieldInfo) -> type[BaseModel] | None:
    kind = plain(field.annotation)
    if is_list(field):
        kind = plain(get_args(kind)[0])
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
