"""Edge: a small, bounded HTTP/1.1 server on h11 for what virtual devices and their control say over HTTP.

RFC 9112. One handler answers every request; the local address of the accepted socket names the device.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import unquote, urlsplit

import h11

from camera_gateway.simulator.gate import Gate, GateKeeper, always_serve, local_name, peer_name, reset
from camera_gateway.simulator.listening import ListeningServer

log = logging.getLogger(__name__)

MAX_HEAD = 16 * 1024
MAX_BODY = 1024 * 1024
#: Seconds a connection that is never answered is kept, so that they do not pile up.
_SILENCE = 120.0


@dataclass(frozen=True, slots=True)
class Request:
    """``headers`` have lower-case names; repeated ones are joined with a comma. ``target`` is as it was sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    local_host: str
    local_port: int
    peer: tuple[str, int]

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> str:
        return urlsplit(self.target).query


@dataclass(frozen=True, slots=True)
class Response:
    """``Content-Length`` is added; everything else is the handler's. ``close`` ends the connection afterwards."""

    status: int
    headers: Mapping[str, str] | tuple[tuple[str, str], ...] = field(default_factory=dict)
    body: bytes = b""
    close: bool = False


Handler = Callable[[Request], Awaitable[Response]]


class HttpServer(ListeningServer["_Connection"]):
    """``handler`` runs once per request, in order within a connection. ``gate`` is asked before a byte is read, and
    again before each request is handled.

    Bounds: ``max_connections`` at once (the next is reset), heads of 16 KiB (431), bodies of ``max_body`` (413),
    ``deadline`` seconds for a request to arrive whole and for the handler to answer it.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        gate: GateKeeper = always_serve,
        max_connections: int = 1024,
        max_body: int = MAX_BODY,
        deadline: float = 15.0,
    ) -> None:
        super().__init__(lambda: _Connection(self))
        self.handler = handler
        self.gate = gate
        self.max_connections = max_connections
        self.max_body = max_body
        self.deadline = deadline


class _Connection(asyncio.Protocol):
    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self.ended = asyncio.Event()
        self.transport: asyncio.Transport | None = None
        self.local = ("", 0)
        self.silent = False
        self.choked = False
        self.head: h11.Request | None = None
        self.body = bytearray()
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop has classes of its own
        self.transport = transport
        self.server.connections.add(self)
        local = local_name(transport)
        if local is None:
            transport.abort()
            return
        self.local = local
        gate = self.server.gate(*local)
        if gate is Gate.RESET or len(self.server.connections) > self.server.max_connections:
            reset(transport)
        elif gate is Gate.SILENT:
            self.silent = True
            self.timer = asyncio.get_running_loop().call_later(_SILENCE, self.drop)
        else:
            self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self.task is not None:
            self.task.cancel()
        self.server.connections.discard(self)
        self.transport = None
        self._settle()

    def _settle(self, task: asyncio.Task[None] | None = None) -> None:
        if self.transport is None and (self.task is None or self.task.done()):
            self.ended.set()

    def pause_writing(self) -> None:
        """The peer asks without reading: nothing more is answered, and the deadline for the next request runs."""
        self.choked = True

    def resume_writing(self) -> None:
        self.choked = False
        if self.task is None and self.transport is not None:
            self.transport.resume_reading()
            self._advance()

    def drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.silent:
            return
        self.http.receive_data(data)
        self._advance()

    def eof_received(self) -> bool:
        if self.silent:
            return False
        self.http.receive_data(b"")
        self._advance()
        return self.task is not None

    def _advance(self) -> None:
        while self.task is None and self.transport is not None and not self.choked and not self.silent:
            try:
                event = self.http.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(error.error_status_hint or 400)
                return
            if isinstance(event, h11.Request):
                if len(event.target) + sum(len(n) + len(v) for n, v in event.headers) > MAX_HEAD:
                    self._refuse(431)
                    return
                self.head, self.body = event, bytearray()
                if self.http.they_are_waiting_for_100_continue:
                    self.transport.write(self._bytes(h11.InformationalResponse(status_code=100, headers=[])))
            elif isinstance(event, h11.Data):
                self.body += event.data
                if len(self.body) > self.server.max_body:
                    self._refuse(413)
                    return
            elif isinstance(event, h11.EndOfMessage):
                self._begin()
            elif isinstance(event, h11.ConnectionClosed):
                self.transport.close()
                return
            else:  # NEED_DATA, PAUSED
                return

    def _begin(self) -> None:
        head, transport = self.head, self.transport
        assert head is not None
        assert transport is not None
        self._disarm()
        gate = self.server.gate(*self.local)
        if gate is not Gate.SERVE:  # switched since the connection was accepted
            self.silent = True
            if gate is Gate.RESET:
                reset(transport)
            return
        headers: dict[str, str] = {}
        for name, value in head.headers:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        request = Request(
            head.method.decode("latin-1"),
            head.target.decode("latin-1"),
            headers,
            bytes(self.body),
            *self.local,
            peer_name(transport),
        )
        transport.pause_reading()
        self.task = asyncio.get_running_loop().create_task(self._answer(request))
        self.task.add_done_callback(self._settle)

    async def _answer(self, request: Request) -> None:
        try:
            async with asyncio.timeout(self.server.deadline):
                response = await self.server.handler(request)
        except TimeoutError:
            response = Response(503, close=True)
        except Exception:
            log.exception("x the handler of %s failed", request.local_host)
            response = Response(500, close=True)
        self.task = None
        if self.transport is not None:
            self._send(response, head_only=request.method == "HEAD")

    def _send(self, response: Response, *, head_only: bool) -> None:
        transport = self.transport
        assert transport is not None
        pairs = response.headers.items() if isinstance(response.headers, Mapping) else response.headers
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
        headers.append((b"Content-Length", str(len(response.body)).encode()))  # some clients mind the case
        if response.close:
            headers.append((b"connection", b"close"))
        data = self._bytes(h11.Response(status_code=response.status, headers=headers))
        if not head_only:
            data += self._bytes(h11.Data(data=response.body))
        transport.write(data + self._bytes(h11.EndOfMessage()))
        if self.http.our_state is h11.MUST_CLOSE or self.http.their_state is h11.MUST_CLOSE:
            transport.close()
            return
        self.http.start_next_cycle()
        self._expect_request()
        if not self.choked:
            transport.resume_reading()
            self._advance()

    def _refuse(self, status: int) -> None:
        if self.transport is not None and self.http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            data = self._bytes(
                h11.Response(status_code=status, headers=[(b"content-length", b"0"), (b"connection", b"close")])
            )
            self.transport.write(data + self._bytes(h11.EndOfMessage()))
        if self.transport is not None:
            self.transport.close()

    def _bytes(self, event: h11.Event) -> bytes:
        return self.http.send(event) or b""

    def _expect_request(self) -> None:
        self.timer = asyncio.get_running_loop().call_later(self.server.deadline, self._late)

    def _late(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def _disarm(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
