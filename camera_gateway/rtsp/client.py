"""Wiring: from an address to a description, a playing session, or one keyframe."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from camera_gateway.access_unit import AccessUnit
from camera_gateway.attempts import AttemptGate
from camera_gateway.memory import DeviceMemory
from camera_gateway.reach import Reach
from camera_gateway.rtsp import sdp
from camera_gateway.rtsp.assembler import Marker
from camera_gateway.rtsp.connection import Connection
from camera_gateway.rtsp.exchange import Exchange, refusal
from camera_gateway.rtsp.receiver import Stats
from camera_gateway.rtsp.session import RtspSession
from camera_gateway.rtsp.states import Event, State
from camera_gateway.rtsp.timing import Deadlines, Timings
from camera_gateway.rtsp.track_setup import TrackSetup
from camera_gateway.rtsp.video_format import VideoFormat
from camera_gateway.target import StreamTarget
from config.clock import Clock
from config.errors import Kind, XueliangError
from config.text import printable

T = TypeVar("T")

#: Streams whose marker bit is known; two for each of 50,000 cameras.
MAX_MARKERS = 100_000


@dataclass(frozen=True, slots=True)
class Described:
    """What DESCRIBE told. ``base`` is what relative control addresses hang on."""

    description: sdp.Description
    timings: Timings
    address: str
    server: str
    login: str  # none | basic | digest MD5 ...
    base: str

    @property
    def track(self) -> sdp.Track | None:
        return self.description.video()


@dataclass(frozen=True, slots=True)
class KeyframeResult:
    unit: AccessUnit
    timings: Timings
    description: sdp.Description
    track: sdp.Track
    stats: Stats
    format: VideoFormat | None
    address: str
    login: str
    transport: str  # tcp | udp


@dataclass(slots=True)
class _Call:
    """One dialled camera."""

    target: StreamTarget
    address: str
    exchange: Exchange
    timings: Timings
    began: float

    @property
    def connection(self) -> Connection:
        return self.exchange.connection


class RtspClient:
    """Shared by all cameras. ``gate`` is to be the one of the other protocols that use the same accounts."""

    def __init__(
        self,
        reach: Reach,
        memory: DeviceMemory,
        clock: Clock,
        deadlines: Deadlines | None = None,
        gate: AttemptGate | None = None,
    ) -> None:
        self._reach = reach
        self._memory = memory
        self._clock = clock
        self._deadlines = deadlines or Deadlines()
        self.gate = gate or AttemptGate(memory)
        self._markers: OrderedDict[str, Marker] = OrderedDict()

    async def describe(self, target: StreamTarget) -> Described:
        """Whether the stream is there, without asking for a picture.

        Raises ``UNREACHABLE``, ``REFUSED``, ``TIMEOUT``, ``AUTH``, ``LOCKED``, ``BUSY``, ``NO_STREAM``,
        ``PROTOCOL``, ``TOO_LARGE`` or ``NOT_ALLOWED``, as all of this class does.
        """
        return await self._over(target, self._deadlines.total, self._describe)

    async def open(self, target: StreamTarget, timings: Timings | None = None) -> RtspSession:
        """A playing session; the caller closes it. ``timings`` is filled on the way, so that it tells how far a
        camera came that failed."""

        async def start(call: _Call) -> RtspSession:
            session = await self._set_up(call)
            session.receiver.marker = self._markers.get(target.url, Marker.UNKNOWN)
            await self._play(call, session)
            return session

        session = await self._over(target, self._deadlines.total, start, keep=True, timings=timings)
        session.begin()
        session.connection.watch_stall()
        return session

    async def keyframe(self, target: StreamTarget) -> KeyframeResult:
        """Connect, DESCRIBE, SETUP, PLAY, the first whole keyframe, TEARDOWN.

        Raises ``NO_KEYFRAME`` and ``STALLED`` besides what :meth:`describe` raises.
        """
        return await self._over(target, self._deadlines.total + target.gop_seconds, self._keyframe)

    async def _keyframe(self, call: _Call) -> KeyframeResult:
        session = await self._set_up(call)
        target, receiver = call.target, session.receiver
        first: asyncio.Future[AccessUnit | None] = asyncio.get_running_loop().create_future()
        damaged = 0

        def take(unit: AccessUnit) -> None:
            nonlocal damaged
            if unit.damaged:
                damaged += 1
            elif not first.done():
                first.set_result(unit)
                call.connection.inflow.receiver = None  # what still comes is not looked at
                if call.connection.state is State.PLAYING:
                    call.connection.end()

        def failed(error: XueliangError) -> None:
            if not first.done():
                first.set_exception(error)

        receiver.assembler.sink = take
        receiver.assembler.keyframes_only = True
        receiver.marker = self._markers.get(target.url, Marker.UNKNOWN)
        call.connection.on_failure = failed
        seconds = self._deadlines.keyframe + target.gop_seconds
        try:
            await self._play(call, session)
            call.connection.watch_stall()
            unit = await _within(first, seconds)
        finally:
            if first.done() and not first.cancelled():
                first.exception()
        if unit is None:
            raise _no_keyframe(call, session, damaged, seconds)
        self._learn_marker(target.url, receiver.marker)
        session.stats.units = session.stats.keyframes = 1
        session.note_keyframe(unit)
        return KeyframeResult(
            unit,
            call.timings,
            session.description,
            session.track,
            session.stats,
            session.format,
            call.address,
            session.login,
            session.transport,
        )

    def _learn_marker(self, url: str, marker: Marker) -> None:
        """Spares the next look at this stream the waiting for slices after the marker."""
        self._markers[url] = marker
        if len(self._markers) > MAX_MARKERS:
            self._markers.popitem(last=False)

    async def _over(
        self,
        target: StreamTarget,
        total: float,
        act: Callable[[_Call], Awaitable[T]],
        *,
        keep: bool = False,
        timings: Timings | None = None,
    ) -> T:
        """``act`` over a connection that ends with it, or only with a failure of it if ``keep``."""
        call: _Call | None = None
        try:
            try:
                async with asyncio.timeout(total):
                    call = await self._dial(target, timings or Timings())
                    result = await act(call)
            except TimeoutError as error:
                raise XueliangError(
                    Kind.TIMEOUT, f"not done within {total:g} s", where=_where(target), fix="Restart the camera"
                ) from error
        except asyncio.CancelledError:
            if call is not None:
                call.connection.end()
            raise
        except Exception:
            if call is not None:
                call.connection.end()
                await asyncio.shield(call.connection.closed)
            raise
        if not keep:
            call.connection.end()
            await asyncio.shield(call.connection.closed)
        return result

    async def _dial(self, target: StreamTarget, timings: Timings) -> _Call:
        began = self._clock.monotonic()
        where = _where(target)
        address, connection = await self._connect(target.host, target.port, where)
        timings.connect = self._clock.monotonic() - began

        async def redial() -> Connection:
            again = (await self._connect(address, target.port, where))[1]
            again.step(Event.DESCRIBE)
            return again

        exchange = Exchange(connection, target, address, self.gate, self._clock, timings, redial)
        return _Call(target, address, exchange, timings, began)

    async def _connect(self, host: str, port: int, where: str) -> tuple[str, Connection]:
        address, _, connection = await self._reach.dial(
            host, port, lambda: Connection(self._clock, self._deadlines, where), deadline=self._deadlines.connect
        )
        return address, connection

    async def _describe(self, call: _Call) -> Described:
        began = self._clock.monotonic()
        url = call.target.url
        call.connection.step(Event.DESCRIBE)
        try:
            response = await call.exchange.ask("DESCRIBE", url, (("Accept", "application/sdp"),))
        finally:
            if call.connection.replies:  # it answered, if only to refuse the login
                call.timings.describe = self._clock.monotonic() - began - (call.timings.auth or 0.0)
        if response.status != 200:
            raise refusal("DESCRIBE", response, call.connection.where)
        call.connection.step(Event.DESCRIBED)
        headers = response.headers
        try:
            description = sdp.parse(response.body)
        except XueliangError as error:
            raise XueliangError(error.kind, error.what, where=call.connection.where, fix=error.fix) from error
        return Described(
            description,
            call.timings,
            call.address,
            printable(headers.get("Server"), 100),
            call.exchange.login,
            sdp.base_url(url, headers.get("Content-Base"), headers.get("Content-Location")),
        )

    async def _set_up(self, call: _Call) -> RtspSession:
        described = await self._describe(call)
        track = described.track
        where = call.connection.where
        if track is None:
            others = ", ".join(sorted({t.encoding or t.media for t in described.description.tracks})) or "nothing"
            raise XueliangError(
                Kind.NO_STREAM,
                f"no video track we can decode; there is {others}",
                where=where,
                fix="Set the channel's encoder to H.264, H.265 or MJPEG",
            )
        began = self._clock.monotonic()
        try:
            session = RtspSession(
                call.exchange, described.description, track, call.timings, self._clock, self._memory, call.address
            )
        except XueliangError as error:  # the description already tells of a picture beyond the caps
            raise XueliangError(error.kind, error.what, where=where, fix=error.fix, facts=error.facts) from error
        session.url = sdp.aggregate_url(call.target.url, described.base, described.description)
        call.connection.teardown = lambda: call.exchange.teardown(session.url)
        address = sdp.track_url(call.target.url, described.base, described.description, track)
        fallback = sdp.control_url(call.target.url, call.target.url, track.control)
        addresses = tuple(dict.fromkeys((address, fallback)))
        await TrackSetup(self._reach, self._memory, self._clock, call.exchange, call.address, session, addresses).run()
        call.timings.setup = self._clock.monotonic() - began
        return session

    async def _play(self, call: _Call, session: RtspSession) -> None:
        connection = call.connection
        connection.step(Event.PLAY)
        session.played = self._clock.monotonic()
        connection.last_media = asyncio.get_running_loop().time()
        session.open_path()
        response = await call.exchange.ask("PLAY", session.url, (("Range", "npt=0.000-"),))
        call.timings.signalling = self._clock.monotonic() - call.began
        if response.status != 200:
            raise refusal("PLAY", response, connection.where)
        connection.step(Event.PLAYING)


def _where(target: StreamTarget) -> str:
    return f"{printable(target.host, 100)}:{target.port}"


async def _within(future: asyncio.Future[AccessUnit | None], seconds: float) -> AccessUnit | None:
    """Its result, or ``None`` when the time is over."""
    if future.done():
        return future.result()
    timer = asyncio.get_running_loop().call_later(seconds, _give_up, future)
    try:
        return await future
    finally:
        timer.cancel()


def _give_up(future: asyncio.Future[AccessUnit | None]) -> None:
    if not future.done():
        future.set_result(None)


def _no_keyframe(call: _Call, session: RtspSession, damaged: int, seconds: float) -> XueliangError:
    stats = session.stats
    what = f"packets flow, but no whole keyframe came within {seconds:g} s"
    if damaged:
        what += f" ({damaged} came incomplete)"
    return XueliangError(
        Kind.NO_KEYFRAME,
        what,
        where=call.connection.where,
        fix="Shorten the keyframe interval in the camera's encoder settings; turn off its smart codec",
        facts={"packets": stats.packets, "lost": stats.lost, "damaged": damaged},
    )
