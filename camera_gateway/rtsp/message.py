"""Pure: RTSP/1.0 messages and interleaved frames (RFC 2326) out of one byte buffer, and back.

Tolerates what firmwares send: LF instead of CRLF, empty lines before a message, a missing empty line before the
body or before the next ``$`` frame, folded headers, a DESCRIBE reply without Content-Length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from config.errors import Kind, XueliangError
from config.text import printable

MAX_HEAD = 16 * 1024
MAX_HEADERS = 64
#: Real descriptions stay under 4 KiB.
MAX_BODY = 256 * 1024
DOLLAR = 0x24

_HEADER = re.compile(r"([^\s:][^:\r\n]*?)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r\n")
_STATUS = re.compile(r"RTSP/\d\.\d ([0-9]{3})(?: (.*))?")


@dataclass(frozen=True, slots=True)
class Incomplete:
    """More bytes are wanted: at least ``need`` from the place where parsing began (0 when not known)."""

    need: int = 0


@dataclass(frozen=True, slots=True)
class Headers:
    """In the order of the wire; names compare without case."""

    items: tuple[tuple[str, str], ...] = ()
    _first: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def known(self) -> dict[str, str]:
        """The first value of each name, by the name in lower case. Not to be changed."""
        first = self._first
        if not first and self.items:
            for key, value in self.items:
                first.setdefault(key.lower(), value)
        return first

    def get(self, name: str, default: str = "") -> str:
        return self.known().get(name.lower(), default)

    def get_all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self.items if key.lower() == wanted]

    def encode(self) -> bytes:
        return "".join(f"{key}: {value}\r\n" for key, value in self.items).encode()


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    uri: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def encode(self) -> bytes:
        return _encode(f"{self.method} {self.uri} RTSP/1.0", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    reason: str = ""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def encode(self) -> bytes:
        return _encode(f"RTSP/1.0 {self.status} {self.reason}", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A ``$`` frame (RFC 2326 section 10.12) by its place in the buffer, so that nothing is copied."""

    channel: int
    start: int
    end: int


Message = Request | Response | Interleaved
Buffer = bytes | bytearray


def frame(channel: int, payload: bytes) -> bytes:
    """One interleaved frame ready to send; ``payload`` at most 65,535 bytes."""
    return b"$%c%b%b" % (channel, len(payload).to_bytes(2, "big"), payload)


def encode_request(method: str, uri: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """A request without a body, ready to send."""
    lines = [f"{method} {uri} RTSP/1.0"]
    lines += [f"{key}: {value}" for key, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def parse(buffer: Buffer, start: int = 0) -> tuple[Message, int] | Incomplete:
    """The message that begins at ``start`` and the place after it.

    Raises ``PROTOCOL`` or ``TOO_LARGE`` with ``facts["position"]``.
    """
    begin = start
    end = len(buffer)
    while start < end and buffer[start] in b"\r\n":
        start += 1
        if start - begin > MAX_HEAD:
            raise _invalid("nothing but empty lines", begin)
    if start >= end:
        return Incomplete()
    if buffer[start] == DOLLAR:
        return _parse_frame(buffer, start, begin)
    plain = _plain_head(buffer, start)
    if plain is not None:
        first, headers, body_start = plain
    else:
        head = _read_head(buffer, start)
        if isinstance(head, Incomplete):
            return head
        lines, body_start = head
        first, headers = lines[0].strip(), _headers(lines[1:])
    body_end = _body_end(buffer, body_start, headers)
    if body_end < 0 or body_end > end:
        return Incomplete(body_end - begin if body_end > 0 else 0)
    body = bytes(buffer[body_start:body_end])
    return _message(first, headers, body, start), body_end


def session_id(response: Response) -> tuple[str, float]:
    """Session id and time-out in seconds (60 where none is given: RFC 2326 section 12.37); the id may be empty."""
    value = response.headers.known().get("session")
    if not value:
        return "", 60.0
    identifier, _, rest = value.partition(";")
    timeout = 60.0
    for part in rest.split(";"):
        key, _, value = part.partition("=")
        if key.strip().lower() == "timeout" and value.strip().isascii() and value.strip().isdigit():
            timeout = float(value.strip()[:6])
    return identifier.strip()[:256], timeout if timeout >= 1 else 60.0


@dataclass(frozen=True, slots=True)
class Transport:
    """What matters of a Transport header (RFC 2326 section 12.39); ``None`` where it is silent or garbled."""

    tcp: bool
    channels: tuple[int, int] | None = None
    server_ports: tuple[int, int] | None = None
    client_ports: tuple[int, int] | None = None
    ssrc: int | None = None


def parse_transport(value: str) -> Transport:
    """The first of the comma-separated transports; never raises."""
    parts = [p.strip() for p in value[:1024].split(",")[0].split(";")]
    fields: dict[str, str] = {}
    for part in parts[1:]:
        key, _, text = part.partition("=")
        fields.setdefault(key.strip().lower(), text.strip())
    ssrc = fields.get("ssrc", "")
    try:
        ssrc_number: int | None = int(ssrc, 16) & 0xFFFFFFFF if 0 < len(ssrc) <= 8 else None
    except ValueError:
        ssrc_number = None
    return Transport(
        tcp="/TCP" in parts[0].upper() or "interleaved" in fields,
        channels=_pair(fields.get("interleaved", ""), 255),
        server_ports=_pair(fields.get("server_port", ""), 65535),
        client_ports=_pair(fields.get("client_port", ""), 65535),
        ssrc=ssrc_number,
    )


def _pair(text: str, most: int) -> tuple[int, int] | None:
    low, _, high = text.partition("-")
    low, high = low.strip(), high.strip()
    if not (low.isascii() and low.isdigit() and len(low) < 6):
        return None
    first = int(low)
    second = int(high) if high.isascii() and high.isdigit() and len(high) < 6 else first + 1
    return (first, second) if first <= most and second <= most else None


def _parse_frame(buffer: Buffer, start: int, begin: int) -> tuple[Interleaved, int] | Incomplete:
    if len(buffer) - start < 4:
        return Incomplete(start - begin + 4)
    stop = start + 4 + (buffer[start + 2] << 8 | buffer[start + 3])
    if stop > len(buffer):
        return Incomplete(stop - begin)
    return Interleaved(buffer[start + 1], start + 4, stop), stop


def _plain_head(buffer: Buffer, start: int) -> tuple[str, Headers, int] | None:
    """What nearly every camera sends, read at one go: whole lines of ``name: value``; ``None`` for anything else."""
    blank = buffer.find(b"\r\n\r\n", start, start + MAX_HEAD)
    if blank < 0:
        return None
    text = str(buffer[start : blank + 2], "utf-8", "replace")
    lines = text.count("\n")
    if lines > MAX_HEADERS or "\n$" in text or "\nv=" in text:
        return None
    first = text.find("\r\n")
    items = _HEADER.findall(text, first + 2)
    # A line that is folded, ends otherwise or has no colon leaves the counts apart.
    if first < 0 or len(items) != lines - 1 or text.count("\r") != lines or "\nRTSP/1." in text:
        return None
    return text[:first].strip(), Headers(tuple(items)), blank + 4


def _read_head(buffer: Buffer, start: int) -> tuple[list[str], int] | Incomplete:
    """Start line and header lines, and where the body begins."""
    limit = start + MAX_HEAD
    lines: list[str] = []
    pos = start
    while True:
        if lines and pos < len(buffer) and buffer[pos] == DOLLAR:
            return lines, pos
        newline = buffer.find(b"\n", pos, limit)
        if newline < 0:
            if len(buffer) >= limit:
                raise _invalid(f"a head of more than {MAX_HEAD} bytes", start, Kind.TOO_LARGE)
            return Incomplete()
        line = bytes(buffer[pos:newline]).rstrip(b"\r")
        if not line:
            return lines, newline + 1
        if lines and (line[:2] == b"v=" or line.startswith(b"RTSP/1.")):
            return lines, pos
        if len(lines) > MAX_HEADERS:
            raise _invalid(f"more than {MAX_HEADERS} headers", pos, Kind.TOO_LARGE)
        lines.append(line.decode("utf-8", "replace"))
        pos = newline + 1


def _headers(lines: Iterable[str]) -> Headers:
    items: list[tuple[str, str]] = []
    for line in lines:
        if line[0] in " \t" and items:
            items[-1] = (items[-1][0], f"{items[-1][1]} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if not colon:
            continue  # a stray line between headers, seen as a wrapped Public or User-Agent list
        items.append((name.strip(), value.strip()))
    return Headers(tuple(items))


def _body_end(buffer: Buffer, start: int, headers: Headers) -> int:
    """Where the body ends, perhaps beyond the buffer; -1 when that cannot be told yet."""
    known = headers.known()
    length = known.get("content-length", "")
    if length:
        if not (length.isascii() and length.isdigit()):
            raise _invalid("a Content-Length that is no number", start)
        if len(length) > 9 or int(length) > MAX_BODY:
            raise _invalid(f"a body of more than {MAX_BODY} bytes", start, Kind.TOO_LARGE)
        return start + int(length)
    if "sdp" not in known.get("content-type", "").lower():
        return start
    pos, seen_media = start, False
    while True:
        newline = buffer.find(b"\n", pos, start + MAX_BODY)
        line = bytes(buffer[pos : newline if newline >= 0 else len(buffer)])
        if newline < 0 or len(line) < 2 or line[1:2] != b"=":
            # Without a length the description ends with its last whole line once a medium was named.
            return pos if seen_media and (newline >= 0 or not line) else -1
        seen_media = seen_media or line[:2] == b"m="
        pos = newline + 1


def _message(first: str, headers: Headers, body: bytes, position: int) -> Request | Response:
    plain = _STATUS.fullmatch(first)
    if plain is not None:
        return Response(int(plain[1]), plain[2] or "", headers, body)
    parts = first.split(None, 2)
    if parts and parts[0].upper().startswith("RTSP/"):
        if len(parts) < 2 or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) == 3):
            raise _invalid(f"a status line without a status: {printable(first, 60)}", position)
        return Response(int(parts[1]), parts[2] if len(parts) > 2 else "", headers, body)
    if len(parts) == 3 and parts[2].upper().startswith("RTSP/") and parts[0].replace("_", "").isalpha():
        return Request(parts[0].upper()[:32], parts[1], headers, body)
    if parts and parts[0].upper().startswith("HTTP/"):
        raise _invalid("an HTTP answer on the RTSP port", position, fix="Check the port in the address")
    raise _invalid(f"not an RTSP message: {printable(first, 60)}", position)


def _encode(first: str, headers: Headers, body: bytes) -> bytes:
    head = f"{first}\r\n".encode() + headers.encode()
    if body:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    return head + b"\r\n"


def _invalid(what: str, position: int, kind: Kind = Kind.PROTOCOL, fix: str = "") -> XueliangError:
    return XueliangError(kind, what, fix=fix, facts={"position": position})
