"""The small HTTP server: order, bounds, gates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from camera_gateway.simulator.gate import Gate
from camera_gateway.simulator.http_server import HttpServer, Request, Response


async def echo(request: Request) -> Response:
    text = f"{request.method} {request.path} {request.query} {request.local_host} {len(request.body)}"
    return Response(200, {"Content-Type": "text/plain"}, text.encode())


async def exchange(port: int, data: bytes, host: str = "127.0.0.1") -> bytes:
    """Everything the server says until it closes, or until half a second of deadline after our end of writing."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(data)
        await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    server = HttpServer(echo, max_body=2000, max_connections=4)
    yield server
    await server.stop()


async def test_answers_and_names_the_address_that_was_called(server: HttpServer) -> None:
    port = await server.start("0.0.0.0")
    answer = await exchange(port, b"GET /a%20b?x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", host="127.44.5.6")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"GET /a b x=1 127.44.5.6 0")


async def test_answers_pipelined_requests_in_order(server: HttpServer) -> None:
    port = await server.start()
    first = b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    last = b"GET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await exchange(port, first + last)
    assert answer.index(b"POST /1  127.0.0.1 3") < answer.index(b"GET /2  127.0.0.1 0")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2001\r\n\r\n" + b"a" * 2001, b"413"),
    ],
)
async def test_refuses_what_is_malformed_or_too_large(server: HttpServer, data: bytes, status: bytes) -> None:
    port = await server.start()
    assert (await exchange(port, data)).split(b" ")[1] == status


async def test_a_failing_handler_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(request: Request) -> Response:
        raise ValueError("boom")

    server = HttpServer(fail)
    port = await server.start()
    try:
        assert b" 500 " in await exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    finally:
        await server.stop()
    assert "boom" in caplog.text


async def test_a_request_that_never_ends_is_closed() -> None:
    server = HttpServer(echo, deadline=0.05)
    port = await server.start()
    try:
        assert await exchange(port, b"GET / HT") == b""
    finally:
        await server.stop()


async def test_gate_resets_or_stays_silent() -> None:
    gates = {"127.0.0.2": Gate.RESET, "127.0.0.3": Gate.SILENT}
    server = HttpServer(echo, gate=lambda host, port: gates.get(host, Gate.SERVE))
    port = await server.start("0.0.0.0")
    try:
        with pytest.raises(ConnectionResetError):
            await exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", host="127.0.0.2")
        reader, writer = await asyncio.open_connection("127.0.0.3", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read(1)
        writer.close()
        await writer.wait_closed()
    finally:
        await server.stop()


async def test_more_connections_than_allowed_are_reset(server: HttpServer) -> None:
    port = await server.start()
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
    with pytest.raises(ConnectionResetError):
        await exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for _, writer in held:
        writer.close()
        await writer.wait_closed()
