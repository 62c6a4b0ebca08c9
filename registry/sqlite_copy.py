"""Edge: a consistent copy of a SQLite file that others write to, and whether a file is sound.

``VACUUM INTO`` reads one snapshot: with a write-ahead log no writer waits for it. Unlike the page copy it leaves out
free pages, so that what was deleted after its days does not live on in a backup.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from config.errors import Kind, XueliangError
from config.settled import settled

_BUSY_SECONDS = 10.0
_T = TypeVar("_T")


async def copy_into(source: Path, target: Path) -> None:
    """``target`` is made with mode 0600. Raises ``NOT_FOUND`` without a source, ``UNAVAILABLE`` where the disk does not
    do it. Cancelled, it stops at once; the half is the caller's to remove."""
    if not source.is_file():  # noqa: ASYNC240 - one look at a local disk
        raise XueliangError(Kind.NOT_FOUND, "there is no database yet", where=str(source), fix="Start the service once")
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("VACUUM INTO ?", (str(target),))

    try:
        await _asked(source, "mode=ro", work)
    except sqlite3.Error as error:
        what = f"the database cannot be copied: {error}"
        fix = "Look at the free space where the backup goes, and at the disk of the data folder"
        raise XueliangError(Kind.UNAVAILABLE, what, where=str(target.parent), fix=fix) from error


async def require_sound(file: Path) -> None:
    """Every page, index and reference of a file that nobody writes to. Raises ``INVALID``."""

    def work(connection: sqlite3.Connection) -> list[str]:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
        broken = connection.execute("PRAGMA foreign_key_check").fetchmany(10)
        return [*(text for text in found if text != "ok"), *(f"a row of {row[0]} refers to nothing" for row in broken)]

    try:
        found = await _asked(file, "mode=ro&immutable=1", work)
    except sqlite3.Error as error:
        found = [str(error)]
    if found:
        raise XueliangError(
            Kind.INVALID, f"the database is damaged: {found[0][:200]}", where=file.name, fix="Take an older backup"
        )


async def _asked(file: Path, how: str, work: Callable[[sqlite3.Connection], _T]) -> _T:
    """``work`` in a thread, interrupted and awaited when the caller is cancelled."""
    uri = f"file:{quote(str(file))}?{how}"
    options = {"uri": True, "isolation_level": None, "check_same_thread": False, "timeout": _BUSY_SECONDS}
    with closing(sqlite3.connect(uri, **options)) as connection:  # type: ignore[arg-type]  # as the library says
        for pragma in ("trusted_schema=OFF", "cell_size_check=ON"):
            connection.execute(f"PRAGMA {pragma}")
        task = asyncio.ensure_future(asyncio.to_thread(work, connection))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            connection.interrupt()
            await settled(_ended(task))
            raise


async def _ended(task: asyncio.Future[_T]) -> None:
    """Whatever came of it; nobody asks any longer."""
    await asyncio.wait((task,))
    task.exception()
