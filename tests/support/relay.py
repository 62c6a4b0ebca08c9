"""Edge: a loopback TCP relay that keeps what the client said, so that a test reads from the wire what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

#: Requests are small; a client that sends more than this through a relay is a defect.
MAX_KEPT = 4 * 1024 * 1024


@dataclass(slots=True)
class Relay:
    """``said`` holds everything the client sent, connection after connection."""

    port: int = 0
    connections: int = 0
    said: bytearray = field(default_factory=bytearray)

    def requests(self, method: str) -> int:
        return bytes(self.said).count(method.encode() + b" rtsp://")

    @property
    def answers_to_challenges(self) -> int:
        """Requests that carried an ``Authorization`` header."""
        return bytes(self.said).lower().count(b"\r\nauthorization:")


class _End(asyncio.Protocol):
    """One end of a relayed connection. What comes before the other end stands is kept for it."""

    def __init__(self, open_ends: set[_End], kept: bytearray | None = None) -> None:
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open_ends = open_ends
        self._kept = kept
        self._early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._open_ends.add(self)

    def meet(self, other: _End) -> None:
        self.other, other.other = other, self
        if self._early and other.transport is not None:
            other.transport.write(bytes(self._early))
        if self.closed.done() and other.transport is not None:
            other.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._kept is not None and len(self._kept) < MAX_KEPT:
            self._kept += data
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)
        else:
            self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_ends.discard(self)
        self.closed.set_result(None)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[Relay]:
    """A relay in front of 127.0.0.1:``port``; every connection is closed on leaving."""
    seen, ends, dials = Relay(), set[_End](), set[asyncio.Task[None]]()
    loop = asyncio.get_running_loop()

    async def dial(client: _End) -> None:
        _, server_end = await loop.create_connection(lambda: _End(ends), "127.0.0.1", port)
        client.meet(server_end)

    def accepted() -> _End:
        seen.connections += 1
        client = _End(ends, seen.said)
        dials.add(loop.create_task(dial(client)))
        return client

    server = await loop.create_server(accepted, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        await asyncio.gather(*dials)
        closing = list(ends)
        for end in closing:
            assert end.transport is not None
            end.transport.close()
        await asyncio.gather(*(end.closed for end in closing))
        await server.wait_closed()
