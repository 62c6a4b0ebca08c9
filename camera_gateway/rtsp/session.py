"""Edge: a playing RTSP session: units out, keep-alives and receiver reports in, TEARDOWN at the end."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable

from camera_gateway.access_unit import AccessUnit
from camera_gateway.memory import DeviceMemory
from camera_gateway.rtsp import rtcp
from camera_gateway.rtsp.connection import Connection
from camera_gateway.rtsp.exchange import Exchange
from camera_gateway.rtsp.message import Response
from camera_gateway.rtsp.receiver import Receiver, Stats
from camera_gateway.rtsp.sdp import Description, Track
from camera_gateway.rtsp.states import State
from camera_gateway.rtsp.timing import Timings
from camera_gateway.rtsp.udp import UdpPair
from camera_gateway.rtsp.video_format import VideoFormat
from config.clock import Clock
from config.errors import Kind, XueliangError

MAX_UNITS = 128
MAX_BYTES = 24 * 1024 * 1024
#: Receiver reports every 5 s (RFC 3550 section 6.2); keep-alives at 40 % of the time-out, so that one may be lost.
REPORT_SECONDS = 5.0
KEEPALIVE_SHARE = 0.4
#: Encoders grant keyframes on request sparingly.
PLI_SECONDS = 1.0


class RtspSession:
    """Made by :meth:`RtspClient.open`. Always :meth:`close` it; it is an asynchronous context manager as well.

    Units wait in a bounded queue; when nobody takes them, the oldest are dropped up to the next keyframe and
    counted in ``stats.dropped``.
    """

    def __init__(
        self,
        exchange: Exchange,
        description: Description,
        track: Track,
        timings: Timings,
        clock: Clock,
        memory: DeviceMemory,
        address: str,
    ) -> None:
        self.description = description
        self.track = track
        self.timings = timings
        self.address = address
        self.stats = Stats()
        self.receiver = Receiver(track, self.take, self.stats)
        self.transport = "tcp"
        self.url = ""  # what keep-alives and TEARDOWN go to
        self.played = 0.0
        self.pair: UdpPair | None = None
        self.keepalive_method = "GET_PARAMETER"
        self._exchange = exchange
        self._connection = exchange.connection
        self._clock = clock
        self._memory = memory
        self._learned: dict[str, str] = {}
        self._units: deque[AccessUnit] = deque()
        self._bytes = 0
        self._wait: asyncio.Future[None] | None = None
        self._sink: Callable[[AccessUnit], None] | None = None
        self._to_keyframe = False
        self._failure: XueliangError | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._ssrc = random.getrandbits(32)
        self._pli_at = float("-inf")
        self._key_at = float("-inf")
        self._gop = float("inf")
        self._reported = (0, 0)
        self._connection.on_failure = self._failed

    @property
    def tracks(self) -> tuple[Track, ...]:
        return self.description.tracks

    @property
    def format(self) -> VideoFormat | None:
        return self.receiver.format

    @property
    def login(self) -> str:
        return self._exchange.login

    @property
    def connection(self) -> Connection:
        return self._connection

    @property
    def failure(self) -> XueliangError | None:
        return self._failure

    def begin(self) -> None:
        """Once PLAY is answered: keep the session alive and the statistics flowing."""
        loop = asyncio.get_running_loop()
        period = max(1.0, min(self._connection.session_timeout * KEEPALIVE_SHARE, 60.0))
        self._timers["keepalive"] = loop.call_later(period, self._keep_alive, period)
        self._timers["report"] = loop.call_later(REPORT_SECONDS, self._send_report)

    def take(self, unit: AccessUnit) -> None:
        """One unit from the receiver."""
        self.stats.units += 1
        if unit.keyframe:
            self.stats.keyframes += 1
            self._to_keyframe = False
            self._learn_request(unit.received)
            if self.timings.keyframe is None and not unit.damaged:
                self.note_keyframe(unit)
        elif self._to_keyframe:
            self.stats.dropped += 1
            return
        if self._sink is not None:
            self._sink(unit)
            return
        if len(self._units) >= MAX_UNITS or self._bytes + unit.size > MAX_BYTES:
            self.stats.dropped += len(self._units)
            self._units.clear()
            self._bytes = 0
            if not unit.keyframe:
                self.stats.dropped += 1
                self._to_keyframe = True
                return
        self._units.append(unit)
        self._bytes += unit.size
        self._wake()

    def note_keyframe(self, unit: AccessUnit) -> None:
        """Two of the three delays are known with the first whole keyframe."""
        first = self.receiver.first_packet
        self.timings.stream = max(0.0, (first if first is not None else unit.received) - self.played)
        self.timings.keyframe = max(0.0, unit.received - self.played)

    async def next_unit(self) -> AccessUnit:
        """The next unit in decoding order.

        Raises what ended the session: ``STALLED``, ``NO_STREAM``, ``TOO_LARGE``, ``PROTOCOL``. What had arrived
        before is handed out first. One caller at a time.
        """
        while not self._units:
            if self._failure is not None:
                raise self._failure
            self._wait = asyncio.get_running_loop().create_future()
            try:
                await self._wait
            finally:
                self._wait = None
        unit = self._units.popleft()
        self._bytes -= unit.size
        return unit

    async def hand_to(self, sink: Callable[[AccessUnit], None]) -> None:
        """Every unit goes to ``sink`` in the turn of the loop that brought it; nothing waits. ``sink`` raises nothing.

        Ends only by raising what ended the session, as :meth:`next_unit` does.
        """
        while self._units:
            unit = self._units.popleft()
            self._bytes -= unit.size
            sink(unit)
        self._sink = sink
        try:
            await self.next_unit()
        finally:
            self._sink = None

    async def __aiter__(self) -> AsyncIterator[AccessUnit]:
        while True:
            yield await self.next_unit()

    async def request_keyframe(self) -> bool:
        """Asks for a keyframe by RTCP PLI (RFC 4585), at most once a second; says whether it was sent."""
        now = self._clock.monotonic()
        if now - self._pli_at < PLI_SECONDS or self._connection.state is not State.PLAYING:
            return False
        self._pli_at = now
        self.send_control(rtcp.picture_loss(self._ssrc, self.receiver.ssrc))
        return True

    async def close(self) -> None:
        """TEARDOWN, bounded by its deadline; safe to call twice and after a failure."""
        self.stop()
        await asyncio.shield(self._connection.closed)
        learned, self._learned = self._learned, {}
        if learned:
            await self._memory.remember(self.address, **learned)

    def stop(self) -> None:
        """The part of :meth:`close` that does not wait, for a task that is being cancelled."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._connection.end()
        if self._failure is None:
            self._failure = XueliangError(Kind.GONE, "the session is closed", where=self._connection.where)
        self._wake()

    async def __aenter__(self) -> RtspSession:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def send_control(self, payload: bytes) -> None:
        """RTCP towards the camera, over whatever the session runs on."""
        if self.pair is not None:
            self.pair.send_control(payload)
        elif self._connection.inflow.rtcp_channel >= 0:
            self._connection.send_frame(self._connection.inflow.rtcp_channel, payload)

    def open_path(self) -> None:
        if self.pair is not None:
            self.pair.open_path(rtcp.receiver_report(self._ssrc))

    def _learn_request(self, now: float) -> None:
        """A keyframe soon after a PLI, and well before one was due, proves that the camera grants them."""
        distance = now - self._key_at
        self._key_at = now
        if now - self._pli_at > distance:
            self._gop = distance
        elif now - self._pli_at <= PLI_SECONDS and distance < 0.75 * self._gop < float("inf"):
            self._learned["keyframe_method"] = "pli"

    def _failed(self, error: XueliangError) -> None:
        self._failure = error
        for timer in self._timers.values():
            timer.cancel()
        self._wake()

    def _wake(self) -> None:
        if self._wait is not None and not self._wait.done():
            self._wait.set_result(None)

    def _keep_alive(self, period: float) -> None:
        loop = asyncio.get_running_loop()
        self._timers["keepalive"] = loop.call_later(period, self._keep_alive, period)
        headers = self._exchange.headers(self.keepalive_method, self.url)
        answer = self._connection.send(self.keepalive_method, self.url, headers)
        answer.add_done_callback(self._kept_alive)

    def _kept_alive(self, answer: asyncio.Future[Response]) -> None:
        if answer.cancelled() or answer.exception() is not None:
            return
        status = answer.result().status
        if status == 401:
            self._exchange.refresh(answer.result())
        elif status >= 400 and self.keepalive_method == "GET_PARAMETER":
            self.keepalive_method = "OPTIONS"
            self._learned["keepalive"] = "OPTIONS"

    def _send_report(self) -> None:
        loop = asyncio.get_running_loop()
        self._timers["report"] = loop.call_later(REPORT_SECONDS, self._send_report)
        stats, receiver = self.stats, self.receiver
        if receiver.first_packet is None:
            return
        expected, lost = stats.expected - self._reported[0], stats.lost - self._reported[1]
        self._reported = (stats.expected, stats.lost)
        middle, delay = 0, 0.0
        if receiver.report is not None:
            middle, delay = receiver.report[0].middle, self._clock.monotonic() - receiver.report[1]
        block = rtcp.Block(
            receiver.ssrc,
            fraction=min(255, lost * 256 // expected) if expected > 0 else 0,
            lost=stats.lost,
            highest=receiver.highest,
            middle=middle,
            delay=int(min(max(delay, 0.0), 65535.0) * 65536),
        )
        self.send_control(rtcp.receiver_report(self._ssrc, block))
