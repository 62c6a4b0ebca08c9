"""Pure: the two STUN messages that keep consent fresh (RFC 8489, RFC 7675): a binding request and its answer.

The library's own are built for every kind of message; these two go to and fro all the time, for every viewer.
"""

from __future__ import annotations

import hmac
import struct
from binascii import crc32
from ipaddress import IPv4Address, ip_address

REQUEST, ANSWER = b"\x00\x01", b"\x01\x01"
_COOKIE = b"\x21\x12\xa4\x42"
_HEAD = 20
_USERNAME, _INTEGRITY, _XOR_ADDRESS, _PRIORITY, _FINGERPRINT = 0x0006, 0x0008, 0x0020, 0x0024, 0x8028
_CONTROLLED = 0x8029
_FINGERPRINT_XOR = 0x5354554E
#: Attributes of one message; a browser's check has eight or nine.
_MOST = 32


def asking(username: str, priority: int, tie_breaker: int) -> bytes:
    """What every request of one controlled side has in it."""
    return (
        _attribute(_USERNAME, username.encode())
        + _attribute(_PRIORITY, struct.pack("!I", priority))
        + _attribute(_CONTROLLED, struct.pack("!Q", tie_breaker))
    )


def place(transaction: bytes, host: str, port: int) -> bytes:
    """What an answer has in it: where the request came from (RFC 8489 section 14.2)."""
    address = ip_address(host)
    mask = _COOKIE + transaction
    family = 1 if isinstance(address, IPv4Address) else 2
    packed = bytes(a ^ b for a, b in zip(address.packed, mask, strict=False))
    return _attribute(_XOR_ADDRESS, struct.pack("!BBH", 0, family, port ^ 0x2112) + packed)


def message(kind: bytes, transaction: bytes, body: bytes, key: bytes) -> bytes:
    """Signed and with a fingerprint. ``transaction`` is 12 bytes."""
    head = kind + struct.pack("!H", len(body) + 24) + _COOKIE + transaction
    signed = body + b"\x00\x08\x00\x14" + hmac.digest(key, head + body, "sha1")
    whole = kind + struct.pack("!H", len(signed) + 8) + _COOKIE + transaction + signed
    return whole + struct.pack("!HHI", _FINGERPRINT, 4, crc32(whole) ^ _FINGERPRINT_XOR)


def transaction_of(data: bytes, kind: bytes) -> bytes | None:
    """The transaction of a whole message of this kind; ``None`` for anything else."""
    if len(data) < _HEAD or data[:2] != kind or data[4:8] != _COOKIE:
        return None
    return data[8:_HEAD] if len(data) == _HEAD + (data[2] << 8 | data[3]) else None


def signed(data: bytes, key: bytes, username: bytes | None = None) -> bool:
    """Whether a whole message bears the right signature, and the user name where one is wanted."""
    at, named = _HEAD, username is None
    for _ in range(_MOST):
        if at + 4 > len(data):
            return False
        kind, size = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
        if kind == _INTEGRITY:
            head = data[:2] + struct.pack("!H", at + 24 - _HEAD) + data[4:at]
            return named and size == 20 and hmac.compare_digest(hmac.digest(key, head, "sha1"), data[at + 4 : at + 24])
        if kind == _USERNAME:
            named = named or data[at + 4 : at + 4 + size] == username
        elif kind == _CONTROLLED:
            return False  # the other side takes the same role as we: not for us to settle
        at += 4 + size + (-size & 3)
    return False


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) & 3)
