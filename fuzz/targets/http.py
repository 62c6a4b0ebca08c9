"""Pure: HTTP answers, without a socket: the bytes go straight into the protocol."""

from __future__ import annotations

import asyncio
import atexit

from camera_gateway.http import HttpRequest, exchange_of
from config.errors import XueliangError

SEEDS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="a", nonce="b", algorithm=SHA-256, Basic realm="c"\r\n\r\n',
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00",
]
_LOOP = asyncio.new_event_loop()
atexit.register(_LOOP.close)
_REQUEST = HttpRequest("GET", "http://10.0.0.9/x", limit=4096)


def one(data: bytes) -> None:
    exchange = exchange_of(_REQUEST, _LOOP)
    exchange.begin(_REQUEST)
    half = len(data) // 2
    for part in (data[:half], data[half:]):
        if part:  # a transport never hands over nothing
            exchange.data_received(part)
    exchange.eof_received()
    exchange.connection_lost(None)
    try:
        answer = exchange.done.result()
    except XueliangError:
        return
    assert len(answer.body) <= _REQUEST.limit
    answer.challenges()
