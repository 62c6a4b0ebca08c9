"""kill -9 in the middle of checking: the database is sound and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path
from random import Random

import pytest

from config.clock import ManualClock
from config.scope import Scope
from health import check_store, state_store
from health.state import Aspect
from registry.database import Database
from registry.keys import KeyRing
from registry.migrations.run import migrate
from tests.health.conftest import District, build_district

SYSTEM = Scope.system("test")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def rounds(soak: bool) -> int:
    return 50 if soak else 3


async def _open(url: str) -> Database:
    return await Database.open(url, clock=ManualClock(), keys=KeyRing.ephemeral())


async def _run_and_kill(url: str, folder: Path, seed: int, lines: int) -> list[list[str]]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.health_child", url, str(folder), str(seed),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    told: list[list[str]] = []
    try:
        async with asyncio.timeout(60):
            while len(told) < lines:
                line = await child.stdout.readline()
                assert line, (await child.communicate())[1].decode()[-2000:]
                told.append(line.decode().split())
    finally:
        if child.returncode is None:
            child.kill()
        rest, _ = await child.communicate()
    # What was printed before the blow was acknowledged too; a torn last line was not wholly said.
    told += [row.decode().split() for row in rest.split(b"\n")[:-1]]
    return told


async def _verify(url: str, district: District, told: list[list[str]]) -> None:
    db = await _open(url)
    try:
        async with db.read() as tx:
            states = await state_store.load_all(SYSTEM, tx)
            assert set(states) == set(district.all)
            for camera in district.all:
                mine = [row for row in told if row[0] == camera]
                stored = {c["probe_id"] for c in await check_store.latest(SYSTEM, tx, camera, limit=500)}
                assert {row[1] for row in mine} <= stored
                changes, after = [], 0
                while page := await state_store.changes_of(SYSTEM, tx, camera, after=after, limit=500):
                    changes += [change for _, change in page]
                    after = page[-1][0]
                acknowledged = [(row[1], state) for row in mine for state in row[2:]]
                kept = [(c.probe_id, c.new) for c in changes if c.aspect is Aspect.STATE]
                assert [k for k in kept if k in set(acknowledged)] == acknowledged
    finally:
        await db.close()


async def test_nothing_acknowledged_is_lost(tmp_path: Path, seed: int, rounds: int) -> None:
    file = tmp_path / "x.db"
    url = f"sqlite:///{file}"
    db = await _open(url)
    await migrate(db)
    district = await build_district(db, each=3)
    await db.close()
    dice = Random(seed)
    for turn in range(rounds):
        told = await _run_and_kill(url, tmp_path / "pictures", seed + turn, dice.randrange(5, 40))
        raw = sqlite3.connect(file)
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        raw.close()
        await _verify(url, district, told)
