"""Edge: the schedule of this machine, waiting on its clock."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from config.clock import Clock
from health.freshness import Freshness
from health.observation import Tier
from health.schedule import Planned, Probe, Schedule

#: Sums of floats fall short of a due time by a hair; a wait of nothing would then turn round and round.
_SHORTEST = 0.001


class EmbeddedScheduler:
    """One reader of :meth:`next` at a time; everything else may be called from any task of the loop."""

    def __init__(self, schedule: Schedule, clock: Clock) -> None:
        self.schedule = schedule
        self._clock = clock
        self._ready: deque[Probe] = deque()
        self._wake = asyncio.Event()

    def plan(self, planned: Iterable[Planned], troubled: frozenset[str] = frozenset()) -> None:
        wall, now = self._clock.now().timestamp(), self._clock.monotonic()
        for one in planned:
            self.schedule.plan(one, wall=wall, now=now, troubled=one.camera_id in troubled)
        self._wake.set()

    def forget(self, camera_id: str) -> None:
        self.schedule.forget(camera_id)

    async def next(self) -> Probe:
        while not self._ready:
            self._wake.clear()
            self._ready.extend(self.schedule.start(self._clock.monotonic()))
            if not self._ready:
                await self._until(self.schedule.next_due())
        return self._ready.popleft()

    async def _until(self, due: float | None) -> None:
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._wake.wait())]
        if due is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep(max(_SHORTEST, due - self._clock.monotonic()))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def finished(self, probe: Probe) -> None:
        self.schedule.finished(probe, self._clock.monotonic())
        self._wake.set()

    def mark(self, camera_id: str, *, troubled: bool) -> None:
        self.schedule.mark(camera_id, troubled=troubled)

    def burst(self, camera_id: str, of: str) -> bool:
        begun = self.schedule.burst(camera_id, of, self._clock.monotonic())
        if begun:
            self._wake.set()
        return begun

    def check_now(self, camera_id: str, command_id: str) -> bool:
        taken = self.schedule.check_now(camera_id, command_id, self._clock.monotonic())
        self._wake.set()
        return taken

    def next_check(self, camera_id: str) -> float | None:
        due = self.schedule.next_check(camera_id)
        return None if due is None else max(0.0, due - self._clock.monotonic())

    def overdue(self) -> float:
        due = self.schedule.next_due()
        return 0.0 if due is None else max(0.0, self._clock.monotonic() - due)

    def freshness(self, tier: Tier) -> Freshness:
        return self.schedule.freshness(tier, self._clock.monotonic())
