"""Edge: ``xueliang status [CAMERA]``: states, since when, and why."""

from __future__ import annotations

import argparse
from typing import Any

from center.choices import add_json, add_language, add_settings, is_chinese, settings_of
from center.operations import perform
from center.output import emit, line
from center.status_text import one_camera, table


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("camera", nargs="?", metavar="CAMERA", help="id, GB/T id or name of one camera; else all")
    add_settings(parser)
    add_json(parser)
    add_language(parser)


async def run(arguments: argparse.Namespace) -> int:
    """From the running service, or from the data folder when none runs."""
    answer: dict[str, Any] = await perform(settings_of(arguments), "status", {"camera": arguments.camera})
    if arguments.json:
        emit(answer)
        return 0
    zh = is_chinese(arguments)
    if arguments.camera:
        for text in one_camera(answer["cameras"][0], zh):
            line(text)
        return 0
    for text in table(answer, zh):
        line(text)
    return 0
