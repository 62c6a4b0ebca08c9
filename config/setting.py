"""Pure: what every setting says of itself: meaning, unit, default, danger, and what is allowed."""

from __future__ import annotations

import types
import typing
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr
from pydantic.fields import FieldInfo

Network = IPv4Network | IPv6Network


class Section(BaseModel):
    """A table of the configuration file. Unknown keys are mistakes; a setting never changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)


def setting(default: Any, about: str, *, unit: str = "", danger: str = "", hide: bool = False, **bounds: Any) -> Any:
    """A field with its meaning, unit and what goes wrong when it is set badly.

    ``bounds`` are pydantic's (``ge``, ``le``, ``pattern``, ...); ``hide`` keeps a wrong value out of messages; a
    list or table default is copied for every instance.
    """
    extra: dict[str, JsonValue] = {"unit": unit, "danger": danger, "hide": hide}
    if isinstance(default, list | dict):
        return Field(
            default_factory=lambda: type(default)(default), description=about, json_schema_extra=extra, **bounds
        )
    return Field(default=default, description=about, json_schema_extra=extra, **bounds)


def extra(field: FieldInfo, key: str) -> str:
    more = field.json_schema_extra
    return str(more.get(key, "")) if isinstance(more, dict) else ""


def plain(annotation: Any) -> Any:
    """The type without ``None`` and ``Annotated``."""
    if get_origin(annotation) is typing.Annotated:
        return plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [a for a in get_args(annotation) if a is not type(None)]
        return rest[0] if len(rest) == 1 else annotation
    return annotation


def is_secret(field: FieldInfo) -> bool:
    return plain(field.annotation) is SecretStr


def is_hidden(field: FieldInfo) -> bool:
    more = field.json_schema_extra
    return is_secret(field) or (isinstance(more, dict) and bool(more.get("hide")))


def is_list(field: FieldInfo) -> bool:
    return get_origin(plain(field.annotation)) in (list, tuple)


def allowed(field: FieldInfo) -> str:
    """In words, what a setting may be: ``a whole number from 1 to 20``, ``one of manual, auto``."""
    words = _kind(plain(field.annotation))
    bounds = _bounds(field)
    unit = extra(field, "unit")
    return words + (f" {bounds}" if bounds else "") + (f", in {unit}" if unit else "")


def _kind(kind: Any) -> str:
    if get_origin(kind) in (list, tuple):
        return f"a list; each item: {_kind(plain(get_args(kind)[0]))}"
    if kind in (Network, IPv4Network, IPv6Network):
        return "a network such as 10.20.0.0/16"
    if get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "one of " + ", ".join(member.value for member in kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "a table with " + ", ".join(kind.model_fields)
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}
    names[SecretStr] = "a secret, from a file or the environment"
    return names.get(kind, str(kind))


def _bounds(field: FieldInfo) -> str:
    low = high = pattern = ""
    for item in field.metadata:
        if isinstance(item, annotated_types.Ge):
            low = f"from {item.ge:g}"
        elif isinstance(item, annotated_types.Gt):
            low = f"over {item.gt:g}"
        elif isinstance(item, annotated_types.Le):
            high = f"to {item.le:g}"
        elif isinstance(item, annotated_types.Lt):
            high = f"below {item.lt:g}"
        elif isinstance(item, annotated_types.MaxLen):
            high = f"at most {item.max_length} long"
        elif getattr(item, "pattern", None):
            pattern = f"of the form {item.pattern}"
    return " ".join(filter(None, (low, high, pattern)))
