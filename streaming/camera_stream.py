"""Wiring: one stream of one camera for all who look at it: its session, its ring, and the viewers' cursors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from camera_gateway.access_unit import AccessUnit
from camera_gateway.source import Source
from camera_gateway.source_state import SourceState
from config.clock import Clock
from config.errors import Kind, XueliangError
from streaming import fitness
from streaming.fitness import Unfit
from streaming.media_clock import MediaClock
from streaming.packet_ring import PacketRing
from streaming.packetiser import payloads
from streaming.view_state import STALL_SECONDS

log = logging.getLogger(__name__)

#: Units that may wait while the loop is busy: 5 s.
QUEUE = 128
#: A keyframe is asked for at most so often, for all viewers together.
REQUEST_SECONDS = 1.0
#: Who asks so soon after a keyframe has not seen it yet.
JUST_SENT_SECONDS = 0.3
#: Nothing has come for so long: the camera's session is looked after, and tried again without its full back-off.
HURRY_SECONDS = 4.0
#: Whoever only asks for a keyframe keeps the session so long, until the stream itself holds it.
ASK_LINGER_SECONDS = 1.0
#: Viewers served before others get a turn of the loop.
TURN_SECONDS = 0.005
#: So many small steps back in a row are pictures out of order, whatever their slices say.
BACKWARD = 3


class Watcher(Protocol):
    """A viewer as the stream sees it."""

    def pump(self) -> None:
        """There is something new in the ring."""
        ...

    def unfit(self, reason: Unfit) -> None:
        """The stream cannot be shown (any longer)."""
        ...

    def failed(self) -> None:
        """A mistake of ours in what was called last: this viewer is over, nobody else."""
        ...


class CameraStream:
    """``get`` hands out the camera's source; it is asked again whenever the source ends or the camera stays away."""

    def __init__(self, key: str, get: Callable[[], Awaitable[Source]], clock: Clock, linger: float) -> None:
        self.key = key
        self.ring = PacketRing()
        self.reason: Unfit | None = None
        self.codec: str | None = None
        self.received: float | None = None  # when the newest picture came
        self.units = 0
        self.damaged = 0
        self.watchers: dict[Watcher, None] = {}  # in order of arrival
        self.timeline = MediaClock()
        self._get = get
        self._clock = clock
        self._linger = linger
        self._source: Source | None = None
        self._failure: XueliangError | None = None
        self._asked_at = float("-inf")
        self._wanting = False
        self._tasks: list[asyncio.Task[Any]] = []
        self._begun = asyncio.Event()
        self._idle_since: float | None = None
        self._wanted = 0
        self._due: dict[Watcher, None] = {}  # who has not had its turn yet
        self._serving: asyncio.Handle | None = None

    @property
    def running(self) -> bool:
        return bool(self._tasks)

    @property
    def failure(self) -> XueliangError | None:
        """What keeps the camera away; ``None`` while its session stands."""
        source = self._source
        if source is None:
            return self._failure
        return source.failure if source.state in (SourceState.WAITING, SourceState.CONNECTING) else None

    def age(self) -> float | None:
        """Seconds since the newest picture."""
        return None if self.received is None else self._clock.monotonic() - self.received

    def start(self) -> None:
        if not self._tasks:
            self._idle_since = None
            self._tasks = [
                asyncio.create_task(self._run(), name=f"stream {self.key}"),
                asyncio.create_task(self._look_after(), name=f"stream {self.key} care"),
            ]
            for task in self._tasks:
                task.add_done_callback(_tell)

    async def ready(self, seconds: float) -> None:
        """Returns once pictures flow, or the session stands and only the keyframe is missing. Raises what keeps the
        camera away, as :meth:`Source.newest_keyframe` does."""
        self.start()
        if self.received is not None and self._clock.monotonic() - self.received <= STALL_SECONDS:
            return
        self.reason = None
        self._begun.clear()
        waiting = asyncio.create_task(self._first(seconds), name=f"stream {self.key} first")
        begun = asyncio.create_task(self._begun.wait())
        try:
            await asyncio.wait((waiting, begun), return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                waiting.result()
        finally:
            for task in (waiting, begun):
                task.cancel()
            await asyncio.gather(waiting, begun, return_exceptions=True)

    async def _first(self, seconds: float) -> None:
        source = await self._get()
        try:
            # Over the session that is to stay: without ``linger`` whoever asks first opens one of his own.
            await source.newest_keyframe(deadline=seconds, linger=ASK_LINGER_SECONDS)
        except XueliangError as error:
            if error.kind is Kind.TIMEOUT and source.state is SourceState.LIVE:
                return
            raise

    def want_keyframe(self) -> None:
        """Passed on to the camera at most once a second, until there is one."""
        newest = self.ring.keyframe
        if newest is None or self._clock.monotonic() - newest.received >= JUST_SENT_SECONDS:
            self._wanting = True
            self._ask()

    def _ask(self) -> None:
        now, source = self._clock.monotonic(), self._source
        if now - self._asked_at < REQUEST_SECONDS or source is None or source.state is not SourceState.LIVE:
            return
        self._asked_at = now
        task = asyncio.create_task(source.request_keyframe(), name=f"stream {self.key} keyframe")
        self._tasks.append(task)
        task.add_done_callback(self._forget)

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """Somebody is about to look: not idle."""
        self._wanted += 1
        try:
            yield
        finally:
            self._wanted -= 1

    def leave(self, watcher: Watcher) -> None:
        self.watchers.pop(watcher, None)

    def idle(self) -> bool:
        """Nobody has looked for as long as the stream is kept warm."""
        now = self._clock.monotonic()
        if self.watchers or self._wanted:
            self._idle_since = None
            return False
        if self._idle_since is None:
            self._idle_since = now
        return now - self._idle_since >= self._linger

    async def close(self) -> None:
        """Lets go of the camera's session."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._due = {}
        self.ring.clear()
        self.received = None
        self._begun.clear()

    async def _run(self) -> None:
        while True:
            try:
                self._source = await self._get()
                async with self._source.subscribe(QUEUE, linger=0.0) as units:
                    await units.hand_to(self._arrived)
            except XueliangError as error:
                self._failure = error
                log.info("x stream %s: %s", self.key, error.what)
            self._source = None
            await self._clock.sleep(1.0)  # the source was closed under us, or there is no address

    def _arrived(self, unit: AccessUnit) -> None:
        """From the camera to the viewers' sockets in one turn of the loop."""
        try:
            if self._take(unit):
                self._due = self._due | self.watchers if self._due else self.watchers.copy()
                if self._serving is None:
                    self._serve()
        except Exception:  # one picture that we stumble over must not end the camera for everybody
            log.exception("x stream %s stumbled", self.key)
            self.ring.clear()

    def _take(self, unit: AccessUnit) -> bool:
        """Whether there is something to send."""
        self.units += 1
        self.damaged += unit.damaged or unit.lost > 0
        self.codec = unit.codec.value
        reason = fitness.of_unit(unit)
        time = self.timeline.map(unit.rtp_time, unit.clock_rate, unit.received)
        if self.timeline.backward >= BACKWARD:
            reason = reason or Unfit.REORDERED
        if unit.keyframe and reason is None and self.timeline.backward == 0:
            self.reason = None
        if unit.keyframe:
            self.timeline.backward = 0
        self.received = unit.received
        if reason is not None and reason is not self.reason:
            self.reason = reason
            self.ring.clear()
            for watcher in list(self.watchers):
                try:
                    watcher.unfit(reason)
                except Exception:
                    self._failed(watcher)
        self._begun.set()
        if unit.keyframe and not unit.damaged:
            self._wanting = False
        elif unit.damaged or unit.lost:  # also where whole pictures are missing: viewers see no gap in our numbers
            self._wanting = True
        if self._wanting:
            self._ask()
        pieces = payloads(unit) if self.reason is None else []
        if pieces:
            self.ring.append(pieces, time, unit.keyframe and not unit.damaged, unit.received)
        return bool(pieces)

    def _serve(self) -> None:
        """Everybody's turn. Whom it does not reach in its time comes first the next time."""
        self._serving = None
        due, watchers, now = self._due, self.watchers, self._clock.monotonic
        until = now() + TURN_SECONDS
        for watcher in list(due):
            del due[watcher]
            if watcher not in watchers:
                continue
            try:
                watcher.pump()
            except Exception:
                self._failed(watcher)
            if now() > until and due:
                self._serving = asyncio.get_running_loop().call_soon(self._serve)
                return

    def _failed(self, watcher: Watcher) -> None:
        """Whatever goes wrong with one viewer ends that one, not the camera for everybody."""
        log.exception("x stream %s: a viewer failed", self.key)
        self.leave(watcher)
        watcher.failed()

    async def _look_after(self) -> None:
        """A camera that was rebooted is back within seconds, not at the end of a minute's back-off."""
        while True:
            await self._clock.sleep(HURRY_SECONDS)
            age = self.age()
            if self.watchers and (age is None or age > HURRY_SECONDS):
                try:
                    source = await self._get()  # a new address or password holds from here on
                    await source.newest_keyframe(deadline=HURRY_SECONDS, linger=ASK_LINGER_SECONDS)
                except XueliangError as error:
                    self._failure = error

    def _forget(self, task: asyncio.Task[Any]) -> None:
        if task in self._tasks:
            self._tasks.remove(task)
        if not task.cancelled() and task.exception() is not None:
            log.info("x stream %s: no keyframe asked for: %s", self.key, task.exception())


def _tell(task: asyncio.Task[Any]) -> None:
    """A stream's task ends only when it is told to; anything else is a mistake of ours."""
    if not task.cancelled() and task.exception() is not None:
        log.error("x %s ended", task.get_name(), exc_info=task.exception())
