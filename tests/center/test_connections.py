"""Connections over real sockets: heads that never end, readers that take nothing, too many of one address."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from center.connections import ConnectionLimits, Connections
from center.listener import Listener, Listening
from tests.support.certificate import certificate

pytestmark = pytest.mark.usefixtures("no_leaks")
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]
#: Far more than any socket's buffers.
MUCH = 64 * 1024 * 1024
FEW = ConnectionLimits(of_all=4, of_address=3, head_seconds=0.3, taking_seconds=0.3)


class App:
    """Answers ``/`` at once and ``/much`` with more than anybody takes; ``ended`` once that is over."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = b"ok" if scope["path"] == "/" else None
            size = len(body) if body else MUCH
            head = [(b"content-length", b"%d" % size)]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            for _ in range(1 if body else MUCH // 65_536):
                await send({"type": "http.response.body", "body": body or bytes(65_536), "more_body": not body})
        finally:
            if scope["path"] == "/much":
                self.ended.set()


@asynccontextmanager
async def listening(limits: ConnectionLimits = FEW, **more: Any) -> AsyncIterator[tuple[Listener, App]]:
    app = App()
    listener = Listener(app, Listening("127.0.0.1:0", limits=limits, **more))
    await listener.start()
    try:
        yield listener, app
    finally:
        await listener.close()


@asynccontextmanager
async def connected(listener: Listener, source: str = "127.0.0.1") -> AsyncIterator[Pair]:
    port = int(listener.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    """All that came. A byte of ours that crosses the close resets the connection behind the answer."""
    found = b""
    with suppress(ConnectionResetError):
        async with asyncio.timeout(10):
            while data := await reader.read(65_536):
                found += data
    return found


def code(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    found: str = json.loads(body)["code"]
    assert int(head.split()[1]) == json.loads(body)["status"]
    return found


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_a_head_that_never_ends_is_closed(sent: bytes) -> None:
    async with listening() as (listener, _), connected(listener) as (reader, writer):
        writer.write(sent)
        assert code(await to_the_end(reader)) == "body_timeout"


async def test_a_head_that_drips_is_closed_all_the_same() -> None:
    """Each byte in time, the whole never."""
    async with listening() as (listener, _), connected(listener) as (reader, writer):
        reading = asyncio.create_task(to_the_end(reader))
        for byte in b"GET / HTTP/1.1\r\nX: " + b"a" * 10_000:
            writer.write(bytes([byte]))
            await asyncio.wait((reading,), timeout=0.01)
            if reading.done():
                break
        assert code(await reading) == "body_timeout"


async def test_a_second_request_on_the_connection_has_its_time_too() -> None:
    async with listening() as (listener, _), connected(listener) as (reader, writer):
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(10):
                assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.write(b"GET / HTTP/1.1\r\nHo")
        assert code(await to_the_end(reader)) == "body_timeout"


async def test_a_reader_that_takes_nothing_is_cut_and_its_answer_ends() -> None:
    async with listening() as (listener, app):
        port = int(listener.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as lazy:
            lazy.sendall(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(10):
                await app.ended.wait()
            assert len(listener.connections) == 0


async def test_one_address_cannot_take_all_the_places() -> None:
    async with listening() as (listener, _):
        async with connected(listener), connected(listener), connected(listener):
            async with connected(listener) as (reader, _):
                assert code(await to_the_end(reader)) == "limit"
            async with connected(listener, "127.0.0.2") as (reader, writer):
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert (await to_the_end(reader)).endswith(b"ok")
            async with connected(listener, "127.0.0.3"), connected(listener, "127.0.0.4") as (reader, _):
                answer = await to_the_end(reader)
                assert code(answer) == "limit"
                assert b'"who": "service"' in answer
        async with connected(listener) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await to_the_end(reader)).endswith(b"ok")


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"a" * 40_000])
async def test_what_is_not_http_gets_a_problem_document(sent: bytes) -> None:
    async with listening() as (listener, _), connected(listener) as (reader, writer):
        writer.write(sent + b"\r\n\r\n")
        assert code(await to_the_end(reader)) == "malformed"


async def test_tls_answers_and_a_handshake_has_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("center.listener.HANDSHAKE_SECONDS", 0.3)
    file, _ = certificate(tmp_path, "localhost")
    async with listening(cert=file, key=file) as (listener, _):
        assert listener.url.startswith("https://")
        async with connected(listener) as (silent, _):
            context, port = ssl.create_default_context(cafile=str(file)), int(listener.url.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await to_the_end(reader)).endswith(b"ok")
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
            with suppress(ConnectionError):
                assert await to_the_end(silent) == b""


def test_a_trusted_proxy_speaks_for_many() -> None:
    connections = Connections(ConnectionLimits(of_all=5, of_address=1), (ip_network("10.0.0.0/24"),))
    assert [connections.opened("10.0.0.7") for _ in range(3)] == ["", "", ""]
    assert [connections.opened(one) for one in ("10.0.1.1", "10.0.1.1", "::1")] == ["", "address", "service"]
    assert [connections.opened(one) for one in ("unix", "unix")] == ["service", "service"]
    for one in ("10.0.0.7",) * 3 + ("10.0.1.1",) * 2 + ("::1", "unix", "unix"):
        connections.closed(one)
    assert len(connections) == 0
