"""kill -9 at random moments of writing: the database is sound and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.audit_store import verify
from registry.change_feed_store import after
from registry.database import Database
from registry.key_store import open_keys
from registry.migrations.run import migrate
from registry.secret_tables import device_accounts
from registry.tables import areas, units
from tests.support.registry_world import SYSTEM

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = {"area": areas.c.id, "unit": units.c.id, "try": device_accounts.c.host}


async def write_and_die(url: str, master: Path, prefix: str, acknowledgements: int) -> dict[str, set[str]]:
    """What the process said before it was killed, in the middle of whatever it was doing."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.registry_writer",
        url,
        str(master),
        prefix,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said: dict[str, set[str]] = {kind: set() for kind in COLUMNS}
    async with asyncio.timeout(60):
        for _ in range(acknowledgements):
            line = await process.stdout.readline()
            assert line.endswith(b"\n"), "the writer died by itself"
            kind, name = line.decode().split()
            said[kind].add(name)
        process.kill()
        rest = await process.stdout.read()
        await process.wait()
    # What it said between the last line read and its death counts too; a line cut short does not.
    for line in rest.splitlines(keepends=True):
        if line.endswith(b"\n"):
            kind, name = line.decode().split()
            said[kind].add(name)
    return said


async def check(url: str, master: Path, said: dict[str, set[str]]) -> None:
    db = await Database.open(url)
    try:
        await open_keys(db, master)
        async with db.read() as connection:
            if db.dialect == "sqlite":
                assert (await connection.execute(sa.text("PRAGMA integrity_check"))).scalars().all() == ["ok"]
                assert (await connection.execute(sa.text("PRAGMA foreign_key_check"))).all() == []
            for kind, column in COLUMNS.items():
                assert said[kind] <= set((await connection.execute(sa.select(column))).scalars())
            assert (await verify(SYSTEM, connection)).faults == ()
            position, told = 0, list[int]()
            while True:
                part = await after(SYSTEM, connection, position, 1000)
                told += [change.position for change in part.changes]
                position = part.upto
                if not part.more:
                    break
            assert told == list(range(1, position + 1))
            written = (await connection.execute(sa.select(sa.func.count()).select_from(areas))).scalar_one()
            assert written == len(told)
    finally:
        await db.close()


@pytest.mark.soak
async def test_nothing_acknowledged_is_lost(database_url: str, tmp_path: Path, soak: bool, seed: int) -> None:
    chance, master = random.Random(seed), tmp_path / "master.key"
    db = await Database.open(database_url)
    await migrate(db)
    await open_keys(db, master)
    await db.close()
    said: dict[str, set[str]] = {kind: set() for kind in COLUMNS}
    for number in range(50 if soak else 3):
        for kind, names in (await write_and_die(database_url, master, f"r{number}", chance.randint(1, 120))).items():
            said[kind] |= names
        await check(database_url, master, said)
