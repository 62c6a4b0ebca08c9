"""Edge: the database engines (SQLite by default, PostgreSQL by URL), their transactions and the one ``MetaData``.

Nothing of the library is handed on to rooms above their stores: they hold a :class:`Database`, pass the connection of
``db.write()`` or ``db.read()`` to store functions, and never build SQL.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from config.clock import Clock, SystemClock
from config.errors import Kind, XueliangError
from config.settled import settled
from registry.batch_store import Batch
from registry.keys import KeyRing
from registry.sqlite_driver import DEFERRED, OneTrip

#: The handle that ``db.read()`` and ``db.write()`` give and that store functions take; opaque to everybody else.
Connection: TypeAlias = AsyncConnection

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Structured values: JSONB on PostgreSQL, JSON text on SQLite; ``None`` is SQL's NULL.
Json = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

#: Numbers of rows that the database gives; SQLite does so only in a column it calls INTEGER.
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_E = TypeVar("_E", bound=StrEnum)
_OPTION = "xueliang_context"
#: Readers of SQLite are threads; more than this only queue at the disk.
_READERS = 4
_POOL = 8
_BUSY_MS = 10_000


class UtcTime(sa.types.TypeDecorator[datetime]):
    """A moment in UTC, to the microsecond. SQLite keeps microseconds since 1970 (so that order holds), PostgreSQL
    ``timestamptz``. A naive datetime is refused: whose zone it meant cannot be known later."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time needs a zone; this one has none")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return _EPOCH + timedelta(microseconds=int(value))


class Word(sa.types.TypeDecorator[_E]):
    """One member of a closed enum, kept as its text (at most 40 characters)."""

    impl = sa.String
    cache_ok = True

    def __init__(self, members: type[_E]) -> None:
        super().__init__(40)
        self.members = members
        self._known: dict[Any, _E] = {member.value: member for member in members}

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.members(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> _E | None:
        return None if value is None else self._known.get(value) or self.members(value)


@dataclass(slots=True)
class _Context:
    clock: Clock
    keys: KeyRing | None = None


def clock_of(connection: Connection) -> Clock:
    """The clock of the database that ``connection`` belongs to."""
    return _context(connection).clock


def keys_of(connection: Connection) -> KeyRing:
    """The key ring of the database. Raises ``INTERNAL`` where it was opened without one: no unaudited edits."""
    keys = _context(connection).keys
    if keys is None:
        raise XueliangError(
            Kind.INTERNAL,
            "this database was opened without its keys, so that no audited change can be written",
            fix="Call registry.key_store.open_keys(db, master) after migrate(db)",
        )
    return keys


def _context(connection: Connection) -> _Context:
    context: _Context = connection.sync_connection.get_execution_options()[_OPTION]  # type: ignore[union-attr]
    return context


class Database:
    """Opened once, closed once. ``read()`` and ``write()`` are transactions; leaving ``write()`` commits it."""

    def __init__(self, url: URL, context: _Context, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._url = url
        self._context = context
        self._writer = writer
        self._reader = reader
        self._turn = asyncio.Lock()
        self._closed = False
        #: Why the last write was not taken, in words; empty once one is again.
        self.trouble = ""
        #: Samples and other writes that may wait a second for their commit.
        self.batch = Batch(self.write, context.clock, interval=1.0)
        #: Writes that must stand before the caller goes on: what arrives during one commit shares the next.
        self.soon = Batch(self.write, context.clock, interval=0.0)

    @classmethod
    async def open(cls, url: str, *, clock: Clock | None = None, keys: KeyRing | None = None) -> Database:
        """``sqlite:///FILE`` (see :func:`sqlite_file`) or ``postgresql://[USER@]HOST/NAME``; raises ``INVALID`` or
        ``UNAVAILABLE``."""
        parsed = _parse(url)
        context = _Context(clock or SystemClock(), keys)
        options: dict[str, Any] = {"hide_parameters": True, "execution_options": {_OPTION: context}}
        file = sqlite_file(url)
        if file is not None:
            _prepare_file(file)
            options["async_creator"] = lambda: OneTrip(file)
            writer = create_async_engine(parsed, pool_size=1, max_overflow=0, **options)
            reader = create_async_engine(parsed, pool_size=_READERS, max_overflow=0, **options)
            _as_sqlite(writer, writes=True)
            _as_sqlite(reader, writes=False)
        else:
            writer = create_async_engine(parsed, pool_size=_POOL, max_overflow=0, pool_pre_ping=True, **options)
            reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        db = cls(parsed, context, writer, reader)
        try:
            async with db.write() as connection:
                await connection.execute(sa.text("SELECT 1"))
        except BaseException:
            await db.close()
            raise
        return db

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._url.get_backend_name()

    @property
    def file(self) -> Path | None:
        """The database file, or ``None`` for PostgreSQL."""
        return Path(self._url.database or "") if self.dialect == "sqlite" else None

    @property
    def clock(self) -> Clock:
        return self._context.clock

    @property
    def keys(self) -> KeyRing | None:
        return self._context.keys

    def use_keys(self, keys: KeyRing) -> None:
        """From now on edits are audited under ``keys``."""
        self._context.keys = keys

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """One consistent view; a write in it fails."""
        with _mapped():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """One transaction, committed on leaving, rolled back on an exception; one at a time.

        A task cancelled in the middle of it leaves nothing behind: what was begun is rolled back (or, once the commit
        runs, committed) to the end before the next writer's turn, however often the task is cancelled.

        On PostgreSQL an advisory lock of the schema serves several processes: rows are then never locked in two
        orders, and the change feed and the audit chain need no lock of their own.
        """
        try:
            async with self._one_by_one() as connection:
                yield connection
        except XueliangError as error:
            if isinstance(error.__cause__, OperationalError):
                self.trouble = error.what
            raise
        self.trouble = ""

    @asynccontextmanager
    async def _one_by_one(self) -> AsyncIterator[Connection]:
        with _mapped():
            async with self._turn:
                connection = self._writer.connect()
                try:
                    await settled(_begin(connection))
                    if self.dialect == "postgresql":
                        await connection.execute(
                            sa.text("SELECT pg_advisory_xact_lock(hashtext(current_schema()), 1482183)")
                        )
                    yield connection
                    await settled(connection.commit())
                finally:
                    # A transaction that a cancelled task left behind would stop every writer until it timed out.
                    if connection.sync_connection is not None:
                        await settled(connection.close())

    @asynccontextmanager
    async def reshape(self) -> AsyncIterator[Connection]:
        """A write transaction for migrations: SQLite rebuilds tables, so references are checked at its end."""
        if self.dialect == "postgresql":
            async with self.write() as connection:
                yield connection
            return
        with _mapped():
            async with self._turn, self._writer.connect() as connection:
                raw = await connection.get_raw_connection()
                driver: Any = raw.driver_connection
                await driver.execute("PRAGMA foreign_keys=OFF")
                try:
                    async with connection.begin():
                        yield connection
                        broken = (await connection.execute(sa.text("PRAGMA foreign_key_check"))).all()
                        if broken:
                            raise XueliangError(
                                Kind.INTERNAL, f"the migration left {len(broken)} rows that refer to nothing"
                            )
                finally:
                    await driver.execute("PRAGMA foreign_keys=ON")

    async def checkpoint(self) -> None:
        """SQLite: bring the write-ahead log into the file and cut it; nothing to do elsewhere."""
        if self.dialect != "sqlite":
            return
        with _mapped():
            async with self._turn, self._writer.connect() as connection:
                raw = await connection.get_raw_connection()
                driver: Any = raw.driver_connection
                cursor = await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                await cursor.close()

    async def close(self) -> None:
        """Commit what the batches hold, checkpoint, let go of every connection. May be called twice."""
        if self._closed:
            return
        self._closed = True
        try:
            await self.batch.close()
            await self.soon.close()
        finally:
            await self._reader.dispose()
            try:
                await self.checkpoint()
            except XueliangError:
                # The write-ahead log stays and is read at the next start; nothing acknowledged is in danger.
                pass
            finally:
                await self._writer.dispose()


async def _begin(connection: AsyncConnection) -> None:
    await connection.start()
    await connection.begin()


def sqlite_file(url: str) -> Path | None:
    """The file of a ``sqlite:///FILE``, ``None`` of another address. All that follows is the file's name, whatever
    characters are in it: there are no options."""
    name = url.removeprefix("sqlite:///")
    return Path(name) if name not in (url, "", ":memory:") else None


def _parse(url: str) -> URL:
    fix = "sqlite:///FILE or postgresql://[USER@]HOST/NAME"
    file = sqlite_file(url)
    if file is not None:
        return URL.create("sqlite+aiosqlite", database=str(file))
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise XueliangError(Kind.INVALID, "not the address of a database", fix=fix) from error
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise XueliangError(Kind.INVALID, "not a database that can be used here", fix=fix)


def _prepare_file(path: Path) -> None:
    """The file is made for its owner alone; its log and index files take the same mode from it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise XueliangError(
            Kind.UNAVAILABLE,
            f"the database file cannot be opened: {error.strerror}",
            where=str(path),
            fix="Create the folder and let the service write to it",
        ) from error


def _as_sqlite(engine: AsyncEngine, *, writes: bool) -> None:
    """Transactions are ours: the driver's own habit would begin them too late for a consistent read."""

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={_BUSY_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "trusted_schema=OFF",
            f"wal_autocheckpoint={1000 if writes else 0}",
            f"query_only={0 if writes else 1}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else DEFERRED)

    sa.event.listen(engine.sync_engine, "connect", on_connect)
    sa.event.listen(engine.sync_engine, "begin", on_begin)


class _mapped:
    """The library's exceptions become ours here and nowhere else; parameters never enter a text."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, IntegrityError):
            raise XueliangError(
                Kind.CONFLICT,
                "the change breaks a rule of the database: a key stands already or refers to nothing",
                fix="Load the objects again and repeat the change",
            ) from error
        if isinstance(error, DBAPIError | sqlite3.Error):  # the second is what the driver itself is asked for
            reason = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()
            raise XueliangError(
                Kind.UNAVAILABLE,
                f"the database did not do it: {(reason or ['no reason given'])[0][:200]}",
                fix="Look at the disk's free space, its rights and, for PostgreSQL, at the server",
            ) from error
        if isinstance(error, PoolTimeout):
            raise XueliangError(Kind.UNAVAILABLE, "every connection to the database is busy") from error
        if isinstance(error, SQLAlchemyError):
            raise XueliangError(Kind.INTERNAL, f"the database layer failed: {type(error).__name__}") from error
