"""Wiring: one session per camera stream at most, shared by whoever wants its pictures, released when nobody does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from camera_gateway.access_unit import AccessUnit
from camera_gateway.rtsp.client import KeyframeResult, RtspClient
from camera_gateway.rtsp.receiver import Stats
from camera_gateway.rtsp.sdp import Description
from camera_gateway.rtsp.session import RtspSession
from camera_gateway.rtsp.timing import Timings
from camera_gateway.rtsp.video_format import VideoFormat
from camera_gateway.source_state import SourceEvent, SourceState, advance
from camera_gateway.subscription import Subscription
from camera_gateway.target import StreamTarget
from config.clock import Clock
from config.errors import Kind, XueliangError

#: Full jitter: a random share of base * 2^n, so that a rebooted recorder is not stormed by all its channels at once.
RETRY_BASE = 1.0
RETRY_CAP = 60.0

StateChanged = Callable[["Source", SourceState, SourceState], None]


class Source:
    """Made by :meth:`SourceHub.source`. ``state`` tells stalls and waits; ``failure`` the last cause."""

    def __init__(
        self, key: str, target: StreamTarget, client: RtspClient, clock: Clock, rng: random.Random, idle_seconds: float
    ) -> None:
        self.key = key
        self.target = target
        self.state = SourceState.IDLE
        self.failure: XueliangError | None = None
        self.timings = Timings()
        self.stats = Stats()
        self.format: VideoFormat | None = None
        self.description: Description | None = None
        self.login = ""
        self.transport = ""
        self.on_state: StateChanged | None = None
        self._client = client
        self._clock = clock
        self._random = rng
        self._idle_seconds = idle_seconds
        self._newest: AccessUnit | None = None
        self._one_session = asyncio.Lock()
        self._session: RtspSession | None = None
        self._subscriptions: set[Subscription] = set()
        self._waiters: set[asyncio.Future[AccessUnit]] = set()
        self._users = 0
        self._queue = 0  # callers of one-shot keyframes, the one at work included
        self._runner: asyncio.Task[None] | None = None
        self._idle: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._stopping = False

    @asynccontextmanager
    async def subscribe(self, limit: int = 64, linger: float | None = None) -> AsyncIterator[Subscription]:
        """Units from the next keyframe on, over reconnects, in a queue of at most ``limit``. The session stays for
        ``linger`` seconds after the last user, where nothing is said for the hub's ``idle_seconds``."""
        subscription = Subscription(limit)
        self._subscriptions.add(subscription)
        try:
            async with self._used(self._idle_seconds if linger is None else linger):
                await self.request_keyframe()
                yield subscription
        finally:
            self._subscriptions.discard(subscription)
            subscription.close()

    async def request_keyframe(self) -> bool:
        """Asks the camera, if a session stands; it is asked at most once a second, whoever wants it."""
        return self._session is not None and await self._session.request_keyframe()

    async def newest_keyframe(
        self, max_age: float = 0.0, deadline: float | None = None, linger: float = 0.0
    ) -> AccessUnit:
        """A whole keyframe that arrived at most ``max_age`` seconds before this call, or the next one.

        Shares the session that stands. Without one it opens a session that ends with the keyframe, or stays for
        ``linger`` seconds. Concurrent callers share one session. Raises what the camera's failure was, or
        ``TIMEOUT`` after ``deadline`` seconds.
        """
        asked = self._clock.monotonic()
        if self._newest is not None and max_age > 0 and asked - self._newest.received <= max_age:
            return self._newest
        self._check_open()
        try:
            async with asyncio.timeout(deadline):
                if self._runner is not None or linger > 0:
                    async with self._used(max(linger, self._idle_seconds if self._runner else 0.0)):
                        return await self._next_keyframe()
                return await self._one_shot(asked)
        except TimeoutError as error:
            raise XueliangError(
                Kind.TIMEOUT, f"no keyframe within {deadline or 0:g} s", where=self._where, fix="Try again"
            ) from error

    def retarget(self, target: StreamTarget) -> None:
        """A new address or new credentials hold from the next session on; a failed one is tried again at once."""
        if target != self.target:
            self.target = target
            self._hurry.set()

    async def close(self) -> None:
        """Ends the session and every subscription."""
        self._step(SourceEvent.CLOSE)
        if self._idle is not None:
            self._idle.cancel()
            await asyncio.gather(self._idle, return_exceptions=True)
            self._idle = None
        await self._end_runner()
        for subscription in self._subscriptions:
            subscription.close()
        self._tell(XueliangError(Kind.GONE, "the source is closed", where=self._where))

    @property
    def _where(self) -> str:
        return f"{self.target.host}:{self.target.port}"

    def _check_open(self) -> None:
        if self.state is SourceState.CLOSED:
            raise XueliangError(Kind.GONE, "the source is closed", where=self._where)

    @asynccontextmanager
    async def _used(self, linger: float) -> AsyncIterator[None]:
        """Keeps the session while the body runs, and ``linger`` seconds after the last user has left."""
        self._check_open()
        self._users += 1
        if self._idle is not None:
            idle, self._idle = self._idle, None
            idle.cancel()
        if self._runner is None or self._runner.done():
            self._stopping = False
            self._runner = asyncio.create_task(self._run(), name=f"source {self.key}")
        try:
            yield
        finally:
            self._users -= 1
            if not self._users and self.state is not SourceState.CLOSED:
                self._idle = asyncio.create_task(self._release(linger), name=f"source {self.key} idle")

    async def _release(self, linger: float) -> None:
        if linger > 0:
            await self._clock.sleep(linger)
        if not self._users:
            await self._end_runner()

    async def _end_runner(self) -> None:
        runner = self._runner
        if runner is None:
            return
        self._stopping = True
        if self._session is not None:
            self._session.stop()  # the runner then leaves by itself, after TEARDOWN
        else:
            runner.cancel()
        await asyncio.wait((runner,))

    async def _run(self) -> None:
        """``run`` retries, ``_run_once`` does the work."""
        failures = 0
        try:
            while not self._stopping:
                self._hurry.clear()
                self._step(SourceEvent.WANTED)
                try:
                    await self._run_once()
                except XueliangError as error:
                    if self._stopping:
                        break
                    failures = 1 if self.state is SourceState.LIVE else failures + 1
                    self.failure = error
                    stalled = error.kind is Kind.STALLED and self.state is SourceState.LIVE
                    self._step(SourceEvent.STALL if stalled else SourceEvent.FAIL)
                    self._tell(error)
                    await self._wait_to_retry(failures)
        finally:
            self._runner = None
            self._step(SourceEvent.RELEASED)
            if self._users and self.state is not SourceState.CLOSED:  # somebody came while it was ending
                self._stopping = False
                self._runner = asyncio.create_task(self._run(), name=f"source {self.key}")

    async def _run_once(self) -> None:
        async with self._one_session:
            session = await self._client.open(self.target)
            self._session = session
            self._note(session)
            self._step(SourceEvent.OPENED)
            for subscription in self._subscriptions:
                subscription.restart()
            try:
                await session.hand_to(self._deliver)
            finally:
                self._session = None
                self._newest = None  # 7,500 pictures that nobody looks at would fill the memory
                session.stop()
                await session.close()

    def _deliver(self, unit: AccessUnit) -> None:
        if unit.keyframe and not unit.damaged:
            self.failure = None
            self._newest = unit
            if self._session is not None:
                self.format = self._session.format
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(unit)
        for subscription in self._subscriptions:
            subscription.put(unit)

    async def _next_keyframe(self) -> AccessUnit:
        """From the runner's session, asking for one; a runner that waits to retry is told to hurry."""
        waiter: asyncio.Future[AccessUnit] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            if self._session is not None:
                await self._session.request_keyframe()
            elif self.state in (SourceState.WAITING, SourceState.STALLED):
                self._hurry.set()
            return await waiter
        finally:
            self._waiters.discard(waiter)

    async def _one_shot(self, asked: float) -> AccessUnit:
        self._queue += 1
        try:
            async with self._one_session:
                if self._newest is not None and self._newest.received > asked:
                    return self._newest  # somebody else's, fetched while this call waited
                try:
                    result = await self._client.keyframe(self.target)
                except XueliangError as error:
                    self.failure = error
                    raise
                self.failure = None
                self._note(result)
                if self._queue > 1:
                    self._newest = result.unit
                return result.unit
        finally:
            self._queue -= 1
            if not self._queue and self._session is None:
                self._newest = None

    def _note(self, what: KeyframeResult | RtspSession) -> None:
        self.timings, self.stats, self.format = what.timings, what.stats, what.format
        self.description, self.login, self.transport = what.description, what.login, what.transport

    async def _wait_to_retry(self, failures: int) -> None:
        delay = self._random.uniform(0.0, min(RETRY_CAP, RETRY_BASE * 2.0 ** min(failures, 10)))
        timer = asyncio.create_task(self._clock.sleep(delay))
        hurry = asyncio.create_task(self._hurry.wait())
        try:
            await asyncio.wait((timer, hurry), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            hurry.cancel()
            await asyncio.gather(timer, hurry, return_exceptions=True)

    def _tell(self, error: XueliangError) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def _step(self, event: SourceEvent) -> None:
        before, self.state = self.state, advance(self.state, event)
        if before is not self.state and self.on_state is not None:
            self.on_state(self, before, self.state)


class SourceHub:
    """One :class:`Source` per key. ``rng`` decides the jitter of reconnects."""

    def __init__(
        self,
        client: RtspClient,
        clock: Clock,
        rng: random.Random,
        idle_seconds: float = 15.0,
        on_state: StateChanged | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._random = rng
        self._idle_seconds = idle_seconds
        self._on_state = on_state
        self._sources: dict[str, Source] = {}

    def source(self, key: str, target: StreamTarget) -> Source:
        """The source of this key, made or given the new target."""
        known = self._sources.get(key)
        if known is not None and known.state is not SourceState.CLOSED:
            known.retarget(target)
            return known
        made = Source(key, target, self._client, self._clock, self._random, self._idle_seconds)
        made.on_state = self._on_state
        self._sources[key] = made
        return made

    async def forget(self, key: str) -> None:
        """A camera that was removed: its session ends."""
        known = self._sources.pop(key, None)
        if known is not None:
            await known.close()

    async def close(self) -> None:
        sources, self._sources = list(self._sources.values()), {}
        await asyncio.gather(*(source.close() for source in sources))
