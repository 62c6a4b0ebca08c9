"""Edge: ``xueliang migrate``: bring the database to this program's schema."""

from __future__ import annotations

import argparse

from center.choices import add_json, add_settings, settings_of
from center.data_folder import DataFolder
from center.output import emit, line
from center.storage import database_url
from registry.database import Database
from registry.migrations.run import migrate


def add(parser: argparse.ArgumentParser) -> None:
    add_settings(parser)
    add_json(parser)


async def run(arguments: argparse.Namespace) -> int:
    """In one transaction: all of it or nothing. The service must not be running."""
    settings = settings_of(arguments)
    folder = DataFolder(settings.service.data_dir)
    folder.prepare()
    folder.lock()
    try:
        db = await Database.open(database_url(settings, folder))
        try:
            done = await migrate(db)
        finally:
            await db.close()
    finally:
        folder.unlock()
    if arguments.json:
        emit({"before": done.before, "after": done.after})
    elif done.before == done.after:
        line(f"nothing to do: the schema is at {done.after}")
    else:
        line(f"the schema went from {done.before or 'nothing'} to {done.after}")
    return 0
