"""Edge: bring a database to the newest schema, say where it stands, and compare it with the tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from config.errors import Kind, XueliangError
from registry.database import Database, metadata
from registry.migrations.listing import fasten, loosen

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Migrated:
    """``before`` is ``None`` for an empty database."""

    before: str | None
    after: str


def newest() -> str:
    """The revision that this program needs."""
    head = _scripts().get_current_head()
    if head is None:
        raise XueliangError(Kind.INTERNAL, "the program was packaged without its migrations")
    return head


def knows(revision: str) -> bool:
    """Whether this program can bring a database of that revision to :func:`newest`."""
    return revision in {script.revision for script in _scripts().walk_revisions()}


async def current(db: Database) -> str | None:
    """The revision that the database has; ``None`` for an empty one."""
    async with db.read() as connection:
        return await connection.run_sync(_revision)


async def migrate(db: Database) -> Migrated:
    """Bring ``db`` to :func:`newest` in one transaction: all of it or nothing.

    Raises ``UNAVAILABLE`` for a database that a newer program has changed.
    """
    async with db.reshape() as connection:
        return await connection.run_sync(_upgrade)


async def differences(db: Database) -> list[str]:
    """What the database's schema and the tables registered on ``metadata`` do not agree on, in words."""
    async with db.read() as connection:
        found = await connection.run_sync(_differences)
    return [str(difference) for difference in found]


def _upgrade(connection: sa.Connection) -> Migrated:
    before = _revision(connection)
    if before is not None and not knows(before):
        raise XueliangError(
            Kind.UNAVAILABLE,
            f"the database is at revision {before}, which this program does not know",
            fix="Start the newer version that changed it, or restore the backup made before that",
        )
    if before != newest():
        config = _config()
        config.attributes["connection"] = connection
        loosen(connection)
        command.upgrade(config, "head")
        fasten(connection)
    return Migrated(before, newest())


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _differences(connection: sa.Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@cache
def _scripts() -> ScriptDirectory:
    """Read once: it imports every revision's file."""
    return ScriptDirectory.from_config(_config())
