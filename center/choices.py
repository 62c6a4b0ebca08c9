"""Edge: the options that commands share: which settings, which language, which form of answer."""

from __future__ import annotations

import argparse
from pathlib import Path

from center.output import chinese
from config.load import load
from config.settings import Settings

#: Read when no --config is given and the file is there.
USUAL = Path("/etc/xueliang/xueliang.toml")


def add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"settings (TOML); else {USUAL}, if it is there")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder, instead of service.data_dir")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Raises what :func:`config.load.load` raises."""
    file: Path | None = arguments.config
    if file is None and USUAL.is_file():
        file = USUAL
    found = load(file)
    if arguments.data is None:
        return found
    return found.model_copy(update={"service": found.service.model_copy(update={"data_dir": arguments.data})})


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def add_language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lang", choices=("zh", "en"), help="language of the words; else the terminal's")


def is_chinese(arguments: argparse.Namespace) -> bool:
    return chinese() if arguments.lang is None else bool(arguments.lang == "zh")
