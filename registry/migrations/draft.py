"""Edge: draft the next migration: ``python -m registry.migrations.draft SUBJECT [ROOM.tables]``."""

from __future__ import annotations

import asyncio
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext

from registry.database import Database, UtcTime, Word, metadata
from registry.migrations.run import migrate, newest


def _rendered(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    if kind != "type":
        return False
    if isinstance(item, UtcTime):
        return "UtcTime()"
    if isinstance(item, Word):
        return "sa.String(40)"
    if isinstance(item, sa.JSON):
        return "Json"
    return False


def _draft(connection: sa.Connection) -> str:
    context = MigrationContext.configure(connection, opts={"render_item": _rendered})
    operations = produce_migrations(context, metadata).upgrade_ops
    if operations is None:
        return "pass"
    return render_python_code(operations, render_item=_rendered, render_as_batch=True)


async def draft(rooms: list[str], previous: bool = True) -> str:
    """The body of ``upgrade()`` that leads from the last migration to the tables of ``rooms``."""
    importlib.import_module("registry.tables")
    for room in rooms:
        importlib.import_module(room)
    with tempfile.TemporaryDirectory() as folder:
        db = await Database.open(f"sqlite:///{Path(folder) / 'draft.db'}")
        try:
            if previous:
                await migrate(db)
            async with db.read() as connection:
                return await connection.run_sync(_draft)
        finally:
            await db.close()


def main(arguments: list[str]) -> int:
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    body = asyncio.run(draft(arguments[1:]))
    number = int(newest()) + 1
    print(f'"""Edge: {arguments[0]}."""\n')
    print("from __future__ import annotations\n\nimport sqlalchemy as sa\nfrom alembic import op\n")
    print("from registry.database import Json, UtcTime\n")
    print(f'revision = "{number:04d}"\ndown_revision = "{newest()}"\nbranch_labels = None\ndepends_on = None\n\n')
    print(f"def upgrade() -> None:\n{body}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
