"""Edge: the driver of SQLite: a statement goes to its connection's thread and comes back with its rows in one trip.

The library makes four trips of one statement (cursor, execute, fetch, close), each a wake-up of two threads that share
one interpreter; and one more for a ``BEGIN`` that SQLite itself puts off until something is read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiosqlite

#: Takes no lock and reads nothing by itself.
DEFERRED = "BEGIN"
_CHUNK = 64


class OneTrip(aiosqlite.Connection):
    """For the engine's ``async_creator``: the part of the library's interface that SQLAlchemy calls."""

    def __init__(self, file: Path) -> None:
        super().__init__(lambda: sqlite3.connect(file, check_same_thread=False), _CHUNK)
        self._thread.daemon = True
        self._put_off = False
        #: No trip is under way: one whose caller was cancelled goes on, and what it leaves behind is not known here.
        self._home = True

    def cursor(self) -> OneTripCursor:  # type: ignore[override]  # what is awaited of it is the same
        return OneTripCursor(self)

    async def commit(self) -> None:
        if self._begun():
            await self.trip(sqlite3.Connection.commit)

    async def rollback(self) -> None:
        if self._begun():
            await self.trip(sqlite3.Connection.rollback)

    def put_off(self) -> None:
        """``BEGIN`` goes with the statement after it."""
        self._put_off = True

    async def trip(self, act: Callable[[sqlite3.Connection], Any]) -> Any:
        """``act`` in the connection's thread, after a ``BEGIN`` that was put off."""
        begin, self._put_off = self._put_off, False

        def there() -> Any:
            if begin:
                self._conn.execute(DEFERRED)
            return act(self._conn)

        self._home = False
        try:
            found = await self._execute(there)  # type: ignore[no-untyped-call]  # the library's
        except sqlite3.Error:
            self._home = True
            raise
        self._home = True
        return found

    def _begun(self) -> bool:
        """Whether there is, or may be, a transaction to end."""
        self._put_off = False
        return not self._home or self._conn.in_transaction


class OneTripCursor:
    """One statement's; ``fetchall`` gives what ``execute`` brought."""

    arraysize = 1

    def __init__(self, connection: OneTrip) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> OneTripCursor:
        return self

    async def execute(self, sql: str, parameters: Any = ()) -> OneTripCursor:
        if sql == DEFERRED:
            self._connection.put_off()
            return self
        return await self._go(lambda cursor: cursor.execute(sql, parameters))

    async def executemany(self, sql: str, parameters: Any) -> OneTripCursor:
        return await self._go(lambda cursor: cursor.executemany(sql, parameters))

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """It was, at the end of its trip."""

    async def _go(self, act: Callable[[sqlite3.Cursor], Any]) -> OneTripCursor:
        def there(connection: sqlite3.Connection) -> tuple[Any, ...]:
            cursor = connection.cursor()
            try:
                act(cursor)
                rows = cursor.fetchall() if cursor.description else []
                return rows, cursor.description, cursor.rowcount, cursor.lastrowid
            finally:
                cursor.close()

        self._rows, self.description, self.rowcount, self.lastrowid = await self._connection.trip(there)
        return self
