"""Edge: one connection to a virtual camera: requests in, answers and pictures out (RFC 2326)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, cast

from camera_gateway.rtsp import rtcp
from camera_gateway.rtsp.digest import verify
from camera_gateway.rtsp.message import (
    Headers,
    Incomplete,
    Interleaved,
    Request,
    Response,
    frame,
    parse,
    parse_transport,
)
from camera_gateway.simulator.camera import VirtualDevice
from camera_gateway.simulator.clip import clip_of
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.gate import Gate, local_name, peer_name, reset
from camera_gateway.simulator.packetise import Block
from camera_gateway.simulator.rtp_ports import PortPair
from camera_gateway.simulator.rtsp_player import Outlet, Player
from camera_gateway.simulator.rtsp_text import PUBLIC, REASONS, TRACK, Asked, challenges, description, resolve
from config.errors import XueliangError

if TYPE_CHECKING:
    from camera_gateway.simulator.rtsp_server import RtspServer

log = logging.getLogger(__name__)

MAX_BUFFER = 64 * 1024
#: A viewer that leaves more than this unread loses pictures.
MAX_UNSENT = 1024 * 1024


class RtspConnection(asyncio.Protocol):
    """At most one session; ends with the connection. ``silent`` after the device was cut off or hangs."""

    def __init__(self, server: RtspServer) -> None:
        self.server = server
        self.device: VirtualDevice | None = None
        self.ended = asyncio.Event()
        self.silent = False
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._nonce = ""
        self._session = ""
        self._asked: Asked | None = None
        self._outlet: Outlet | None = None
        self._ports: PortPair | None = None
        self._player: Player | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = 0.0
        self._ssrc = 0
        self._choked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop has classes of its own
        self._transport = transport
        server = self.server
        server.connections.add(self)
        local = local_name(transport)
        device = server.find(*local) if local is not None else None
        if local is None or device is None:
            transport.abort()
            return
        gate = device.gate()
        if gate is Gate.RESET or len(server.connections) > server.max_connections:
            reset(transport)
            return
        self.device = device
        self.silent = gate is Gate.SILENT
        server.attach(device, self)
        transport.set_write_buffer_limits(high=MAX_UNSENT)
        self._heard = server.loop.time()
        self._timer = server.loop.call_later(server.session_timeout, self._look_at_clock)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._end_session()
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        if self.device is not None:
            self.server.detach(self.device, self)
        self.server.connections.discard(self)
        self.ended.set()

    def pause_writing(self) -> None:
        self._choked = True

    def resume_writing(self) -> None:
        self._choked = False

    def drop(self, *, hard: bool = False) -> None:
        if self._transport is not None:
            reset(self._transport) if hard else self._transport.abort()

    def silence(self) -> None:
        """The device hangs or is cut off: nothing is said any more, what comes in is not heard."""
        self.silent = True
        if self._player is not None:
            self._player.stop()

    def sync_point(self) -> None:
        if self._player is not None:
            self._player.request_keyframe()

    @property
    def playing(self) -> Player | None:
        return self._player

    def data_received(self, data: bytes) -> None:
        if self.silent:
            return
        self._heard = self.server.loop.time()
        self._buffer += data
        if len(self._buffer) > MAX_BUFFER:
            self.drop()
        elif self._task is None:
            self._advance()

    def _advance(self) -> None:
        position = 0
        buffer = self._buffer
        while self._task is None and self._transport is not None and position < len(buffer):
            try:
                found = parse(buffer, position)
            except XueliangError as error:
                log.debug("x %s: %s", self.device and self.device.id, error)
                self._reply(Request("", ""), 400)
                self._transport.close()
                return
            if isinstance(found, Incomplete):
                break
            message, position = found
            if isinstance(message, Interleaved):
                self._control(bytes(buffer[message.start : message.end]))
            elif isinstance(message, Request):
                self._handle(message)
        del buffer[:position]

    def _handle(self, request: Request) -> None:
        device = self.device
        assert device is not None
        if request.method == "OPTIONS":
            self._reply(request, 200, ("Public", PUBLIC))
            return
        if request.method not in PUBLIC:
            self._reply(request, 405, ("Allow", PUBLIC))
            return
        if not self._authorised(device, request):
            return
        if request.method in ("DESCRIBE", "SETUP"):
            asked = resolve(device, request.uri)
            if asked is None or Fault.NO_STREAM in asked.camera.own_faults:
                self._reply(request, 404)
            elif request.method == "DESCRIBE":
                self._describe(request, device, asked)
            else:
                self._setup(request, device, asked)
            return
        if not self._session or request.headers.get("Session").partition(";")[0].strip() != self._session:
            # A GET_PARAMETER outside a session is how some clients knock.
            self._reply(request, 200 if request.method == "GET_PARAMETER" and not self._session else 454)
        elif request.method == "PLAY":
            self._play(request)
        elif request.method == "TEARDOWN":
            self._end_session(torn_down=True)
            self._reply(request, 200)
        else:
            self._reply(request, 200, ("Session", self._session))

    def _authorised(self, device: VirtualDevice, request: Request) -> bool:
        header = request.headers.get("Authorization")
        nonce = self._nonce
        if not nonce:
            nonce = self._nonce = secrets.token_hex(12)
        offered = challenges(device, nonce)
        secret = device.secret(device.user) or ""
        if header and any(verify(c, header, request.method, device.user, secret, request.body) for c in offered):
            return True
        if nonce in header:  # an answer to another connection's challenge is stale, not wrong
            self.server.refused[device.id] += 1
        self._reply(request, 401, *(("WWW-Authenticate", c.header()) for c in offered))
        return False

    def _describe(self, request: Request, device: VirtualDevice, asked: Asked) -> None:
        key = clip_of(asked.camera, asked.stream, self.server.seed)
        gop = self.server.clips.ready(key, asked.camera.step + 1)
        if gop is None:
            self._task = self.server.loop.create_task(self._describe_later(request, device, asked))
            self._task.add_done_callback(self._described)
            return
        body = description(device, asked.stream, gop.sets).encode()
        base = request.uri if request.uri.endswith("/") else request.uri + "/"
        self._reply(request, 200, ("Content-Type", "application/sdp"), ("Content-Base", base), body=body)

    async def _describe_later(self, request: Request, device: VirtualDevice, asked: Asked) -> None:
        key = clip_of(asked.camera, asked.stream, self.server.seed)
        gop = await self.server.clips.gop(key, asked.camera.step + 1)
        self._task = None
        body = description(device, asked.stream, gop.sets).encode()
        base = request.uri if request.uri.endswith("/") else request.uri + "/"
        self._reply(request, 200, ("Content-Type", "application/sdp"), ("Content-Base", base), body=body)
        self._advance()

    def _described(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("x %s: no clip: %s", self.device and self.device.id, error)
            self.drop()

    def _setup(self, request: Request, device: VirtualDevice, asked: Asked) -> None:
        wanted = parse_transport(request.headers.get("Transport"))
        if self._session and (self._player is not None or self._asked is None):
            self._reply(request, 455)
            return
        if not self._session and device.sessions >= device.session_limit:
            self._reply(request, device.busy_status)
            return
        assert self._transport is not None
        ssrc = self.server.random.getrandbits(32)
        if wanted.tcp:
            channels = wanted.channels or (0, 1)
            chosen = f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]};ssrc={ssrc:08X}"
            self._outlet = self._interleaved(*channels)
        elif wanted.client_ports is not None and "multicast" not in request.headers.get("Transport"):
            peer = peer_name(self._transport)[0]
            self._close_ports()
            try:
                self._ports = PortPair.open(self.server.loop, device.host, peer, wanted.client_ports, self._control)
            except XueliangError:
                self._reply(request, 503)
                return
            pair = "-".join(map(str, self._ports.local))
            client = "-".join(map(str, wanted.client_ports))
            chosen = f"RTP/AVP;unicast;client_port={client};server_port={pair};ssrc={ssrc:08X}"
            self._outlet = Outlet(self._ports.send_block, self._ports.send_control, lambda: False)
        else:
            self._reply(request, 461)
            return
        if not self._session:
            self._session = f"{self.server.random.getrandbits(40):010X}"
            device.sessions += 1
        self._asked = asked
        self._ssrc = ssrc
        session = f"{self._session};timeout={round(self.server.session_timeout)}"
        self._reply(request, 200, ("Transport", chosen), ("Session", session))

    def _interleaved(self, media: int, control: int) -> Outlet:
        transport = self._transport
        assert transport is not None

        def block(template: Block, data: memoryview) -> None:
            transport.write(data)

        return Outlet(block, lambda data: transport.write(frame(control, data)), lambda: self._choked, media)

    def _play(self, request: Request) -> None:
        asked, outlet, server = self._asked, self._outlet, self.server
        assert asked is not None
        assert outlet is not None
        if self._player is None:
            sequence, base = server.random.getrandbits(16), server.random.getrandbits(32)
            self._player = Player(
                asked.camera,
                asked.stream,
                server.clips,
                server.clock,
                outlet,
                seed=server.seed,
                numbers=(self._ssrc, sequence, base),
                wait_for_gop=server.wait_for_gop,
            )
            track = request.uri.rstrip("/")
            track = track if track.endswith(TRACK) else f"{track}/{TRACK}"
            info = f"url={track};seq={sequence};rtptime={base}"
            self._reply(request, 200, ("Session", self._session), ("Range", "npt=now-"), ("RTP-Info", info))
            self._player.play()
        else:
            self._reply(request, 200, ("Session", self._session), ("Range", "npt=now-"))

    def _control(self, data: bytes) -> None:
        """Whatever comes on the media's channels keeps the session alive; a PLI asks for a keyframe."""
        self._heard = self.server.loop.time()
        if self._player is not None and any(isinstance(p, rtcp.PictureLoss) for p in rtcp.parse(data)):
            self._player.request_keyframe()

    def _end_session(self, *, torn_down: bool = False) -> None:
        if self._player is not None:
            self._player.stop()
            self._player = None
        self._close_ports()
        self._outlet = self._asked = None
        if self._session:
            self._session = ""
            self.server.torn_down += torn_down
            self.server.dropped += not torn_down
            if self.device is not None:
                self.device.sessions -= 1

    def _close_ports(self) -> None:
        if self._ports is not None:
            self._ports.close()
            self._ports = None

    def _look_at_clock(self) -> None:
        """The session's time-out (RFC 2326 section 12.37), and the end of a connection that says nothing."""
        rest = self._heard + self.server.session_timeout - self.server.loop.time()
        if rest > 0:
            self._timer = self.server.loop.call_later(rest + 0.01, self._look_at_clock)
        elif self._transport is not None:
            self._transport.abort() if self._choked else self._transport.close()

    def _reply(self, request: Request, status: int, *headers: tuple[str, str], body: bytes = b"") -> None:
        if self._transport is None or self.silent:
            return
        first = (("CSeq", request.headers.get("CSeq", "0")), ("Server", "virtual camera"))
        self._transport.write(Response(status, REASONS.get(status, ""), Headers((*first, *headers)), body).encode())
