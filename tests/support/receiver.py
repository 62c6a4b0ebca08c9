"""Edge: a receiver of messages on loopback that keeps what it got, and fails in every way when told to."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import h11

from alerts.signature import verified

SECRET = "a secret shared with the receiver"

#: What it does with the next message; ``ok`` once these are used up.
FAILURES = (
    "hang",
    "500",
    "429",
    "redirect",
    "reset",
    "close",
    "garbage",
    "slow_body",
    "endless_body",
    "huge_head",
    "half",
    "drip",
    "not_yet",
)


@dataclass(frozen=True, slots=True)
class Got:
    """One whole message; ``answered`` is what it was answered with."""

    key: str
    body: bytes
    headers: dict[str, str]
    how: str

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """``plan`` holds the next behaviours; ``on_message`` is called when a message is whole, before the answer."""

    now: Callable[[], datetime]
    plan: list[str] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    port: int = 0
    on_message: Callable[[Got], None] = lambda got: None
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            got = await self._read(reader)
            if got is None:
                return
            assert verified(SECRET, got.headers, got.body, self.now())
            self.got.append(got)
            self.on_message(got)
            await getattr(self, f"_{got.how}", self._status)(reader, writer, got.how)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> Got | None:
        http = h11.Connection(h11.SERVER)
        head: dict[str, str] = {}
        body = b""
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                data = await reader.read(65_536)
                if not data:
                    return None
                http.receive_data(data)
            elif isinstance(event, h11.Request):
                assert event.method == b"POST"
                head = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                how = self.plan.pop(0) if self.plan else "ok"
                return Got(head["idempotency-key"], body, head, how)

    async def _status(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        status = "204" if how == "ok" else how
        extra = b"Retry-After: 120\r\n" if how in ("429", "503") else b""
        writer.write(b"HTTP/1.1 %s X\r\n%sContent-Length: 0\r\n\r\n" % (status.encode(), extra))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _hang(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        await reader.read()  # until the other side has had enough

    async def _redirect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        where = b"http://127.0.0.1:%d/elsewhere" % self.port
        writer.write(b"HTTP/1.1 307 Go\r\nLocation: " + where + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def _reset(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        import socket
        import struct

        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def _close(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        return

    async def _garbage(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        writer.write(b"\x00\xff this is not HTTP\r\n\r\n")
        await writer.drain()

    async def _half(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _slow_body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1")
        await writer.drain()
        await reader.read()

    async def _endless_body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
            await writer.drain()

    async def _huge_head(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 40_000 + b"\r\n\r\n")
        await writer.drain()

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        """Always one byte more, each in time, until the other side has had enough."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            try:
                async with asyncio.timeout(0.05):
                    await reader.read()
            except TimeoutError:
                continue
            return

    async def _not_yet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: str) -> None:
        while True:
            writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
            await writer.drain()

    async def stop(self) -> None:
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


@asynccontextmanager
async def receiving(now: Callable[[], datetime], context: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(now)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await receiver.stop()
        await server.wait_closed()
