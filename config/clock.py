"""Edge: the machine's clocks and timers, behind one protocol so that tests own the time."""

from __future__ import annotations

import asyncio
import heapq
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """``now`` is stored and shown; ``monotonic`` (seconds) is what deadlines and schedules use."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that moves only when told to: ``await clock.advance(60)`` wakes the sleepers that are due, in order."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._monotonic + max(0.0, seconds), self._count, future))
        await future

    def step(self, seconds: float) -> None:
        """The wall clock alone jumps, as when somebody sets it."""
        self._now += timedelta(seconds=seconds)

    async def advance(self, seconds: float) -> None:
        end = self._monotonic + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, future = heapq.heappop(self._sleepers)
            self._move(due)
            if not future.done():
                future.set_result(None)
            await self._settle()
        self._move(end)
        await self._settle()

    def _move(self, to: float) -> None:
        if to > self._monotonic:
            self._now += timedelta(seconds=to - self._monotonic)
            self._monotonic = to

    async def _settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
