"""Pure: a place in the change feed as a word that only we can read: how much others changed is not told."""

from __future__ import annotations

import base64
import binascii
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.change_feed import Head
from registry.keys import KeyRing, Purpose

MAX_POSITION = 200
_NONCE = 12
_POSITION = struct.Struct(">Q")
_BOUND = b"change feed position"


def sealed(keys: KeyRing, head: Head) -> str:
    """Another word each time, of the same length whatever the position."""
    nonce = os.urandom(_NONCE)
    plain = _POSITION.pack(head.position) + head.epoch.encode()
    body = AESGCM(keys.current(Purpose.TICKET).secret).encrypt(nonce, plain, _BOUND)
    return base64.urlsafe_b64encode(nonce + body).decode().rstrip("=")


def opened(keys: KeyRing, word: str) -> Head | None:
    """``None`` for a word that is none of ours. Words made under keys rotated away since still open."""
    try:
        raw = base64.urlsafe_b64decode(word.encode("ascii") + b"=" * (-len(word) % 4))
    except (binascii.Error, UnicodeError, ValueError):
        return None
    for key in keys.all():
        if key.purpose is not Purpose.TICKET or len(raw) <= _NONCE:
            continue
        try:
            plain = AESGCM(key.secret).decrypt(raw[:_NONCE], raw[_NONCE:], _BOUND)
            return Head(plain[_POSITION.size :].decode(), _POSITION.unpack_from(plain)[0])
        except (InvalidTag, struct.error, UnicodeError):
            continue
    return None
