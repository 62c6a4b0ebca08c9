"""Edge: ``xueliang check-config FILE``."""

from __future__ import annotations

import argparse
from pathlib import Path

from center.output import emit, line
from config.load import load
from config.mistakes import SettingsError


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a configuration file (TOML)")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def run(arguments: argparse.Namespace) -> int:
    """0: the service would start with it; 2: mistakes, each named; 1: the file cannot be read."""
    try:
        load(arguments.file)
    except SettingsError as error:
        if not arguments.json:
            raise
        mistakes = [{"place": m.place, "key": m.key, "value": m.value, "allowed": m.allowed} for m in error.mistakes]
        emit({"file": str(arguments.file), "ok": False, "mistakes": mistakes})
        return 2
    if arguments.json:
        emit({"file": str(arguments.file), "ok": True, "mistakes": []})
    else:
        line(f"{arguments.file}: no mistakes")
    return 0
