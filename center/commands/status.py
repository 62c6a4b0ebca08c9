"""Edge: ``xueliang status [CAMERA]``: states, since when, and why."""

from __future__ import annotations

import argparse
from typing import Any

from center import control
from center.choices import add_json, add_language, add_settings, is_chinese, settings_of
from center.data_folder import DataFolder
from center.errors import Usage
from center.output import emit, line
from center.status_text import one_camera, table

#: Whoever asks (a container's health check) asks again; one that does not answer at once is not well.
READY_SECONDS = 5.0


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("camera", nargs="?", metavar="CAMERA", help="id, GB/T id or name of one camera; else all")
    parser.add_argument("--ready", action="store_true", help="only whether the service watches: exit code 0, else 1")
    add_settings(parser)
    add_json(parser)
    add_language(parser)


async def run(arguments: argparse.Namespace) -> int:
    """From the running service, or from the data folder when none runs; ``--ready`` asks the running one alone."""
    if arguments.ready:
        return await _ready(arguments)
    from center.operations import perform  # the database and all: a second that a health check has no use for

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


async def _ready(arguments: argparse.Namespace) -> int:
    if arguments.camera:
        raise Usage("--ready is about the service, not about one camera")
    folder = DataFolder(settings_of(arguments).service.data_dir)
    answer = await control.ask(folder.control, "ready", {}, deadline=READY_SECONDS)
    if arguments.json:
        emit(answer)
    else:
        line(answer["status"])
    return 0 if answer["ready"] else 1
