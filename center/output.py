"""Edge: standard output and standard error: one JSON document, lines for people, messages that say what to do."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable
from typing import Any

from config.errors import XueliangError


def emit(document: Any) -> None:
    """One JSON document on standard output, and nothing else there."""
    json.dump(_finite(document), sys.stdout, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None, default=str)
    sys.stdout.write("\n")
    sys.stdout.flush()


def _finite(value: Any) -> Any:
    """JSON knows neither NaN nor infinity: a number that is none is ``null``."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def line(text: str = "") -> None:
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """For the person at the terminal; never part of the answer."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def progress(what: str) -> Callable[[int, int], None]:
    """On a terminal a line that counts; in a pipe nothing."""
    if not sys.stderr.isatty():
        return lambda done, of: None

    def tell(done: int, of: int) -> None:
        if done % 100 == 0 or done == of:
            sys.stderr.write(f"\r{done} of {of} {what}" + ("\n" if done == of else ""))
            sys.stderr.flush()

    return tell


def fail(error: XueliangError) -> None:
    """What, where, what to do."""
    where = f"{error.where}: " if error.where else ""
    note(f"xueliang: {where}{error.what}")
    if error.fix:
        note(f"  {error.fix}.")


def chinese(environment: dict[str, str] | None = None) -> bool:
    """Whether messages are shown in Chinese, by the locale the terminal was started with."""
    environment = dict(os.environ) if environment is None else environment
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return environment[name].lower().startswith("zh")
    return False
