"""Edge: what is written from the program itself: its commands as a page, its words and its API for the console.

``python -m center.reference FILE`` writes the page, ``python -m center.reference console FOLDER`` the words
(``words.json``) and the description of the API (``openapi.json``) that ``console/`` is built from.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from fastapi import FastAPI

from center import words
from center.api.app import describe
from center.cli import parser

_HEAD = """# Commands

Generated from the command line itself by `make docs`; do not edit.

Exit codes: 0 done, 1 the thing asked for failed (standard error says what, where, what to do), 2 usage. `--json` prints
one JSON document on standard output and nothing else there. Long work shows progress on a terminal and none in a pipe.
"""


def page() -> str:
    return "\n".join([_HEAD, *(_section(path, command) for path, command in _commands(parser(), "xueliang"))])


def _commands(top: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in top._actions:  # argparse has no public way to list its subparsers
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield f"{path} {name}", command
                yield from _commands(command, f"{path} {name}")


def _section(path: str, command: argparse.ArgumentParser) -> str:
    lines = [f"## `{path}`", "", command.description or "", "", "| argument | meaning | default |", "|---|---|---|"]
    for action in command._actions:
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        default = "" if action.default in (None, False, argparse.SUPPRESS, []) else f"`{action.default}`"
        lines.append(f"| `{_name(action)}` | {action.help or ''} | {default} |")
    return "\n".join([*lines, ""])


def _name(action: argparse.Action) -> str:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices is not None:
        metavar = "|".join(map(str, action.choices)).replace("|", "\\|")
    if not action.option_strings:
        return metavar
    return action.option_strings[-1] + ("" if action.nargs == 0 else f" {metavar}")


def openapi() -> str:
    """The description as ``/api/v1/openapi.json`` gives it."""
    return json.dumps(describe(FastAPI()), ensure_ascii=False, indent=1) + "\n"


def for_console() -> dict[str, str]:
    """Files of ``console/src/generated`` and what they hold."""
    return {"words.json": words.text(), "openapi.json": openapi()}


def main() -> None:
    if sys.argv[1] != "console":
        Path(sys.argv[1]).write_text(page(), encoding="utf-8")
        return
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in for_console().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
