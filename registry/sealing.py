"""Pure: authenticated encryption of small secrets (AES-256-GCM, NIST SP 800-38D), bound to what they belong to."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.errors import Kind, XueliangError

ALGORITHM = "aes-256-gcm"
KEY_BYTES = 32
_NONCE_BYTES = 12
#: Passwords and private keys; anything longer is not a secret but a document.
MAX_PLAIN = 8 * 1024


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is stored: which algorithm and key, a nonce used once, and the ciphertext with its tag."""

    algorithm: str
    key_id: str
    nonce: bytes
    ciphertext: bytes = field(repr=False)


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


def seal(key: bytes, key_id: str, belongs_to: tuple[str, ...], plain: bytes) -> Sealed:
    """``belongs_to`` (id, kind, version ...) is not stored here, but without the same words nothing opens."""
    if len(plain) > MAX_PLAIN:
        raise XueliangError(Kind.TOO_LARGE, f"a secret of {len(plain)} bytes, more than {MAX_PLAIN}")
    nonce = os.urandom(_NONCE_BYTES)
    return Sealed(ALGORITHM, key_id, nonce, AESGCM(key).encrypt(nonce, plain, _bound(key_id, belongs_to)))


def unseal(key: bytes, belongs_to: tuple[str, ...], sealed: Sealed) -> bytes:
    """Raises ``INTERNAL`` if the record was changed, moved to another object, or sealed by another key."""
    if sealed.algorithm != ALGORITHM:
        raise XueliangError(Kind.INTERNAL, f"a secret sealed by an algorithm not known here: {sealed.algorithm[:40]}")
    try:
        return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, _bound(sealed.key_id, belongs_to))
    except (InvalidTag, ValueError) as error:
        raise XueliangError(
            Kind.INTERNAL,
            "a stored secret does not open: it was changed, moved, or sealed under another key",
            where=belongs_to[0],
            fix="Enter the password again, or restore the database together with its master key",
        ) from error


def _bound(key_id: str, belongs_to: tuple[str, ...]) -> bytes:
    """JSON, so that no two lists of words give the same bytes."""
    return json.dumps([ALGORITHM, key_id, *belongs_to], ensure_ascii=True, separators=(",", ":")).encode()
