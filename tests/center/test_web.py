"""Health, readiness and metrics over a real listener."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from center.listener import Listener, Listening
from center.web import build, build_metrics
from config.errors import Kind, XueliangError

pytestmark = pytest.mark.usefixtures("no_leaks")
MISSING: dict[str, str] = {}


async def exposition() -> tuple[str, bytes]:
    return "text/plain; version=0.0.4", b"xueliang_up 1\n"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    MISSING.clear()
    listener = Listener(build(lambda: MISSING, exposition, SecretStr("t0ken")), Listening("127.0.0.1:0"))
    await listener.start()
    yield listener.url
    await listener.close()


async def get(url: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}\r\n".encode())
    data = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    return int(first.split()[1]), {n.lower(): v for n, _, v in (line.partition(": ") for line in rest)}, body


async def test_alive_and_ready(url: str) -> None:
    assert (await get(url, "/healthz"))[0] == 200
    assert json.loads((await get(url, "/readyz"))[2]) == {"ready": True, "missing": {}}
    MISSING["database"] = "cannot be written"
    status, _, body = await get(url, "/readyz")
    assert status == 503
    assert json.loads(body)["missing"] == {"database": "cannot be written"}


async def test_metrics_need_the_token(url: str) -> None:
    status, headers, _ = await get(url, "/metrics")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert (await get(url, "/metrics", Authorization="Bearer wrong"))[0] == 401
    assert (await get(url, "/metrics", Authorization="Bearer t0ken"))[2] == b"xueliang_up 1\n"


async def test_without_a_token_there_are_no_metrics() -> None:
    listener = Listener(build(dict, exposition, None), Listening("127.0.0.1:0"))
    await listener.start()
    assert (await get(listener.url, "/metrics", Authorization="Bearer "))[0] == 404
    await listener.close()


async def test_a_listener_of_its_own_needs_none() -> None:
    listener = Listener(build_metrics(exposition), Listening("127.0.0.1:0"))
    await listener.start()
    assert (await get(listener.url, "/metrics"))[0] == 200
    assert (await get(listener.url, "/healthz"))[0] == 404
    await listener.close()


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/", "/%00", "/" + "x" * 20_000])
async def test_nothing_else_is_there(url: str, path: str) -> None:
    status, headers, _ = await get(url, path)
    assert status in (400, 404)
    if status == 404:
        assert headers["content-type"] == "application/problem+json"
    assert "server" not in headers


async def test_a_taken_address_is_named(url: str) -> None:
    taken = Listener(build(dict, exposition, None), Listening(url.removeprefix("http://")))
    with pytest.raises(XueliangError, match="cannot listen") as caught:
        await taken.start()
    assert caught.value.kind is Kind.UNAVAILABLE
