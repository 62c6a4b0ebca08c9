"""Edge: devices that answer late, long, wrongly, or with somebody else's address."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from camera_gateway.attempts import AttemptGate
from camera_gateway.http import DeviceHttp, HttpDeadlines, HttpRequest
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp import digest
from camera_gateway.target import Credentials
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from tests.support.onvif_rig import GOOD, WRONG, onvif_rig, reach, virtual_device

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
MIB = 1024 * 1024


class RawServer:
    """Says what it is told, byte for byte, once per connection; ``then`` keeps it open, closes or resets it."""

    def __init__(self, answer: Callable[[bytes], bytes], then: str) -> None:
        self.answer = answer
        self.then = then
        self.requests: list[bytes] = []
        self.connected = 0
        self.open = 0
        self.changed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        self.open += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(head)
            writer.write(self.answer(head))
            if self.then == "hold":
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if self.then == "reset":
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.close()
            self.open -= 1
            self.changed.set()

    async def idle(self) -> None:
        async with asyncio.timeout(5):
            while self.open:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def raw(answer: bytes | Callable[[bytes], bytes], then: str = "close") -> AsyncIterator[tuple[RawServer, str]]:
    served = RawServer(answer if callable(answer) else lambda head: answer, then)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    try:
        yield served, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x?y=1"
    finally:
        server.close()
        await served.idle()


def client(answer: float = 2.0, policy: ReachPolicy | None = None) -> DeviceHttp:
    clock = SystemClock()
    return DeviceHttp(
        Reach(policy) if policy else reach(), InMemoryDeviceMemory(clock), clock, deadlines=HttpDeadlines(10.0, answer)
    )


async def test_one_request_and_the_connection_is_closed() -> None:
    async with raw(OK, "hold") as (server, url):
        answer = await client().request(HttpRequest("GET", url))
    assert (answer.status, answer.body) == (200, b"hi")
    head = server.requests[0].decode()
    assert head.startswith("GET /x?y=1 HTTP/1.1\r\n")
    assert "connection: close" in head.lower()


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"hi"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", b"hi"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"small", mtime=0), b"small"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n" + zlib.compress(b"small"), b"small"),
    ],
)
async def test_reads_what_firmwares_send(answer: bytes, body: bytes) -> None:
    async with raw(answer) as (_, url):
        assert (await client().request(HttpRequest("GET", url))).body == body


BAD: dict[str, tuple[bytes, str, Kind]] = {
    "nothing": (b"", "close", Kind.PROTOCOL),
    "reset": (b"", "reset", Kind.REFUSED),
    "silence": (b"", "hold", Kind.TIMEOUT),
    "half an answer": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi", "close", Kind.PROTOCOL),
    "half an answer, held": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi", "hold", Kind.TIMEOUT),
    "not HTTP": (b"\x00\x01\x02RTSP/1.0 200 OK\r\n\r\n", "close", Kind.PROTOCOL),
    "RTSP": (b"RTSP/1.0 200 OK\r\n\r\n", "close", Kind.PROTOCOL),
    "header without a colon": (b"HTTP/1.1 200 OK\r\nfoo\r\n\r\n", "close", Kind.PROTOCOL),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000, "hold", Kind.PROTOCOL),
    "many headers": (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100 + b"\r\n", "hold", Kind.TOO_LARGE),
    "endless interim answers": (b"HTTP/1.1 100 C\r\n\r\n" * 100_000, "hold", Kind.TOO_LARGE),
    "announced 2 MiB": (b"HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n", "hold", Kind.TOO_LARGE),
    "sent 2 MiB": (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2 * MIB, "close", Kind.TOO_LARGE),
    "chunks of 2 MiB": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"200000\r\n" + b"x" * 2 * MIB,
        "hold",
        Kind.TOO_LARGE,
    ),
    "a length that is none": (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "close", Kind.PROTOCOL),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi", "close", Kind.PROTOCOL),
    "chunks of one byte": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 150_000,
        "hold",
        Kind.TOO_LARGE,
    ),
    "gzip bomb": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"\0" * 64 * MIB),
        "close",
        Kind.TOO_LARGE,
    ),
    "broken gzip": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip", "close", Kind.PROTOCOL),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_answers_are_named_and_bounded(name: str) -> None:
    answer, then, kind = BAD[name]
    began, spent = time.monotonic(), time.process_time()
    async with raw(answer, then) as (_, url):
        with pytest.raises(XueliangError) as caught:
            await client(answer=0.3).request(HttpRequest("GET", url))
    assert caught.value.kind is kind
    assert caught.value.where.startswith("127.0.0.1")
    assert time.monotonic() - began < 5.0
    assert time.process_time() - spent < 1.0


async def test_a_slow_loris_is_cut_off_at_the_total_deadline() -> None:
    more = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while not more.is_set():
                writer.write(b"x")
                await writer.drain()
                try:
                    await asyncio.wait_for(more.wait(), 0.02)
                except TimeoutError:
                    continue
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    began = time.monotonic()
    with pytest.raises(XueliangError) as caught:
        await client(answer=0.25).request(HttpRequest("GET", url))
    assert caught.value.kind is Kind.TIMEOUT
    assert 0.2 < time.monotonic() - began < 5.0
    more.set()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_answers_and_never_followed(status: int) -> None:
    async with raw(OK) as (elsewhere, there):
        redirect = f"HTTP/1.1 {status} Go\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n".encode()
        async with raw(redirect) as (_, url):
            answer = await client().request(HttpRequest("GET", url))
        assert answer.status == status
        assert elsewhere.connected == 0


@pytest.mark.parametrize(
    "url", ["https://h/", "ftp://h/", "http:///x", "http://h/a b", "http://h/\r\nX: y", "http://h/é"]
)
async def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(XueliangError) as caught:
        await client().request(HttpRequest("GET", url))
    assert caught.value.kind is Kind.INVALID


async def test_addresses_outside_the_policy_are_not_contacted() -> None:
    async with raw(OK) as (server, url):
        with pytest.raises(XueliangError) as caught:
            await client(policy=ReachPolicy(())).request(HttpRequest("GET", url))
        assert caught.value.kind is Kind.NOT_ALLOWED
        assert server.connected == 0


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw(OK) as (proxy, there), raw(OK) as (server, url):
        monkeypatch.setenv("http_proxy", there)
        monkeypatch.setenv("HTTP_PROXY", there)
        await client().request(HttpRequest("GET", url))
        assert (proxy.connected, server.connected) == (0, 1)


def _digest_server(user: str, password: str, *offered: digest.Challenge) -> Callable[[bytes], bytes]:
    def answer(head: bytes) -> bytes:
        lines = head.decode().split("\r\n")
        sent = next((x.partition(": ")[2] for x in lines if x.lower().startswith("authorization: ")), "")
        if any(digest.verify(c, sent, lines[0].split()[0], user, password) for c in offered):
            return OK
        headers = "".join(f"WWW-Authenticate: {c.header()}\r\n" for c in offered)
        return f"HTTP/1.1 401 No\r\n{headers}Content-Length: 0\r\n\r\n".encode()

    return answer


MD5 = digest.Challenge("digest", "r", "n1", qop=("auth",))
SHA = digest.Challenge("digest", "r", "n2", algorithm="SHA-256", qop=("auth",))
BASIC = digest.Challenge("basic", "r")


@pytest.mark.parametrize("offered", [(MD5,), (SHA,), (BASIC, MD5), (SHA, MD5), (digest.Challenge("digest", "r", "n"),)])
async def test_answers_the_digest_that_is_asked_for(offered: tuple[digest.Challenge, ...]) -> None:
    async with raw(_digest_server(GOOD.user, GOOD.password.get_secret_value(), *offered)) as (server, url):
        http = client()
        answer = await http.authorized(HttpRequest("GET", url), GOOD)
        assert (answer.status, answer.auth) == (200, "digest")
        assert len(server.requests) == 2
        assert (await http.authorized(HttpRequest("GET", url), GOOD)).status == 200  # the nonce is used again
        assert len(server.requests) == 3
        assert b"Basic" not in b"".join(server.requests)


async def test_basic_only_where_a_person_allowed_it() -> None:
    allowed = Credentials("admin", SecretStr("p"), "f", allow_clear=True)
    async with raw(_digest_server("admin", "p", BASIC)) as (server, url):
        with pytest.raises(XueliangError) as caught:
            await client().authorized(HttpRequest("GET", url), Credentials("admin", SecretStr("p"), "f"))
        assert caught.value.kind is Kind.AUTH
        assert len(server.requests) == 1
        assert (await client().authorized(HttpRequest("GET", url), allowed)).auth == "basic"


async def test_a_wrong_password_is_tried_once() -> None:
    async with raw(_digest_server(GOOD.user, "other", MD5, SHA)) as (server, url):
        http = client()
        kinds = []
        for _ in range(20):
            with pytest.raises(XueliangError) as caught:
                await http.authorized(HttpRequest("GET", url), WRONG)
            kinds.append(caught.value.kind)
        assert kinds == [Kind.AUTH] + [Kind.LOCKED] * 19
        assert sum(b"authorization" in r.lower() for r in server.requests) == 1
        assert WRONG.password.get_secret_value() not in str(caught.value)


async def test_sixty_four_at_once_with_a_wrong_password_are_one_try() -> None:
    async with raw(_digest_server(GOOD.user, "other", MD5)) as (server, url):
        http = client(answer=20)
        results = await asyncio.gather(
            *(http.authorized(HttpRequest("GET", url), WRONG) for _ in range(64)), return_exceptions=True
        )
        kinds = [r.kind for r in results if isinstance(r, XueliangError)]
        assert sorted(kinds) == sorted([Kind.AUTH] + [Kind.LOCKED] * 63)
        assert sum(b"authorization" in r.lower() for r in server.requests) == 1


async def test_sixty_four_at_once_with_the_right_password_all_succeed() -> None:
    async with raw(_digest_server(GOOD.user, GOOD.password.get_secret_value(), MD5)) as (_, url):
        http = client(answer=20)
        answers = await asyncio.gather(*(http.authorized(HttpRequest("GET", url), GOOD) for _ in range(64)))
        assert {a.status for a in answers} == {200}


async def test_a_device_that_calls_every_nonce_stale_ends() -> None:
    always = (
        b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", stale=true\r\nContent-Length: 0\r\n\r\n'
    )
    async with raw(always) as (server, url):
        with pytest.raises(XueliangError) as caught:
            await client().authorized(HttpRequest("GET", url), GOOD)
        assert caught.value.kind is Kind.PROTOCOL
        assert len(server.requests) == 3


async def test_snapshots_come_with_digest() -> None:
    async with onvif_rig(virtual_device(auth_mode="wsse")) as rig:
        url = rig.xaddr().replace("device_service", "snapshot/1")
        answer = await rig.http.authorized(HttpRequest("GET", url), GOOD)
        assert answer.body.startswith(b"\xff\xd8")


async def test_connections_are_bounded_and_closed() -> None:
    peak = 0

    def answer(head: bytes) -> bytes:
        nonlocal peak
        peak = max(peak, sum(not w.transport.is_closing() for w in open_writers))
        return OK

    open_writers: list[asyncio.StreamWriter] = []
    served = RawServer(answer, "hold")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.append(writer)
        await served.serve(reader, writer)
        open_writers.remove(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    clock = SystemClock()
    http = DeviceHttp(reach(), InMemoryDeviceMemory(clock), clock, max_connections=8)
    await asyncio.gather(*(http.request(HttpRequest("GET", url)) for _ in range(100)))
    assert 1 <= peak <= 16  # eight of ours, and as many whose end the server has not seen yet
    server.close()
    await server.wait_closed()


async def test_the_gate_leaves_nothing_behind() -> None:
    gate = AttemptGate(InMemoryDeviceMemory(SystemClock()))
    for _ in range(3):
        async with gate.attempt(GOOD.key("h")) as attempt:
            attempt.succeeded()
    assert gate._turns == {}


SEED = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="a", nonce="b"\r\n'
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, len(SEED) - 1), junk=st.binary(max_size=20))
def test_cut_and_mutated_answers_end_in_an_answer_or_an_error(cut: int, junk: bytes) -> None:
    async def once() -> None:
        async with raw(SEED[:cut] + junk) as (_, url):
            try:
                answer = await client(answer=0.5).request(HttpRequest("GET", url))
            except XueliangError as error:
                kind = error.kind
            else:
                kind = Kind.PROTOCOL
                assert 200 <= answer.status < 1000
                assert len(answer.body) <= len(SEED) + len(junk), "nothing that was not sent"
            assert kind in (Kind.PROTOCOL, Kind.TOO_LARGE, Kind.TIMEOUT, Kind.REFUSED)

    asyncio.run(once())
