"""Edge: HTTP/1.1 to devices: one bounded request per connection, Digest where it is asked for.

RFC 9110, 9112 and 7616. No redirects, no proxies, no netrc, no cookies: an answer is what the dialled address said.
Connections are closed after each answer; thousands of kept ones have exhausted a sweep's file descriptors.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast
from urllib.parse import urlsplit

import h11

from camera_gateway.attempts import AttemptGate
from camera_gateway.memory import DeviceMemory
from camera_gateway.reach import Reach
from camera_gateway.rtsp import digest
from camera_gateway.target import Credentials
from config.clock import Clock
from config.errors import Kind, XueliangError

MAX_BODY = 1024 * 1024
MAX_HEAD = 16 * 1024
MAX_HEADERS = 64
#: Framing beside the body: chunk lines, interim answers.
_OVERHEAD = 64 * 1024
#: Chunks and interim answers; a flood of one-byte ones costs a core otherwise. 256-byte chunks fill 1 MiB with 4,096.
MAX_EVENTS = 6000
#: Nonces are reused for the calls of one visit only; firmwares forget them after 30 s and more.
NONCE_SECONDS = 10.0
_MAX_NONCES = 4096
_TARGET = re.compile(r"[\x21-\x7e]{1,2048}")


@dataclass(frozen=True, slots=True)
class HttpDeadlines:
    """Seconds: until the connection stands; from the first byte sent to the last byte of the answer."""

    connect: float = 3.0
    answer: float = 8.0


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """``url`` is absolute, without a user; ``limit`` bounds the answer's body after decoding."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    limit: int = MAX_BODY

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def target(self) -> str:
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Names of headers are lower-case; texts are as the device sent them."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    auth: str = "none"  # none | digest | basic: what went with the request that was answered

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def challenges(self) -> list[digest.Challenge]:
        return digest.parse_challenges(self.all("www-authenticate"))


#: Whether an answer refuses the credentials that went with its request; ``None`` leaves the question open.
Judge = Callable[[HttpAnswer], bool | None]


@dataclass(slots=True)
class _Nonce:
    challenge: digest.Challenge
    at: float
    used: int = 0


class DeviceHttp:
    """One for the process. ``gate`` is to be the one that RTSP uses too: the budget of tries is one."""

    def __init__(
        self,
        reach: Reach,
        memory: DeviceMemory,
        clock: Clock,
        *,
        gate: AttemptGate | None = None,
        deadlines: HttpDeadlines = HttpDeadlines(),
        max_connections: int = 256,
    ) -> None:
        self._reach = reach
        self._clock = clock
        self.gate = gate or AttemptGate(memory)
        self.deadlines = deadlines
        self._slots = asyncio.Semaphore(max_connections)
        self._nonces: OrderedDict[tuple[str, str], _Nonce] = OrderedDict()

    async def request(self, request: HttpRequest) -> HttpAnswer:
        """The answer to one request without credentials, whatever its status.

        Raises ``UNREACHABLE``, ``REFUSED``, ``TIMEOUT``, ``NOT_ALLOWED``, ``TOO_LARGE`` and ``PROTOCOL``.
        """
        async with self._open(request) as exchange:
            return await exchange.answer(request, self.deadlines.answer)

    async def attempt(self, make: Callable[[], HttpRequest], credentials: Credentials, judge: Judge) -> HttpAnswer:
        """One try with credentials inside what ``make`` returns; written down before it leaves.

        ``make`` is called once for the address and once more, for what is sent, when the try's turn has come.
        Raises as :meth:`request`, ``LOCKED`` where a refused try holds, ``AUTH`` where ``judge`` says so.
        """
        address = make()
        async with self._open(address) as exchange, self.gate.attempt(credentials.key(exchange.address)) as attempt:
            answer = await exchange.answer(make(), self.deadlines.answer)
            # Any answer but a refusal settles the try: left open, it would hold the device back for an hour
            # though its password was never doubted.
            refused = judge(answer)
            if refused:
                attempt.failed()
            elif refused is False:
                attempt.succeeded()
        if refused:
            raise XueliangError(
                Kind.AUTH,
                "the device refused the user or the password",
                where=address.host,
                fix="Enter the right password for the device; it is then tried once",
            )
        return answer

    async def authorized(
        self,
        request: HttpRequest,
        credentials: Credentials | None,
        first: HttpAnswer | None = None,
        refuses: Callable[[HttpAnswer], bool] = lambda answer: answer.status == 401,
    ) -> HttpAnswer:
        """The answer to ``request``, with HTTP Digest (Basic only where allowed) if the device asks for it.

        ``first`` is the device's answer to the bare request, where that was already sent; ``refuses`` knows what a
        refusal looks like in the protocol above. Raises as :meth:`attempt`; a 401 is only returned where there are
        no credentials, or no challenge to answer.
        """
        if credentials is None:
            return first or await self.request(request)
        key = (urlsplit(request.url).netloc, credentials.user)
        known = self._nonces.get(key)
        if first is None and known is not None and self._clock.monotonic() - known.at < NONCE_SECONDS:
            answer = await self._digest(request, credentials, known, refuses, fresh=False)
        else:
            answer = first or await self.request(request)
        for _ in range(2):  # the second time only if a fresh nonce was called stale
            if answer.status != 401 or not (challenges := answer.challenges()):
                return answer
            nonce = _Nonce(_choose(challenges, credentials, request.host), self._clock.monotonic())
            answer = await self._digest(request, credentials, nonce, refuses, fresh=True)
            self._keep(key, nonce)
        if answer.status == 401:
            raise XueliangError(Kind.PROTOCOL, "the device calls every nonce of its own stale", where=request.host)
        return answer

    async def _digest(
        self,
        request: HttpRequest,
        credentials: Credentials,
        nonce: _Nonce,
        refuses: Callable[[HttpAnswer], bool],
        *,
        fresh: bool,
    ) -> HttpAnswer:
        def make() -> HttpRequest:
            value = digest.authorization(
                nonce.challenge,
                request.method,
                request.target,
                credentials.user,
                credentials.password.get_secret_value(),
                nc=nonce.used + 1,
                body=request.body,
            )
            return replace(request, headers=(*request.headers, ("Authorization", value)))

        def judge(answer: HttpAnswer) -> bool | None:
            if not refuses(answer):
                return False
            if any(c.stale for c in answer.challenges()):
                return False  # the answer was right, its nonce too old (RFC 7616 section 3.3)
            # Some firmwares take a nonce once and do not call it stale: a reused one proves nothing.
            return True if fresh else None

        answer = await self.attempt(make, credentials, judge)
        nonce.used += 1
        return replace(answer, auth=nonce.challenge.scheme)

    def _keep(self, key: tuple[str, str], nonce: _Nonce) -> None:
        if nonce.challenge.scheme != "digest":
            return
        self._nonces.pop(key, None)
        self._nonces[key] = nonce
        if len(self._nonces) > _MAX_NONCES:
            self._nonces.popitem(last=False)

    @asynccontextmanager
    async def _open(self, request: HttpRequest) -> AsyncIterator[Exchange]:
        parts = urlsplit(request.url)
        if parts.scheme != "http" or not parts.hostname or not _TARGET.fullmatch(request.target):
            raise XueliangError(Kind.INVALID, "not a plain HTTP address of a device", fix="http://host[:port]/path")
        async with self._slots:
            checked = await self._reach.check(parts.hostname, parts.port or 80)
            transport, exchange = await self._reach.connect(
                checked,
                parts.port or 80,
                lambda: exchange_of(request, asyncio.get_running_loop()),
                deadline=self.deadlines.connect,
            )
            exchange.address = checked
            try:
                yield exchange
            finally:
                transport.abort()


@dataclass(slots=True, eq=False)
class Exchange(asyncio.Protocol):
    """One request, one answer, counted byte by byte; without a transport it can be fed by hand."""

    host: str
    limit: int
    done: asyncio.Future[HttpAnswer]
    http: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT, MAX_HEAD))
    transport: asyncio.Transport | None = None
    address: str = ""  # the checked one, which the budget of tries is kept by
    head: h11.Response | None = None
    body: bytearray = field(default_factory=bytearray)
    received: int = 0
    events: int = 0
    inflate: zlib._Decompress | None = None

    async def answer(self, request: HttpRequest, seconds: float) -> HttpAnswer:
        if self.transport is None or self.transport.is_closing():
            raise self._failure(Kind.REFUSED, "the device closed the connection before it was asked")
        self.transport.write(self.begin(request))
        try:
            async with asyncio.timeout(seconds):
                return await self.done
        except TimeoutError:
            said = f"{self.received} bytes" if self.received else "nothing"
            raise self._failure(Kind.TIMEOUT, f"no whole HTTP answer within {seconds:g} s ({said} came)") from None

    def begin(self, request: HttpRequest) -> bytes:
        """The bytes that ask; from here on an answer is expected."""
        parts = urlsplit(request.url)
        headers = [
            ("Host", parts.netloc),
            ("Connection", "close"),
            ("Accept-Encoding", "identity"),
            ("User-Agent", "xueliang"),
            *request.headers,
        ]
        if request.body or request.method == "POST":
            headers.append(("Content-Length", str(len(request.body))))
        data = self.http.send(h11.Request(method=request.method, target=request.target, headers=headers)) or b""
        data += self.http.send(h11.Data(data=request.body)) or b"" if request.body else b""
        return data + (self.http.send(h11.EndOfMessage()) or b"")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, ConnectionResetError) and not self.received:
            self._fail(Kind.REFUSED, "the device reset the connection instead of answering")
        else:
            self._fail(Kind.PROTOCOL, "the device closed the connection before its HTTP answer was whole")

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.done.done():
            return  # what follows a whole answer is nobody's
        if self.received > self.limit + _OVERHEAD:
            self._fail(Kind.TOO_LARGE, f"an HTTP answer of more than {self.limit} bytes")
        else:
            self.http.receive_data(data)
            self._advance()

    def eof_received(self) -> None:
        self.http.receive_data(b"")
        self._advance()

    def _advance(self) -> None:
        while not self.done.done():
            try:
                event = self.http.next_event()
                self.events += 1
                if self.events > MAX_EVENTS:
                    self._fail(Kind.TOO_LARGE, f"an HTTP answer in more than {MAX_EVENTS} pieces")
                if isinstance(event, h11.Response):
                    self._begin(event)
                elif isinstance(event, h11.Data):
                    self._take(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    self._finish()
                elif event is h11.NEED_DATA or not isinstance(event, h11.InformationalResponse):
                    return
            except h11.RemoteProtocolError as error:
                self._fail(Kind.PROTOCOL, f"the answer is not HTTP: {_said(error)}")
            except zlib.error:
                self._fail(Kind.PROTOCOL, "the answer's compression is broken")

    def _begin(self, head: h11.Response) -> None:
        self.head = head
        if len(head.headers) > MAX_HEADERS:
            self._fail(Kind.TOO_LARGE, f"an HTTP answer with more than {MAX_HEADERS} headers")
            return
        for name, value in head.headers:
            if name == b"content-length" and int(value) > self.limit:
                self._fail(Kind.TOO_LARGE, f"an HTTP answer of more than {self.limit} bytes")
            elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
                # Not asked for, sent all the same by two makes; gzip and zlib are recognised by their heads.
                self.inflate = zlib.decompressobj(wbits=47)

    def _take(self, data: bytes) -> None:
        if self.inflate is not None:
            data = self.inflate.decompress(data, self.limit - len(self.body) + 1)
        self.body += data
        if len(self.body) > self.limit:
            self._fail(Kind.TOO_LARGE, f"an HTTP answer of more than {self.limit} bytes")

    def _finish(self) -> None:
        assert self.head is not None
        headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in self.head.headers)
        self.done.set_result(HttpAnswer(self.head.status_code, headers, bytes(self.body)))

    def _failure(self, kind: Kind, what: str) -> XueliangError:
        return XueliangError(kind, what, where=self.host)

    def _fail(self, kind: Kind, what: str) -> None:
        if not self.done.done():
            self.done.set_exception(self._failure(kind, what))
            self.done.exception()  # seen: the exchange may have been given up meanwhile
        if self.transport is not None:
            self.transport.abort()


def exchange_of(request: HttpRequest, loop: asyncio.AbstractEventLoop) -> Exchange:
    return Exchange(request.host, request.limit, loop.create_future())


def _said(error: h11.RemoteProtocolError) -> str:
    """h11's own words without the device's bytes, which it quotes."""
    return str(error).partition(":")[0].partition("'")[0].partition('"')[0].strip() or "unreadable"


def _choose(challenges: list[digest.Challenge], credentials: Credentials, host: str) -> digest.Challenge:
    try:
        return digest.choose(challenges, credentials)
    except XueliangError as error:
        raise XueliangError(error.kind, error.what, where=host, fix=error.fix) from None
