"""Edge: ``xueliang backup TARGET``."""

from __future__ import annotations

import argparse
from pathlib import Path

from center.backing_up import backup
from center.choices import add_json, add_settings, settings_of
from center.output import emit, line, note, progress


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", type=Path, metavar="TARGET", help="a new folder; there only once it is whole")
    add_settings(parser)
    add_json(parser)


async def run(arguments: argparse.Namespace) -> int:
    """0: made and read back; 1: not made, or made of an audit log that is not sound."""
    answer = await backup(settings_of(arguments), arguments.target, progress("files copied"))
    if arguments.json:
        emit(answer)
    else:
        line(f"{answer['target']}: {answer['files']} files, {answer['bytes'] >> 20} MiB, read back")
        line(f"the audit log has {answer['audit']['rows']} rows; its anchor: {answer['anchor']}")
        line(f"it opens with the master key {', '.join(answer['master_keys'])}, which is not in it")
    for name in answer["swept"]:
        note(f"{name} was left by a backup that was killed; it is gone")
    if answer["vanished"]:
        note(f"{answer['vanished']} pictures went while the copy was made, after their time")
    return unsound(answer)


def unsound(answer: dict[str, object]) -> int:
    """1, with a word about each, for a log with faults."""
    audit = answer["audit"]
    assert isinstance(audit, dict)
    for fault in audit["faults"]:
        note(f"the audit log, rows {fault['first']}-{fault['last']}: {fault['text']}")
    return 0 if audit["sound"] else 1
