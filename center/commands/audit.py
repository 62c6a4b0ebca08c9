"""Edge: ``xueliang audit verify [--anchor FILE]`` and ``xueliang audit anchor``."""

from __future__ import annotations

import argparse
from pathlib import Path

from center.choices import add_json, add_settings, settings_of
from center.operations import perform
from center.output import emit, line, note
from config.errors import Kind, XueliangError

_MAX_ANCHOR = 4096


def add(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    about = "name every edit, removal and cut in the audit log"
    verify = acts.add_parser("verify", help=about, description=f"{about.capitalize()}.")
    verify.add_argument("--anchor", type=Path, metavar="FILE", help="an anchor kept on another machine")
    verify.add_argument("--trusted-key", metavar="HEX", help="public key the anchor must bear")
    about = "print the log's end, signed, to be kept on another machine"
    anchor = acts.add_parser("anchor", help=about, description=f"{about.capitalize()}.")
    for act in (verify, anchor):
        add_settings(act)
        add_json(act)


async def run(arguments: argparse.Namespace) -> int:
    """0: sound as far as this can see; 1: it was tampered with."""
    settings = settings_of(arguments)
    if arguments.act == "anchor":
        answer = await perform(settings, "audit anchor", {})
        line(answer["anchor"])
        return 0
    parameters = {"anchor": anchor_of(arguments.anchor), "trusted_key": arguments.trusted_key}
    answer = await perform(settings, "audit verify", parameters)
    if arguments.json:
        emit(answer)
    for fault in answer["faults"]:
        note(f"rows {fault['first']}-{fault['last']}: {fault['text']}")
    if not arguments.json:
        line(f"{answer['rows']} rows, {'sound' if answer['sound'] else 'NOT sound'}. {answer['blind']}")
    return 0 if answer["sound"] else 1


def anchor_of(file: Path | None) -> str | None:
    """The text of an anchor's file. Raises ``NOT_FOUND``."""
    if file is None:
        return None
    try:
        with file.open("r", encoding="utf-8") as stream:
            return stream.read(_MAX_ANCHOR)
    except (OSError, UnicodeDecodeError) as error:
        raise XueliangError(Kind.NOT_FOUND, "the anchor cannot be read", where=str(file)) from error
