"""Edge: a small true RTSP server on loopback whose every reply a test can change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from camera_gateway.rtsp.digest import Challenge, verify
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

Answer = Response | bytes | None  # None: silence
Handler = Callable[["Peer", Request], Answer]


@dataclass
class Script:
    """``answers`` replaces the reply to a method; ``media`` are the RTP packets sent right after the PLAY reply."""

    sdp: bytes = b""
    media: Sequence[bytes] = ()
    user: str = ""
    password: str = ""
    challenges: tuple[Challenge, ...] = (Challenge("digest", "cam", "nonce-1", qop=("auth",)),)
    answers: dict[str, Handler] = field(default_factory=dict)
    headers: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)  # added per method
    channels: tuple[int, int] | None = None  # another pair than the one asked for
    udp_only: bool = False
    lf_only: bool = False
    session: str = "4711;timeout=60"


class Peer(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, server: RtspTestServer) -> None:
        self.server = server
        self.script = server.script
        self.channels = (0, 1)
        self.client_ports: tuple[int, int] | None = None
        self.control: list[bytes] = []  # RTCP that came in
        self.lost = asyncio.Event()
        self.transport: asyncio.Transport
        self.udp: asyncio.DatagramTransport | None = None
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.server.peers.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
        self.server.changed()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer:
            parsed = parse(self._buffer)
            if isinstance(parsed, Incomplete):
                return
            message, end = parsed
            if isinstance(message, Request):
                self.server.requests.append(message)
                self._answer(message)
            elif isinstance(message, Interleaved):
                self.control.append(bytes(self._buffer[message.start : message.end]))
            del self._buffer[:end]
            self.server.changed()

    def send(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def send_media(self, packets: Sequence[bytes]) -> None:
        if self.client_ports is not None:
            assert self.udp is not None
            for packet in packets:
                self.udp.sendto(packet, (self.transport.get_extra_info("peername")[0], self.client_ports[0]))
            return
        self.send(b"".join(frame(self.channels[0], packet) for packet in packets))

    def _answer(self, request: Request) -> None:
        handler = self.script.answers.get(request.method)
        answer = handler(self, request) if handler else self.reply(request)
        if isinstance(answer, Response):
            cseq = ("CSeq", request.headers.get("CSeq"))
            more = self.script.headers.get(request.method, ()) if answer.status == 200 else ()
            full = Response(
                answer.status, answer.reason, Headers((cseq, *more, *answer.headers.items)), answer.body
            ).encode()
            if self.script.lf_only:
                head, blank, body = full.partition(b"\r\n\r\n")
                full = (head + blank).replace(b"\r\n", b"\n") + body
            self.send(full)
            if request.method == "PLAY" and answer.status == 200:
                self.send_media(self.script.media)
        elif answer is not None:
            self.send(answer)

    def reply(self, request: Request) -> Response:
        """What a healthy camera answers."""
        script = self.script
        if script.user and request.method != "OPTIONS":
            given = request.headers.get("Authorization")
            right = any(verify(c, given, request.method, script.user, script.password) for c in script.challenges)
            if given and not right:
                self.server.wrong += 1
            if not right:
                return Response(
                    401, "Unauthorized", Headers(tuple(("WWW-Authenticate", c.header()) for c in script.challenges))
                )
        if request.method == "DESCRIBE":
            return Response(200, "OK", Headers((("Content-Type", "application/sdp"),)), script.sdp)
        if request.method == "SETUP":
            return self._setup(request)
        known = ("OPTIONS", "PLAY", "TEARDOWN", "GET_PARAMETER")
        return Response(200, "OK") if request.method in known else Response(501, "Not Implemented")

    def _setup(self, request: Request) -> Response:
        asked = parse_transport(request.headers.get("Transport"))
        if asked.tcp:
            if self.script.udp_only:
                return Response(461, "Unsupported transport")
            self.channels = self.script.channels or asked.channels or (0, 1)
            transport = f"RTP/AVP/TCP;unicast;interleaved={self.channels[0]}-{self.channels[1]}"
        else:
            self.client_ports = asked.client_ports
            self.udp = self.server.udp
            assert self.udp is not None
            port = self.udp.get_extra_info("sockname")[1]
            ports = asked.client_ports or (0, 0)
            transport = f"RTP/AVP;unicast;client_port={ports[0]}-{ports[1]};server_port={port}-{port}"
        return Response(200, "OK", Headers((("Session", self.script.session), ("Transport", transport))))


class RtspTestServer:
    """``async with RtspTestServer(Script(...)) as server: ... server.url``."""

    def __init__(self, script: Script | None = None, host: str = "127.0.0.1") -> None:
        self.script = script or Script()
        self.host = host
        self.peers: list[Peer] = []
        self.requests: list[Request] = []
        self.wrong = 0  # login tries with a wrong answer
        self.udp: asyncio.DatagramTransport | None = None
        self.datagrams: list[bytes] = []
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"rtsp://{self.host}:{self.port}/stream"

    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    def changed(self) -> None:
        self._changed.set()

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Waits for what the server sees; never sleeps."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def __aenter__(self) -> RtspTestServer:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Peer(self), self.host, 0, backlog=512)
        self.udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=(self.host, 0))
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        assert self.udp is not None
        self._server.close()
        self.udp.close()
        for peer in self.peers:
            peer.transport.abort()
        for peer in self.peers:
            await peer.lost.wait()
        await self._server.wait_closed()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: RtspTestServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.datagrams.append(data)
        self._server.changed()
