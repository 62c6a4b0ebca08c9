"""What a killed backup leaves goes with the next one; nothing else of that folder does."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from center.backing_up import backup
from center.backup_place import BackupPlace, sweep
from center.cli import main
from center.storage import opened
from health.picture_files import PictureFiles
from tests.support.api_world import JPEG, camera_id
from tests.support.backup_world import names, settings_in, silent
from tests.support.tree import ROOT


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """An installation with one picture."""
    async with opened(settings_in(tmp_path / "data")) as storage:
        PictureFiles(storage.folder.evidence).put_good(camera_id("a", 1), JPEG)
    return tmp_path / "data"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    (tmp_path / "shelf").mkdir()
    return tmp_path / "shelf"


@asynccontextmanager
async def under_way(data: Path, target: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A backup in a process of its own that has copied a file and goes no further; killed in the end."""
    words = (sys.executable, "-m", "tests.support.backup_child", str(data), str(target))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"copying\n"
        yield process
    finally:
        process.kill()
        process.stdin.close()
        await process.wait()


async def test_the_next_one_removes_what_a_killed_one_left(
    data: Path, shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with under_way(data, shelf / "one"):
        (left,) = names(shelf)
        assert left.startswith("one.partial-")
        assert any((shelf / left).rglob("*.jpg"))
        beside = await backup(settings_in(data), shelf / "two", silent)
        assert beside["swept"] == []
        assert names(shelf) == [left, "two"], "one that is being made is left alone"
    assert names(shelf) == [left, "two"], "nobody tidies up after a kill"
    assert await asyncio.to_thread(main, ["backup", str(shelf / "three"), "--data", str(data)]) == 0
    assert f"{left} was left by a backup that was killed; it is gone" in capsys.readouterr().err
    assert names(shelf) == ["three", "two"]
    assert names(shelf / "two") == names(shelf / "three")


def stale(folder: Path, name: str) -> Path:
    """As a killed process leaves it."""
    place = BackupPlace(folder / name)
    place.begin()
    (place.path / "evidence").mkdir()
    (place.path / "evidence" / "x.jpg").write_bytes(JPEG)
    assert place._held is not None
    os.close(place._held)
    return place.path


def test_only_ours_goes(shelf: Path, tmp_path: Path) -> None:
    ours = stale(shelf, "a")
    elsewhere = stale(tmp_path, "b")
    (shelf / "of-others.partial-0123abcd").mkdir()
    (shelf / "a-file.partial-0123abcd").write_text("x")
    (shelf / "a-link.partial-0123abcd").symlink_to(elsewhere)
    stale(shelf, "named").rename(shelf / "named.partial-by-hand")
    kept = [name for name in names(shelf) if name != ours.name]
    assert sweep(shelf) == [ours.name]
    assert names(shelf) == kept
    assert elsewhere.is_dir()
    assert sweep(shelf / "nowhere") == []


def test_another_users_stays(shelf: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(stale(shelf, "a"), 65534, 65534)
    assert sweep(shelf) == []


def test_what_was_half_removed_is_still_known_as_ours(shelf: Path) -> None:
    path = stale(shelf, "a")
    shutil.rmtree(path / "evidence")
    assert sweep(shelf) == [path.name]
    assert names(shelf) == []
