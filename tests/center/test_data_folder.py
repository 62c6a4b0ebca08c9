"""The data folder is private, and one process at a time works with it."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from center.backing_up import backup
from center.cli import main
from center.data_folder import DataFolder
from center.restoring import restore
from config.errors import Kind, XueliangError
from tests.support.backup_world import names, settings_in, silent


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_private(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "a" / "b")
    folder.prepare()
    assert [mode(path) for path in (folder.path, folder.keys, folder.references, folder.evidence)] == [0o700] * 4


def test_an_open_one_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    DataFolder(tmp_path).prepare()
    assert mode(tmp_path) == 0o700


def test_a_second_one_is_told_who_holds_it(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    assert not second.locked_by_other()
    first.lock()
    assert second.locked_by_other()
    with pytest.raises(XueliangError, match=r"process [0-9]+") as caught:
        second.lock()
    assert caught.value.kind is Kind.CONFLICT
    first.unlock()
    assert not second.locked_by_other()
    second.lock()
    second.unlock()


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(XueliangError, match="data folder cannot be used") as caught:
        DataFolder(tmp_path / "file").prepare()
    assert caught.value.kind is Kind.UNAVAILABLE


async def test_its_name_is_a_name_whatever_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``?`` begins the options of an address, ``#`` its fragment, ``%`` a coded byte; here each is only itself."""
    data, copy, again = (tmp_path / f"{n} of what? #1 50%25" for n in ("data", "copy", "again"))
    assert await asyncio.to_thread(main, ["migrate", "--data", str(data)]) == 0
    assert "the schema went from nothing to" in capsys.readouterr().out
    assert names(data) == ["evidence", "keys", "lock", "references", "xueliang.sqlite"]
    told = await backup(settings_in(data), copy, silent)
    await restore(settings_in(again), copy, data / "keys" / "master.key", None, silent)
    assert told["database"] == "sqlite"
    assert "xueliang.sqlite" in names(again)
    assert names(tmp_path) == sorted(path.name for path in (data, copy, again))
