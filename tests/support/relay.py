"""Edge: a loopback TCP relay that keeps what the client said, so that a test reads from the wire what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
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


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[Relay]:
    """A relay in front of 127.0.0.1:``port``; every connection and task is closed on leaving."""
    seen = Relay()
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        pumps = [
            asyncio.create_task(_pump(reader, forth, seen.said)),
            asyncio.create_task(_pump(back, writer, None)),
        ]
        tasks.update(pumps)
        await asyncio.wait(pumps)
        for end in (forth, writer):
            end.close()
            with suppress(OSError):
                await end.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray | None) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            if kept is not None and len(kept) < MAX_KEPT:
                kept += data
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()
