"""Pure: fault plans: a file (JSON or TOML) that says what goes wrong when.

JSON: ``[{"at": 10, "camera": "cam-0003", "fault": "black", "for": 60}, ...]``, or an object with that list under
``"entries"``. TOML: ``[[entries]]`` tables. ``at`` and ``for`` are seconds from the start; one of ``camera``,
``cameras``, ``group``; ``on = false`` switches off instead; ``parameter`` where the fault takes one.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from camera_gateway.simulator.faults import Fault, check_parameter
from config.errors import Kind, XueliangError
from config.text import printable

MAX_BYTES = 4 * 1024 * 1024
MAX_ENTRIES = 100_000
_KEYS = frozenset({"at", "camera", "cameras", "group", "fault", "on", "for", "parameter"})


@dataclass(frozen=True, slots=True)
class Step:
    """One switch, ``at`` seconds after the plan was begun; for a group or for single cameras."""

    at: float
    fault: Fault
    on: bool
    cameras: tuple[str, ...] = ()
    group: str = ""
    parameter: float | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    line: int
    values: Any


def read_plan(data: bytes, name: str, cameras: Collection[str], groups: Collection[str]) -> list[Step]:
    """The steps in order of time. ``name`` (of the file) tells TOML by its ending.

    Raises ``INVALID`` naming file, line and key, and what is allowed.
    """
    if len(data) > MAX_BYTES:
        raise _wrong(name, 1, "", f"more than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong(name, data[: error.start].count(b"\n") + 1, "", "not UTF-8") from error
    entries = _toml(text, name) if name.lower().endswith(".toml") else _json(text, name)
    if len(entries) > MAX_ENTRIES:
        raise _wrong(name, 1, "", f"more than {MAX_ENTRIES} entries")
    steps = [step for entry in entries for step in _steps(entry, name, cameras, groups)]
    return sorted(steps, key=lambda s: s.at)


def _toml(text: str, name: str) -> list[_Entry]:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong(name, _toml_line(str(error)), "", printable(str(error))) from error
    values = document.get("entries")
    if set(document) - {"entries"} or not isinstance(values, list):
        raise _wrong(name, 1, "entries", "the file holds [[entries]] tables and nothing else")
    lines = [n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith("[[")]
    lines += [1] * (len(values) - len(lines))
    return [_Entry(line, value) for line, value in zip(lines, values, strict=False)]


def _toml_line(message: str) -> int:
    """tomllib says ``(at line 3, column 1)``."""
    digits = message.rpartition("at line ")[2].partition(",")[0]
    return int(digits) if digits.isdigit() else 1


def _json(text: str, name: str) -> list[_Entry]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise _wrong(name, error.lineno, "", error.msg) from error
    except RecursionError as error:
        raise _wrong(name, 1, "", "nested too deeply") from error
    start = 0
    if isinstance(document, dict):
        if set(document) != {"entries"}:
            raise _wrong(name, 1, "entries", "an object holds the list under this key and nothing else")
        start = text.index(":", text.index('"entries"'))
        document = document["entries"]
    if not isinstance(document, list):
        raise _wrong(name, 1, "", "not a list of entries")
    return [_Entry(line, value) for line, value in zip(_json_lines(text, start), document, strict=False)]


def _json_lines(text: str, start: int) -> Iterator[int]:
    """The line on which each element of the list begins; the text is known to be sound."""
    decoder = json.JSONDecoder()
    position = text.index("[", start) + 1
    while True:
        while text[position] in " \t\r\n,":
            position += 1
        if text[position] == "]":
            return
        yield text.count("\n", 0, position) + 1
        _, position = decoder.raw_decode(text, position)


def _steps(entry: _Entry, name: str, cameras: Collection[str], groups: Collection[str]) -> list[Step]:
    def wrong(key: str, what: str) -> XueliangError:
        return _wrong(name, entry.line, key, what)

    values = entry.values
    if not isinstance(values, dict):
        raise wrong("", "an entry is an object of keys and values")
    unknown = sorted(set(values) - _KEYS)
    if unknown:
        raise wrong(printable(str(unknown[0]), 40), "unknown; allowed are " + ", ".join(sorted(_KEYS)))
    at, lasting, on = values.get("at"), values.get("for"), values.get("on", True)
    if not _is_number(at) or not 0 <= at <= 1e8:
        raise wrong("at", "seconds from the start, 0 or more")
    if not isinstance(on, bool):
        raise wrong("on", "true or false")
    if lasting is not None and (not _is_number(lasting) or not 0 < lasting <= 1e8 or not on):
        raise wrong("for", "seconds, more than 0, and only where on is true")
    if values.get("fault") not in tuple(Fault):
        raise wrong("fault", "one of " + ", ".join(Fault))
    fault, parameter = Fault(values["fault"]), values.get("parameter")
    if parameter is not None:
        try:
            check_parameter(fault, parameter if _is_number(parameter) else float("nan"))
        except ValueError as error:
            raise wrong("parameter", str(error)) from error
    named, group = _targets(values, wrong, cameras, groups)
    steps = [Step(float(at), fault, on, named, group, parameter)]
    if lasting is not None:
        steps.append(Step(float(at) + float(lasting), fault, False, named, group))
    return steps


def _targets(
    values: dict[str, Any], wrong: Any, cameras: Collection[str], groups: Collection[str]
) -> tuple[tuple[str, ...], str]:
    given = [key for key in ("camera", "cameras", "group") if key in values]
    if len(given) != 1:
        raise wrong(given[1] if given else "camera", "exactly one of camera, cameras, group")
    value = values[given[0]]
    if given[0] == "group":
        if not isinstance(value, str) or value not in groups:
            raise wrong("group", f"no group {printable(str(value), 60)}")
        return (), value
    names = [value] if given[0] == "camera" else value
    if not isinstance(names, list) or not names:
        raise wrong("cameras", "a list of camera ids")
    for camera in names:
        if not isinstance(camera, str) or camera not in cameras:
            raise wrong(given[0], f"no camera {printable(str(camera), 60)}")
    return tuple(names), ""


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _wrong(name: str, line: int, key: str, what: str) -> XueliangError:
    return XueliangError(Kind.INVALID, f"{key}: {what}" if key else what, where=f"{printable(name)}, line {line}")
