"""Pure: the bounded queue between a shared source and one of its users; the newest pictures win."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from camera_gateway.access_unit import AccessUnit

#: Whatever the count, no user holds back more than a few seconds of a 4K stream.
MAX_BYTES = 24 * 1024 * 1024


class Subscription:
    """An asynchronous iterator of units that begins with a keyframe and ends when the source is closed.

    A user who is too slow loses everything that waits, counted in ``dropped``, and goes on with the next keyframe,
    so that what it gets can always be decoded. A new session of the camera also begins with a keyframe.
    """

    __slots__ = ("_bytes", "_closed", "_limit", "_sink", "_to_keyframe", "_units", "_wait", "dropped")

    def __init__(self, limit: int) -> None:
        self.dropped = 0
        self._limit = max(1, limit)
        self._units: deque[AccessUnit] = deque()
        self._bytes = 0
        self._to_keyframe = True
        self._wait: asyncio.Future[None] | None = None
        self._sink: Callable[[AccessUnit], None] | None = None
        self._closed = False

    def put(self, unit: AccessUnit) -> None:
        if unit.keyframe:
            self._to_keyframe = False
        elif self._to_keyframe:
            return
        if self._sink is not None:
            self._sink(unit)
            return
        if len(self._units) >= self._limit or (self._units and self._bytes + unit.size > MAX_BYTES):
            self.dropped += len(self._units)
            self._units.clear()
            self._bytes = 0
            if not unit.keyframe:
                self.dropped += 1
                self._to_keyframe = True
                return
        self._units.append(unit)
        self._bytes += unit.size
        self._wake()

    def restart(self) -> None:
        """The session was replaced: what follows is not continuous with what was."""
        self._to_keyframe = True

    def close(self) -> None:
        self._closed = True
        self._wake()

    async def hand_to(self, sink: Callable[[AccessUnit], None]) -> None:
        """For who is never slow: every unit goes to ``sink`` in the turn of the loop that brought it, until the source
        is closed. ``sink`` raises nothing."""
        while self._units:
            unit = self._units.popleft()
            self._bytes -= unit.size
            sink(unit)
        self._sink = sink
        try:
            async for _ in self:
                pass
        finally:
            self._sink = None

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> AccessUnit:
        while not self._units:
            if self._closed:
                raise StopAsyncIteration
            self._wait = asyncio.get_running_loop().create_future()
            try:
                await self._wait
            finally:
                self._wait = None
        unit = self._units.popleft()
        self._bytes -= unit.size
        return unit

    def _wake(self) -> None:
        if self._wait is not None and not self._wait.done():
            self._wait.set_result(None)
