"""Edge: ``xueliang import FILE.csv [--dry-run]``."""

from __future__ import annotations

import argparse
import base64
from pathlib import Path

from center.choices import add_json, add_settings, settings_of
from center.operations import perform
from center.output import emit, line, note
from config.errors import Kind, XueliangError
from registry.import_csv import MAX_BYTES

SHOWN = 200


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.csv", help="the inventory of points")
    parser.add_argument("--dry-run", action="store_true", help="list every finding, change nothing")
    parser.add_argument("--area", metavar="NAME", help="area of rows that name none")
    add_settings(parser)
    add_json(parser)


async def run(arguments: argparse.Namespace) -> int:
    """0: taken (or it would be); 1: it has errors and nothing was changed."""
    parameters = {
        "data": base64.b64encode(_read(arguments.file)).decode(),
        "dry_run": arguments.dry_run,
        "area": arguments.area,
    }
    answer = await perform(settings_of(arguments), "import", parameters)
    if arguments.json:
        emit(answer)
    else:
        for finding in answer["findings"][:SHOWN]:
            column = f", {finding['column']}" if finding["column"] else ""
            line(f"line {finding['line']}{column}: {finding['level']}: {finding['text']}")
        if len(answer["findings"]) > SHOWN:
            line(f"… {len(answer['findings']) - SHOWN} more findings: --json lists them all")
        counts = answer["counts"]
        done = "would be" if arguments.dry_run or not answer["acceptable"] else "were"
        line(f"{counts['add']} rows {done} added, {counts['change']} changed, {counts['same']} stay as they are")
    if not answer["acceptable"]:
        note(f"xueliang: {arguments.file}: it has errors, nothing was changed")
        return 1
    return 0


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise XueliangError(Kind.NOT_FOUND, f"cannot be read: {error.strerror}", where=str(file)) from error
    if len(data) > MAX_BYTES:
        raise XueliangError(Kind.TOO_LARGE, f"more than {MAX_BYTES} bytes", where=str(file), fix="Part the file")
    return data
