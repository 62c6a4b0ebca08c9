"""Edge: group commit. Many small writes share one transaction; each caller learns when its own is on the disk."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from config.clock import Clock
from config.errors import Kind, XueliangError

log = logging.getLogger(__name__)

#: Beyond this many waiting writes, callers wait too: a slow disk must not fill the memory.
MAX_WAITING = 5_000
MAX_GROUP = 1_000
#: What somebody waits to see waits no longer than this for company.
SOON_SECONDS = 0.25

Work = Callable[[AsyncConnection], Awaitable[None]]
#: Writes many alike at once, in the order in which they were queued.
Joint = Callable[[AsyncConnection, Sequence[Any]], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Item:
    ack: asyncio.Future[None]
    statement: Executable | None = None
    parameters: Mapping[str, Any] | None = None
    work: Work | None = None
    joint: Joint | None = None
    part: Any = None


class Batch:
    """``ack = await batch.add(statement, {...})`` returns once queued; ``await ack`` returns once committed.

    A group is committed ``interval`` seconds after its first write, or earlier: when it is full, or a quarter of a
    second after one of it was added ``soon``. If a group fails, its writes are repeated one by one, so that a bad one
    fails alone.
    """

    def __init__(
        self,
        write: Callable[[], AbstractAsyncContextManager[AsyncConnection]],
        clock: Clock,
        *,
        interval: float,
    ) -> None:
        self._write = write
        self._clock = clock
        self._interval = interval
        self._waiting: deque[_Item] = deque()
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._flushing = False
        self._hasty = False
        self._closing = False
        self.committed = 0
        self.groups = 0

    async def add(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> asyncio.Future[None]:
        """Queue one statement. Equal statement objects that follow each other are sent together."""
        return await self._put(_Item(_future(), statement=statement, parameters=parameters or {}))

    async def add_work(self, work: Work) -> asyncio.Future[None]:
        """Queue several statements that belong together: ``work`` runs in the group's transaction.

        It may be called twice: when one of a group fails, all of it is rolled back and each is done alone. So it
        must only write.
        """
        return await self._put(_Item(_future(), work=work))

    async def add_joint(self, joint: Joint, part: Any, *, soon: bool = False) -> asyncio.Future[None]:
        """Queue one of many alike: a hundred of a group cost ``joint`` hardly more statements than one.

        Like ``work`` it may be called twice. Single statements and joint writes of one group may change places with
        each other, never with ``work``.
        """
        return await self._put(_Item(_future(), joint=joint, part=part), soon)

    async def flush(self) -> None:
        """Commit now what is queued, and wait for it."""
        async with self._changed:
            acks = [item.ack for item in self._waiting]
            self._flushing = bool(acks)
            self._changed.notify_all()
        if acks:
            await asyncio.wait(acks)

    async def close(self) -> None:
        """Commit what is queued; refuse more."""
        async with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._task is not None:
            await self._task
            self._task = None

    async def _put(self, item: _Item, soon: bool = False) -> asyncio.Future[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._waiting) < MAX_WAITING or self._closing)
            if self._closing:
                raise XueliangError(Kind.UNAVAILABLE, "the database is being closed")
            if self._task is None:
                self._task = asyncio.create_task(self._run(), name="batch")
            self._waiting.append(item)
            self._hasty = self._hasty or soon
            self._changed.notify_all()
        return item.ack

    async def _run(self) -> None:
        while await self._next_due():
            async with self._changed:
                group = [self._waiting.popleft() for _ in range(min(MAX_GROUP, len(self._waiting)))]
                self._flushing = self._flushing and bool(self._waiting)
                self._hasty = self._hasty and bool(self._waiting)
                self._changed.notify_all()
            await self._commit(group)

    async def _next_due(self) -> bool:
        """Wait until a group should go; false once closed and empty."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting or self._closing)
        if self._interval and self._waiting and not self._full():
            await _first_of(self._clock.sleep(self._interval), self._hurry())
        return bool(self._waiting)

    async def _hurry(self) -> None:
        """Until the group is full, or has waited long enough for what may not wait longer."""
        await self._until(lambda: self._full() or self._hasty)
        if not self._full():
            await _first_of(self._clock.sleep(SOON_SECONDS), self._until(self._full))

    async def _until(self, true: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(true)

    def _full(self) -> bool:
        return self._closing or self._flushing or len(self._waiting) >= MAX_GROUP

    async def _commit(self, group: list[_Item]) -> None:
        try:
            async with self._write() as connection:
                for run in _runs(group):
                    await _execute(connection, run)
        except Exception as error:  # the cause goes to each caller whose write fails alone too
            if len(group) == 1:
                _fail(group[0], error)
                return
            log.warning("x batch of %d writes failed, repeating one by one: %s", len(group), type(error).__name__)
            for item in group:
                await self._commit([item])
            return
        self.groups += 1
        self.committed += len(group)
        for item in group:
            if not item.ack.done():
                item.ack.set_result(None)


async def _first_of(*waits: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _future() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    # A caller that does not wait is still told of by the log, not by the interpreter's complaint at exit.
    future.add_done_callback(lambda done: None if done.cancelled() else done.exception())
    return future


def _fail(item: _Item, error: Exception) -> None:
    log.error("x write not committed: %s", error)
    if not item.ack.done():
        item.ack.set_exception(error)


def _runs(group: list[_Item]) -> list[list[_Item]]:
    runs: list[list[_Item]] = []
    for item in group:
        last = _last(runs, item)
        if last is not None and _alike(last[0], item):
            last.append(item)
        else:
            runs.append([item])
    return runs


def _last(runs: list[list[_Item]], item: _Item) -> list[_Item] | None:
    """The run that ``item`` may not overtake: a joint write passes statements, a statement passes joint writes."""
    for run in reversed(runs):
        if run[0].work is not None or item.work is not None or (run[0].joint is None) == (item.joint is None):
            return run
    return None


def _alike(first: _Item, item: _Item) -> bool:
    if item.joint is not None:
        return first.joint is item.joint
    # Many at once are sent with the columns of the first, so the others must have the same.
    same = item.statement is not None and first.statement is item.statement
    return same and (first.parameters or {}).keys() == (item.parameters or {}).keys()


async def _execute(connection: AsyncConnection, run: list[_Item]) -> None:
    first = run[0]
    if first.work is not None:
        await first.work(connection)
    elif first.joint is not None:
        await first.joint(connection, [item.part for item in run])
    elif first.statement is not None:
        await connection.execute(first.statement, [dict(item.parameters or {}) for item in run])
