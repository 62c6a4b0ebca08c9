"""Edge: the reference of all settings as a page, written from the models: ``python -m config.reference FILE``."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.mistakes import model_of
from config.setting import allowed, extra, is_list, is_secret
from config.settings import Settings

_HEAD = """# Settings

Generated from the models by `make docs`; do not edit.

A configuration file is TOML: one table for each section below. Every setting can also come from the environment as
`XUELIANG__SECTION__KEY` (lists separated by commas), which wins over the file. A secret never stands in the file: give
`<name>_file` with the path of a file of mode 0600 (relative paths start at the configuration file's folder), set the
environment variable, or pass it as the systemd credential `section.name`. An unknown key is a mistake.
`xueliang check-config FILE` names every mistake at once and exits with 2.
"""


def page() -> str:
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        model = model_of(field)
        if model is not None:
            parts.append(_section(name, field.description or "", model))
    return "\n".join(parts)


def _section(name: str, about: str, model: type[BaseModel], brackets: str = "[{}]") -> str:
    lines = [f"## `{brackets.format(name)}`", "", about, ""]
    lines += ["| key | meaning | allowed | default | danger |", "|---|---|---|---|---|"]
    nested = []
    for key, field in model.model_fields.items():
        lines.append(_row(key, field))
        inner = model_of(field)
        if inner is not None:
            doc = " ".join((inner.__doc__ or "").split())
            nested.append(_section(f"{name}.{key}", doc, inner, "[[{}]]" if is_list(field) else "[{}]"))
    return "\n".join([*lines, "", *nested])


def _row(key: str, field: FieldInfo) -> str:
    shown_key = f"`{key}_file`" if is_secret(field) else f"`{key}`"
    cells = (shown_key, field.description or "", allowed(field), _default(field), extra(field, "danger"))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Enum):
        return f"`{value.value}`"
    if isinstance(value, list):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value}`" if str(value) else "empty"


def main() -> None:
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
