"""Wiring: fixtures for suites over both databases. A room's conftest imports them:

``from tests.support.databases import clock, database_url, db, db_kind, postgres_folder  # noqa: F401``
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from config.clock import ManualClock
from registry.database import Database, sqlite_file
from registry.keys import KeyRing
from registry.migrations.run import migrate, newest
from tests.support import postgres


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """One cluster a session; skipped, saying so, where the server is not installed."""
    programs = postgres.binaries()
    if programs is None:
        pytest.skip("no PostgreSQL server under /usr/lib/postgresql: install the package postgresql")
    with postgres.cluster(programs) as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def db_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(db_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database: a file, or a schema of its own. Whoever asks for ``db`` as well may be given
    a migrated one: a copy of the session's first, as migrating takes longer than most tests do."""
    if db_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'xueliang.db'}"
        return
    folder: Path = request.getfixturevalue("postgres_folder")
    name = f"t_{secrets.token_hex(6)}"
    if folder in _TEMPLATES and "db" in request.fixturenames:
        yield postgres.copied_url(folder, name, _TEMPLATE)
        postgres.drop_database(folder, name)
    else:
        yield postgres.schema_url(folder, name)
        postgres.drop_schema(folder, name)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


#: A migrated SQLite file as bytes, by the newest revision: the migrations run once a session there.
_MIGRATED: dict[str, bytes] = {}
#: The clusters that hold a migrated database of this name.
_TEMPLATES: set[Path] = set()
_TEMPLATE = "migrated"


@pytest_asyncio.fixture
async def db(database_url: str, clock: ManualClock, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """An open, migrated database with keys, whose time is ``clock``."""
    file = sqlite_file(database_url)
    if file is not None and newest() in _MIGRATED:
        file.write_bytes(_MIGRATED[newest()])
    database = await Database.open(database_url, clock=clock, keys=KeyRing.ephemeral())
    await migrate(database)
    if file is not None and newest() not in _MIGRATED:
        await database.checkpoint()
        _MIGRATED[newest()] = file.read_bytes()
    if file is None and not _TEMPLATES:
        await _make_template(request.getfixturevalue("postgres_folder"))
    yield database
    await database.close()


async def _make_template(folder: Path) -> None:
    database = await Database.open(postgres.copied_url(folder, _TEMPLATE, "template0"))
    try:
        await migrate(database)
    finally:
        await database.close()
    _TEMPLATES.add(folder)
