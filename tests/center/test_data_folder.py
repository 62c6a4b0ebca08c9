"""The data folder is private, and one process at a time works with it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from center.data_folder import DataFolder
from config.errors import Kind, XueliangError


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
