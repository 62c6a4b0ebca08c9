"""Edge: one signed POST to one receiver (h11, RFC 9112): one try, one bounded answer, no redirect followed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import h11
from pydantic import SecretStr

from alerts.opener import Opener
from alerts.signature import headers
from config.clock import Clock
from config.errors import Kind, XueliangError
from config.text import printable

#: A receiver says yes or no; nobody needs its pages.
MAX_ANSWER = 64 * 1024
_MAX_HEAD = 16 * 1024
_READ = 16 * 1024


@dataclass(frozen=True, slots=True)
class Destination:
    """``url`` without a user. ``secret`` is shared with the receiver and signs what it gets."""

    name: str
    url: str
    secret: SecretStr
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """``said`` is the beginning of what the receiver wrote, fit to be shown."""

    status: int
    retry_after: str | None
    said: str


class Webhook:
    """``seconds`` is the whole of one try, from the name's look-up to the last byte of the answer."""

    def __init__(self, opener: Opener, clock: Clock, seconds: float = 10.0) -> None:
        self._opener = opener
        self._clock = clock
        self._seconds = seconds

    async def send(self, to: Destination, key: str, body: bytes) -> Answer:
        """The receiver's answer, whatever its status. Raises ``TIMEOUT``, ``REFUSED``, ``UNREACHABLE``,
        ``PROTOCOL``, ``TOO_LARGE``, ``NOT_ALLOWED``; after any of them it may have got the message all the same."""
        where = urlsplit(to.url).netloc
        try:
            async with asyncio.timeout(self._seconds), self._opener.opened(to.url, to.ca_file) as (reader, writer):
                signed = headers(to.secret.get_secret_value(), key, self._clock.now(), body)
                http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
                writer.write(_request(http, to.url, signed, body))
                await writer.drain()
                return await _answer(http, reader, where)
        except TimeoutError as error:
            what = f"no whole answer within {self._seconds:g} s"
            raise XueliangError(Kind.TIMEOUT, what, where=where) from error
        except ConnectionError as error:
            raise XueliangError(Kind.PROTOCOL, "the receiver broke the connection off", where=where) from error
        except h11.ProtocolError as error:
            raise XueliangError(Kind.PROTOCOL, "the receiver's answer is not HTTP", where=where) from error


def _request(http: h11.Connection, url: str, signed: dict[str, str], body: bytes) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = [
        ("Host", parts.netloc),
        ("Connection", "close"),
        ("User-Agent", "xueliang"),
        ("Content-Type", "application/json; charset=utf-8"),
        ("Content-Length", str(len(body))),
        *signed.items(),
    ]
    data = http.send(h11.Request(method="POST", target=target, headers=head)) or b""
    data += http.send(h11.Data(data=body)) or b""
    return data + (http.send(h11.EndOfMessage()) or b"")


async def _answer(http: h11.Connection, reader: asyncio.StreamReader, where: str) -> Answer:
    status, retry_after, said, size = 0, None, b"", 0
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(_READ)
            size += len(data)
            if size > MAX_ANSWER:
                raise XueliangError(Kind.TOO_LARGE, f"an answer of more than {MAX_ANSWER} bytes", where=where)
            http.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
            found = [value for name, value in event.headers if name == b"retry-after"]
            retry_after = found[0].decode("latin-1") if found else None
        elif isinstance(event, h11.Data):
            said = (said + bytes(event.data))[:400]
        elif isinstance(event, h11.EndOfMessage):
            return Answer(status, retry_after, printable(said, 200))
        elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            raise XueliangError(Kind.PROTOCOL, "the receiver closed before its answer was whole", where=where)
