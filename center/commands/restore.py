"""Edge: ``xueliang restore SOURCE --key-file FILE [--data DIR]``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from center.choices import add_json, add_settings, settings_of
from center.commands.audit import anchor_of
from center.commands.backup import unsound
from center.errors import Usage
from center.output import emit, line, note, progress
from center.restoring import check, restore
from registry.audit_chain import parse_anchor


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a folder that `xueliang backup` made")
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", required=True, help="the copy of keys/master.key that belongs to it"
    )
    parser.add_argument("--anchor", type=Path, metavar="FILE", help="the newest audit anchor: how much is lost since")
    parser.add_argument("--check", action="store_true", help="read every file against the manifest, write nothing")
    add_settings(parser)
    add_json(parser)


async def run(arguments: argparse.Namespace) -> int:
    """0: restored; 1: refused and nothing is changed, or restored with an audit log that is not what it was."""
    if arguments.check and arguments.anchor:
        raise Usage("--anchor says nothing with --check: the log is looked at when it is restored")
    if arguments.check:
        answer = await check(arguments.source, arguments.key_file, progress("files read"))
        if arguments.json:
            emit(answer)
        else:
            line(f"{arguments.source}: of {answer['made']}, whole and signed: {answer['files']} files")
        return 0
    given = anchor_of(arguments.anchor)
    anchor = None if given is None else parse_anchor(given)
    settings = settings_of(arguments)
    answer = await restore(settings, arguments.source, arguments.key_file, anchor, progress("files copied"))
    if arguments.json:
        emit(answer)
    else:
        _tell(answer)
    return unsound(answer)


def _tell(answer: dict[str, Any]) -> None:
    ended, stand = answer["ended"], answer["as_they_were"]
    line(f"{answer['data']}: restored as of {answer['made']}, {answer['files']} files")
    line(f"ended: {ended['sessions']} sessions, {ended['views']} views; platforms that follow the feed load it anew")
    if answer["lost_rows"] is None:
        line("what was done since is lost; with --anchor the rows of the audit log are counted")
    else:
        line(f"{answer['lost_rows']} rows of the audit log, and what they tell of, are lost since")
    note(
        f"{stand['accounts']} accounts and {stand['tokens']} tokens hold again as they were then: withdraw anew what "
        "was withdrawn since (xueliang user list, xueliang token list)"
    )
