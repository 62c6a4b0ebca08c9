"""Edge: an HTTP listener (uvicorn) that we start and stop: it handles no signals and never exits by itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from center.api.problems import MEDIA_TYPE, Problem, document
from center.connections import ConnectionLimits, Connections
from config.errors import Kind, XueliangError
from config.setting import Network
from config.settings import split_listen

LIMITS = ConnectionLimits()


@dataclass(frozen=True, slots=True)
class Listening:
    """``listen`` is ``host:port`` (port 0: any); certificate and key come together or not at all."""

    listen: str
    cert: Path | None = None
    key: Path | None = None
    proxies: tuple[Network, ...] = ()
    limits: ConnectionLimits = LIMITS


#: A TLS handshake takes two round trips; whoever needs longer holds a socket for nothing.
HANDSHAKE_SECONDS = 10.0


class _Guarded(H11Protocol):
    """A connection that is counted, and closed when it keeps us waiting. uvicorn has no time for a request's head and
    none for a reader that takes nothing."""

    open_ones: Connections
    _peer = ""
    _head: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""
        over = self.open_ones.opened(self._peer)
        if over:
            facts = {"who": over, "retry_after": 5}
            self._refuse(Problem("limit", what="too many connections are open", where=over, facts=facts))
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self.open_ones.closed(self._peer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():  # refused: what it still sends is nobody's
            return
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_head()
        elif self._head is None:
            self._await_head()

    def on_response_complete(self) -> None:
        self._stop_head()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._taking is None:
            # Not closed but aborted: what it never takes would hold the socket for ever.
            self._taking = self.loop.call_later(self.open_ones.limits.taking_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_taking()

    def send_400_response(self, msg: str) -> None:
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.abort()  # in the middle of an answer there is no place for another
            return
        self._refuse(Problem("malformed", what="this is not an HTTP/1.1 request"))

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.open_ones.limits.head_seconds, self._late)

    def _late(self) -> None:
        what = f"the request's head was not whole within {self.open_ones.limits.head_seconds:g} s"
        self._refuse(Problem("body_timeout", what=what))

    def _refuse(self, problem: Problem) -> None:
        """A problem document like every other, and the end of the connection."""
        self._stop_head()
        if self.transport.is_closing():
            return
        request_id = token_hex(8)
        body = json.dumps(document(problem, False, request_id)).encode()
        head = (
            f"HTTP/1.1 {problem.type.status} {problem.type.code}\r\nContent-Type: {MEDIA_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\nX-Request-Id: {request_id}\r\n"
            "Retry-After: 5\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _stop(self) -> None:
        self._stop_head()
        self._stop_taking()

    def _stop_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None


def _protocol(connections: Connections) -> type[H11Protocol]:
    """The protocol of one listener."""
    return type("Guarded", (_Guarded,), {"open_ones": connections})


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self.ending = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own for sockets that are given, with a time for the handshake of TLS."""
        await self.lifespan.startup()
        loop, config = asyncio.get_running_loop(), self.config

        def made() -> asyncio.Protocol:
            made_by: Any = config.http_protocol_class
            protocol: asyncio.Protocol = made_by(
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return protocol

        seconds = HANDSHAKE_SECONDS if config.ssl is not None else None
        self.servers = [
            await loop.create_server(made, sock=one, ssl=config.ssl, backlog=128, ssl_handshake_timeout=seconds)
            for one in sockets or ()
        ]
        self.started = True
        self.up.set()

    async def main_loop(self) -> None:
        """As uvicorn's own, once a second and not ten times: it only keeps the date of answers."""
        seconds = 0
        while not await self.on_tick(10 * seconds):
            seconds = (seconds + 1) % 86_400
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), 1.0)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    def __init__(self, app: Any, listening: Listening) -> None:
        self._listening = listening
        #: What is open; for metrics and tests.
        self.connections = Connections(listening.limits, listening.proxies)
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                ws="none",
                http=_protocol(self.connections),
                timeout_keep_alive=5,
                timeout_graceful_shutdown=3,
                h11_max_incomplete_event_size=16 * 1024,
                proxy_headers=bool(listening.proxies),
                forwarded_allow_ips=[str(network) for network in listening.proxies],
                ssl_certfile=listening.cert,
                ssl_keyfile=listening.key,
            )
        )
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        if self._socket is None:
            raise XueliangError(Kind.INTERNAL, "the listener is not started")
        host, port = self._socket.getsockname()[:2]
        scheme = "https" if self._listening.cert else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    async def start(self) -> None:
        """Raises ``UNAVAILABLE`` where the address cannot be had, ``INVALID`` for a certificate that is none."""
        host, port = split_listen(self._listening.listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=128)
        except OSError as error:
            raise XueliangError(
                Kind.UNAVAILABLE,
                f"cannot listen: {error.strerror}",
                where=self._listening.listen,
                fix="Stop what listens there, or change service.listen",
            ) from error
        try:
            self._server.config.load()
        except OSError as error:
            self._socket.close()
            where = str(self._listening.cert)
            raise XueliangError(Kind.INVALID, f"no usable certificate: {error}", where=where) from error
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http listener")
        await self._server.up.wait()

    async def close(self) -> None:
        self._server.should_exit = True
        self._server.ending.set()
        if self._task is not None:
            await self._task
            self._task = None
        if self._socket is not None:
            self._socket.close()
