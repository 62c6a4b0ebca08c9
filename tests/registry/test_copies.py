"""Copies of databases by their own tools: consistent, private, and stopped when nobody waits."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from config.errors import Kind, XueliangError
from registry import postgres_dump, sqlite_copy

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE a (x PRIMARY KEY)")
        db.executemany("INSERT INTO a VALUES (?)", [(f"{number:0200}",) for number in range(2000)])
        db.commit()
    return file


async def test_a_copy_is_sound_and_private(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "it's a copy"
    await sqlite_copy.copy_into(source, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    await sqlite_copy.require_sound(target)
    with closing(sqlite3.connect(target)) as db:
        assert db.execute("SELECT count(*) FROM a").fetchone() == (2000,)


async def test_nothing_is_copied_over_something(source: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        await sqlite_copy.copy_into(source, source)
    with pytest.raises(XueliangError) as caught:
        await sqlite_copy.copy_into(tmp_path / "none", tmp_path / "target")
    assert caught.value.kind is Kind.NOT_FOUND
    assert not (tmp_path / "none").exists()


async def test_a_copy_that_nobody_waits_for_ends(source: Path, tmp_path: Path) -> None:
    task = asyncio.create_task(sqlite_copy.copy_into(source, tmp_path / "target"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_damage_is_seen(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    await sqlite_copy.copy_into(source, target)
    data = bytearray(target.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4096] = bytes(4096)
    target.write_bytes(data)
    with pytest.raises(XueliangError, match="the database is damaged"):
        await sqlite_copy.require_sound(target)
    target.write_bytes(b"no database at all" * 100)
    with pytest.raises(XueliangError, match="the database is damaged"):
        await sqlite_copy.require_sound(target)


#: Stands for the program: writes down how it was called, and what lies in the file of passwords.
SPY = """#!/bin/sh
{ echo "$@"; env; cat "$PGPASSFILE"; stat -c %a "$PGPASSFILE"; } > "$0.seen"
echo "$0: the server said no" >&2
exit 3
"""


async def test_a_password_is_no_argument_and_in_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(SPY)
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SOMETHING_ELSE", "of ours")
    url = "postgresql://xl:p%3Aw%5C%40@127.0.0.1:5/db?sslmode=disable"
    with pytest.raises(XueliangError, match=r"pg_dump: .*the server said no") as caught:
        await postgres_dump.dump(url, tmp_path / "dump", snapshot="1-1", schema="public")
    assert caught.value.kind is Kind.UNAVAILABLE
    words, *rest = (tmp_path / "pg_dump.seen").read_text().splitlines()
    *environment, password, mode = rest
    assert "--dbname=postgresql://xl@127.0.0.1:5/db?sslmode=disable" in words
    assert (password, mode) == ("*:*:*:*:p\\:w\\\\@", "600")
    assert not [line for line in [words, *environment] if "p%3A" in line or "p:w" in line or "SOMETHING_ELSE" in line]
    named = next(line.partition("=")[2] for line in environment if line.startswith("PGPASSFILE="))
    assert not os.path.exists(named)  # noqa: ASYNC240 - one look


async def test_without_the_tools_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(XueliangError, match="postgresql-client"):
        await postgres_dump.restore("postgresql://xl@127.0.0.1/db", tmp_path / "dump", schema="public")
