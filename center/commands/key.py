"""Edge: ``xueliang key rotate [WHICH]``."""

from __future__ import annotations

import argparse

from center.choices import add_json, add_settings, settings_of
from center.operations import perform
from center.output import emit, line
from registry.keys import Purpose

WHICH = ("master", *(purpose.value for purpose in Purpose))


def add(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    rotate = acts.add_parser(
        "rotate",
        help="put a new key in the place of an old one",
        description="Put a new key in the place of an old one.",
    )
    rotate.add_argument("which", nargs="?", choices=WHICH, default="master", help="which key")
    add_settings(rotate)
    add_json(rotate)


async def run(arguments: argparse.Namespace) -> int:
    """The old key still opens and verifies what it made; the new one is used from now on."""
    answer = await perform(settings_of(arguments), "key rotate", {"which": arguments.which})
    if arguments.json:
        emit(answer)
    else:
        line(f"the {arguments.which} key was rotated; keep a new copy of the master key file apart from the backups")
    return 0
