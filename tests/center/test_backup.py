"""A backup has all but the master key in it, is there only once it is whole, and is made while others write."""

from __future__ import annotations

import asyncio
import resource
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from center.backing_up import MANIFEST, SIGNATURE, backup
from center.backup_files import require_room
from center.control import ControlServer
from center.operations import offered
from center.restoring import check, restore
from center.storage import Storage, opened
from config.errors import Kind, XueliangError
from registry.area import Area
from registry.area_store import add_area
from registry.backup_manifest import SQLITE
from tests.support.backup_world import (
    BANK,
    EVIDENCE,
    LOST,
    REFERENCE,
    SYSTEM,
    Original,
    names,
    refused,
    settings_in,
    silent,
)


def test_it_is_whole_private_and_without_secrets(original: Original) -> None:
    files = [path for path in original.made.rglob("*") if path.is_file()]
    names = {str(path.relative_to(original.made)) for path in files}
    assert names >= {MANIFEST, SIGNATURE, SQLITE, REFERENCE, EVIDENCE, f"evidence/good/{LOST}.jpg"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(original.made.stat().st_mode) == 0o700
    assert not [path for path in original.made.parent.iterdir() if "partial" in path.name]
    told = original.told
    assert (told["files"], told["vanished"], told["database"]) == (len(files) - 2, 0, "sqlite")
    assert told["audit"]["sound"]
    found = [(str(path), secret) for path in files for secret in original.secrets() if secret in path.read_bytes()]
    assert found == []
    # The search itself sees what is there.
    assert any(secret in original.key.read_bytes() for secret in original.secrets())


async def test_pages_of_deleted_rows_are_not_in_it(tmp_path: Path) -> None:
    """A copy of the pages would keep what went after its days for as long as the backup is kept."""
    settings = settings_in(tmp_path / "data")
    async with opened(settings):
        pass
    with closing(sqlite3.connect(tmp_path / "data" / SQLITE)) as db, db:
        rows = [(f"area-{number}", "x" * 180) for number in range(500)]
        db.executemany("INSERT INTO areas (id, name, version) VALUES (?, ?, 1)", rows)
        db.commit()
        db.execute("DELETE FROM areas")
    await backup(settings, tmp_path / "backup", silent)
    assert free_pages(tmp_path / "data" / SQLITE) > 10
    assert free_pages(tmp_path / "backup" / SQLITE) == 0


def free_pages(file: Path) -> int:
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("PRAGMA freelist_count").fetchone()[0])


@pytest.mark.usefixtures("no_leaks")
async def test_it_is_made_while_the_service_writes(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "data")
    written: list[int] = []
    enough = asyncio.Event()

    async def write(storage: Storage) -> None:
        while True:
            number = len(written)
            async with storage.db.write() as connection:
                await add_area(SYSTEM, connection, Area(f"area-{number}", f"Area {number}"))
            written.append(number)
            if number >= 10:
                enough.set()

    async with opened(settings) as storage:
        server = ControlServer(storage.folder.control, offered(storage))
        await server.start()
        writing = asyncio.create_task(write(storage))
        await asyncio.wait_for(enough.wait(), 30)
        before = len(written)
        told = await backup(settings, tmp_path / "backup", silent)
        after = len(written)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await server.close()
    assert after > before, "the writer waited for the backup"
    with closing(sqlite3.connect(tmp_path / "backup" / SQLITE)) as db:
        (areas,) = db.execute("SELECT count(*) FROM areas").fetchone()
        positions = [position for (position,) in db.execute("SELECT position FROM changes ORDER BY position")]
        acts = [act for (act,) in db.execute("SELECT act FROM audit ORDER BY seq")]
    assert before <= areas <= after
    assert positions == list(range(1, told["position"] + 1))
    assert told["audit"] == {"sound": True, "rows": len(acts), "faults": []}
    assert "backup.make" in acts, "whoever takes a copy of everything is on record in it"


async def test_a_picture_that_goes_meanwhile_is_told(original: Original, tmp_path: Path) -> None:
    data = shutil.copytree(original.data, tmp_path / "data")
    last = max((data / "evidence").rglob("*.jpg"))
    told = await backup(settings_in(data), tmp_path / "backup", lambda done, of: last.unlink(missing_ok=True))
    assert told["vanished"] == 1
    assert (await check(tmp_path / "backup", original.key, silent))["vanished"] == 1


async def test_pictures_on_another_disk_come_along(original: Original, tmp_path: Path) -> None:
    data = shutil.copytree(original.data, tmp_path / "data")
    (data / "evidence").rename(tmp_path / "disk")
    (data / "evidence").symlink_to(tmp_path / "disk")
    told = await backup(settings_in(data), tmp_path / "backup", silent)
    assert (told["files"], told["vanished"]) == (original.told["files"], 0)


async def test_where_it_cannot_go(original: Original, tmp_path: Path) -> None:
    settings = settings_in(original.data)
    stands = await refused(backup(settings, original.made, silent))
    assert (stands.kind, stands.where) == (Kind.CONFLICT, str(original.made))
    assert (await refused(backup(settings, original.data / "backup", silent))).kind is Kind.INVALID
    assert (await refused(backup(settings, tmp_path / "no" / "folder", silent))).kind is Kind.NOT_FOUND
    none = await refused(backup(settings_in(tmp_path / "nothing"), tmp_path / "backup", silent))
    assert (none.kind, none.what) == (Kind.NOT_FOUND, "there is no data folder yet")
    assert names(tmp_path) == []
    with pytest.raises(XueliangError, match="MiB left and"):
        require_room(tmp_path, 1 << 60)


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """As on a disk that is full once a file has so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_leaves_nothing(original: Original, tmp_path: Path) -> None:
    data = shutil.copytree(original.data, tmp_path / "data")
    most = len(BANK) - 1
    assert (data / SQLITE).stat().st_size < most, "the reference alone must be too large"
    with no_file_over(most):
        full = await refused(backup(settings_in(data), tmp_path / "backup", silent))
        fuller = await refused(restore(settings_in(tmp_path / "new"), original.made, original.key, None, silent))
    assert (full.kind, fuller.kind) == (Kind.UNAVAILABLE, Kind.UNAVAILABLE)
    assert REFERENCE in full.where
    assert names(tmp_path) == ["data"]


@pytest.mark.parametrize("act", ["backup", "restore"])
async def test_an_interrupted_one_leaves_nothing(act: str, original: Original, tmp_path: Path) -> None:
    """Ctrl-C is a cancellation of the command's task."""

    def interrupt(done: int, of: int) -> None:
        task.cancel()

    if act == "backup":
        work = backup(settings_in(original.data), tmp_path / "backup", interrupt)
    else:
        work = restore(settings_in(tmp_path / "new"), original.made, original.key, None, interrupt)
    task = asyncio.create_task(work)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(tmp_path) == []
