"""Wiring: one playing session: which picture is due when, stamped and handed to the transport it was set up for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from camera_gateway.rtsp import rtcp
from camera_gateway.simulator.camera import StreamShape, VirtualCamera
from camera_gateway.simulator.clip import ClipKey, clip_of
from camera_gateway.simulator.clips import Clips, Gop
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.packetise import Block
from config.clock import Clock

log = logging.getLogger(__name__)

#: RFC 3550 section 6.2: five seconds between reports.
REPORT_SECONDS = 5.0
#: How often a stream that stalls looks whether it may go on.
_STALL_LOOK = 0.25
#: A session that took its keyframe mostly ends at once: what follows is encoded only for one that stays this long.
_PATIENCE = 0.5


@dataclass(slots=True)
class Outlet:
    """Where packets go. ``block`` takes a stamped block with its template; ``control`` an RTCP packet.

    ``choked`` is asked before each picture: a viewer that does not read loses pictures, not the server's memory.
    """

    block: Callable[[Block, memoryview], None]
    control: Callable[[bytes], None]
    choked: Callable[[], bool]
    channel: int = 0


class Player:
    """Sends from PLAY until :meth:`stop`. A new session shows the camera's next look, unless it is frozen."""

    def __init__(
        self,
        camera: VirtualCamera,
        stream: StreamShape,
        clips: Clips,
        clock: Clock,
        outlet: Outlet,
        *,
        seed: int,
        numbers: tuple[int, int, int],
        wait_for_gop: bool = False,
    ) -> None:
        self.camera, self.stream = camera, stream
        self.ssrc, self.sequence, self._base = numbers
        self._clips, self._clock, self._outlet, self._seed = clips, clock, outlet, seed
        self._wait_for_gop = wait_for_gop
        self._key: ClipKey | None = None
        self._gop: Gop | None = None
        self._look = camera.step
        self._index = 0  # of the next picture in its GOP, in decoding order
        self._gop_start = 0.0  # media seconds of the GOP's first picture, counted from PLAY
        self._played = 0.0  # loop time of PLAY, moved on where the stream was held up
        self._began = 0.0
        self._reported = -REPORT_SECONDS
        self._keyframe_wanted = False
        self._packets = self._octets = 0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def rtp_time(self) -> int:
        return self._base & 0xFFFFFFFF

    def play(self) -> None:
        """The first picture goes out at once where it is in memory: a keyframe, unless the camera waits for its GOP."""
        self._played = self._began = self._loop.time()
        self._next_look()
        if self._wait_for_gop:
            self._index = self._key_frames() // 2
            self._gop_start = -self._index / self.stream.fps
        self._tick()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def request_keyframe(self) -> None:
        """RFC 4585 PLI, or SetSynchronizationPoint: the next picture is a keyframe."""
        self._keyframe_wanted = True

    def _key_frames(self) -> int:
        return self._key.frames if self._key is not None else 1

    def _next_look(self) -> None:
        camera = self.camera
        self._key = clip_of(camera, self.stream, self._seed)
        if Fault.FROZEN not in camera.own_faults:
            camera.step += 1
        self._look = camera.step
        self._index = 0
        self._gop = None

    def _tick(self) -> None:
        """Send what is due and wait for the next; runs in the event loop, never blocks."""
        self._timer = None
        own = self.camera.own_faults
        if own and self._stalled():
            self._played += _STALL_LOOK
            self._timer = self._loop.call_later(_STALL_LOOK, self._tick)
            return
        if self._index >= self._key_frames() or (self._keyframe_wanted and self._index > 0):
            self._gop_start += self._index / self.stream.fps
            self._keyframe_wanted = False
            self._next_look()
        assert self._key is not None
        if own and self._index == 0 and Fault.NO_KEYFRAME in own and self._key_frames() > 1:
            self._index = 1
        gop = self._gop
        if gop is None or self._index >= len(gop.pictures):
            gop = self._at_hand(self._key)
            patience = self._began + _PATIENCE - self._loop.time()
            if gop is None and self._index > 0 and self._packets and patience > 0:
                self._played += patience
                self._timer = self._loop.call_later(patience, self._tick)
                return
            if gop is None:
                self._task = self._loop.create_task(self._fetch(self._key))
                self._task.add_done_callback(self._fetched)
                return
        self._send(gop)
        self._index += 1
        due = self._played + self._gop_start + self._index / self.stream.fps
        self._timer = self._loop.call_at(due, self._tick)

    def _at_hand(self, key: ClipKey) -> Gop | None:
        """Only the keyframe is needed while the session is new: most end right after it."""
        self._gop = self._clips.ready(key, self._look, whole=True)
        if self._gop is None and self._index == 0:
            self._gop = self._clips.ready(key, self._look)
        return self._gop

    async def _fetch(self, key: ClipKey) -> None:
        """Encode (or read) what is missing; the time it takes is taken out of the stream's own time."""
        before = self._loop.time()
        if self._index == 0:
            self._gop = await self._clips.gop(key, self._look)
        else:
            self._gop = await self._clips.reach(key, self._look, self._index)
        self._played += self._loop.time() - before
        self._task = None
        self._tick()

    def _fetched(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("x %s: no clip: %s", self.camera.id, error)

    def _stalled(self) -> bool:
        active = self.camera.own_faults.get(Fault.STALL)
        if active is None:
            return False
        sent_some = self._packets > 0
        return sent_some and self._loop.time() - self._began >= active.parameter

    def _send(self, gop: Gop) -> None:
        if self._outlet.choked():
            return
        block, order = gop.pictures[self._index], gop.orders[self._index]
        own = self.camera.own_faults
        if self._index == 0 and Fault.SETS_IN_SDP in own:
            block = gop.bare or block
        media = self._gop_start + order / self.stream.fps
        stamp = (self._base + round(media * 90_000)) & 0xFFFFFFFF
        self._report(stamp)
        out = block.stamped(self._outlet.channel, self.sequence, stamp, self.ssrc)
        if own and self._index == 0:
            if Fault.UNDECODABLE in own:
                block.spoil(out)
            if Fault.STALL in own and own[Fault.STALL].parameter == 0:
                block = block.half()
                out = out[: len(block.data)]
        self.sequence = (self.sequence + block.packets) & 0xFFFF
        self._packets += block.packets
        self._octets += block.payload_bytes
        self._outlet.block(block, out.data)

    def _report(self, stamp: int) -> None:
        now = self._loop.time()
        if now - self._reported < REPORT_SECONDS:
            return
        self._reported = now
        utc = self.camera.device.clock(self._clock.now()).timestamp()
        self._outlet.control(
            rtcp.sender_report(self.ssrc, utc, stamp, self._packets & 0xFFFFFFFF, self._octets & 0xFFFFFFFF)
        )
