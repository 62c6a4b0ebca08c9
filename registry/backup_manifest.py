"""Pure: what a backup says of itself, signed with the anchors' key, and what of it is believed.

A manifest comes from wherever the backup lay, so every field of it is hostile until its signature is found to be by a
key that the given master key opens. Paths are of our own few forms, never joined from what somebody wrote.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from config.errors import Kind, XueliangError
from registry.audit_chain import Anchor, anchor_text, parse_anchor, signed
from registry.keys import KeyRing, MasterKey, Purpose, unwrap
from registry.sealing import Sealed

FORMAT = "xueliang-backup-1"
SQLITE, POSTGRES = "xueliang.sqlite", "database.dump"
#: 7,500 cameras with all that can be kept of each are 180,000 files, 40 MB of manifest.
MAX_MANIFEST, MAX_FILES, MAX_KEYS = 128 * 1024 * 1024, 600_000, 1000
MAX_SMALL_FILE = 2 * 1024 * 1024
_MAX_DATABASE = 1 << 44
_SIGNED = b"xueliang-backup-manifest-1\n"

EVIDENCE_FOLDERS = ("last", "good", "bad", "plain", "evidence")
_SMALL = re.compile(
    rf"references/[0-9A-Za-z-]{{1,64}}\.bank|evidence/(?:{'|'.join(EVIDENCE_FOLDERS)})/[0-9A-Za-z-]{{1,64}}\.jpg"
)
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WORD = re.compile(r"[0-9A-Za-z_.+-]{1,40}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class BackedFile:
    """``modified`` in microseconds since 1970: a picture's age is its file's."""

    path: str
    size: int
    sha256: str
    modified: int


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it is in the database: nothing without its master key."""

    id: str
    purpose: Purpose
    retired: bool
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Manifest:
    """``anchor`` is of the audit log inside; ``vanished`` counts files that went while the copy was made."""

    id: str
    made: datetime
    program: str
    schema: str
    epoch: str
    position: int
    anchor: Anchor
    keys: tuple[WrappedKey, ...]
    vanished: int
    files: tuple[BackedFile, ...]

    @property
    def database(self) -> BackedFile:
        return next(file for file in self.files if file.path in (SQLITE, POSTGRES))

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def is_small_file(path: str) -> bool:
    """Whether ``path`` is that of a reference or a picture of ours, inside the data folder."""
    return _SMALL.fullmatch(path) is not None


def to_bytes(manifest: Manifest) -> bytes:
    keys = [
        {
            "id": key.id,
            "purpose": key.purpose.value,
            "retired": key.retired,
            "algorithm": key.sealed.algorithm,
            "master": key.sealed.key_id,
            "nonce": base64.b64encode(key.sealed.nonce).decode(),
            "wrapped": base64.b64encode(key.sealed.ciphertext).decode(),
        }
        for key in manifest.keys
    ]
    files = [{name: getattr(file, name) for name in BackedFile.__slots__} for file in manifest.files]
    plain = {name: getattr(manifest, name) for name in ("id", "program", "schema", "epoch", "position", "vanished")}
    document = {"format": FORMAT, **plain, "made": manifest.made.isoformat()}
    document |= {"anchor": json.loads(anchor_text(manifest.anchor)), "keys": keys, "files": files}
    return json.dumps(document, indent=1).encode()


def parse(data: bytes) -> Manifest:
    """Raises ``INVALID`` for what is no manifest, cut or with anything in it that cannot be, ``UNAVAILABLE`` for one
    of a form that this program does not know. Nothing in it is proved yet: see :func:`opened`."""
    try:
        raw = json.loads(data)
        form = raw["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged("it is cut or no manifest at all") from None
    if form != FORMAT:
        raise XueliangError(
            Kind.UNAVAILABLE,
            "the backup is of a form that this program does not know",
            fix="Restore it with the version that made it, or a newer one",
        )
    try:
        manifest = _manifest(raw)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error):
        raise _damaged("a field is missing or not what it must be") from None
    except XueliangError as error:
        raise _damaged(error.what) from None
    paths = [file.path for file in manifest.files]
    if len(set(paths)) != len(paths) or sum(path in (SQLITE, POSTGRES) for path in paths) != 1:
        raise _damaged("a file is named twice, or the database is not")
    return manifest


def ring_of(keys: Iterable[WrappedKey], masters: Iterable[MasterKey]) -> KeyRing:
    """Raises ``FORBIDDEN``, naming the key that is meant, where ``masters`` do not open all ``keys``."""
    keys, masters = tuple(keys), tuple(masters)
    held, meant = {master.id for master in masters}, {key.sealed.key_id for key in keys}
    if not meant <= held:
        raise XueliangError(
            Kind.FORBIDDEN,
            f"the backup was made under the master key {', '.join(sorted(meant - held))}",
            where=f"the key file holds {', '.join(sorted(held))}",
            fix="Give the copy of keys/master.key of that time; the second word of its line is the key's id",
        )
    return KeyRing(unwrap(masters, key.id, key.purpose, key.retired, key.sealed) for key in keys)


def opened(manifest: Manifest, masters: Iterable[MasterKey], data: bytes, signature: bytes) -> KeyRing:
    """The backup's data keys. Raises what :func:`ring_of` raises, and ``INVALID`` where ``data`` is not what one of
    them signed."""
    try:
        ring = ring_of(manifest.keys, masters)
    except XueliangError as error:
        if error.kind is Kind.FORBIDDEN:
            raise
        raise _damaged("a key in it does not open") from None
    if not any(_fits(key.secret, data, signature) for key in ring.all() if key.purpose is Purpose.ANCHOR):
        raise _damaged("its signature does not fit: it was changed, or signed by somebody else")
    if not signed(manifest.anchor):
        raise _damaged("the audit anchor in it is not signed")
    return ring


def sign(keys: KeyRing, data: bytes) -> bytes:
    """Ed25519 (RFC 8032) over the manifest's bytes, in words of its own: no anchor can serve as one."""
    return Ed25519PrivateKey.from_private_bytes(keys.current(Purpose.ANCHOR).secret).sign(_SIGNED + data)


def _fits(seed: bytes, data: bytes, signature: bytes) -> bool:
    public: Ed25519PublicKey = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    try:
        public.verify(signature, _SIGNED + data)
    except InvalidSignature:
        return False
    return True


def _manifest(raw: dict[str, Any]) -> Manifest:
    made = datetime.fromisoformat(_text(raw["made"], re.compile(r"[0-9T:.+-]{10,40}")))
    if made.tzinfo is None:
        raise ValueError("made")
    return Manifest(
        id=_text(raw["id"], _ID),
        made=made,
        program=_text(raw["program"], _WORD),
        schema=_text(raw["schema"], _WORD),
        epoch=_text(raw["epoch"], _ID),
        position=_number(raw["position"], 1 << 62),
        anchor=parse_anchor(json.dumps(raw["anchor"])),
        keys=_each(raw["keys"], MAX_KEYS, _key),
        vanished=_number(raw["vanished"], 1 << 31),
        files=_each(raw["files"], MAX_FILES, _file),
    )


def _key(raw: dict[str, Any]) -> WrappedKey:
    nonce = base64.b64decode(_text(raw["nonce"]), validate=True)
    wrapped = base64.b64decode(_text(raw["wrapped"]), validate=True)
    if type(raw["retired"]) is not bool:
        raise ValueError("retired")
    sealed = Sealed(_text(raw["algorithm"]), _text(raw["master"], _ID), nonce, wrapped)
    return WrappedKey(_text(raw["id"], _ID), Purpose(raw["purpose"]), raw["retired"], sealed)


def _file(raw: dict[str, Any]) -> BackedFile:
    path = raw["path"]
    if path in (SQLITE, POSTGRES):
        most = _MAX_DATABASE
    else:
        path, most = _text(path, _SMALL), MAX_SMALL_FILE
    return BackedFile(
        path, _number(raw["size"], most), _text(raw["sha256"], _DIGEST), _number(raw["modified"], 1 << 60)
    )


def _each(raw: Any, most: int, make: Callable[[dict[str, Any]], _T]) -> tuple[_T, ...]:
    if not isinstance(raw, list) or not 0 < len(raw) <= most:
        raise ValueError("how many")
    return tuple(map(make, raw))


def _text(value: Any, form: re.Pattern[str] | None = None) -> str:
    if not isinstance(value, str) or len(value) > 400 or (form is not None and not form.fullmatch(value)):
        raise ValueError("text")
    return value


def _number(value: Any, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("number")
    return value


def _damaged(why: str) -> XueliangError:
    return XueliangError(
        Kind.INVALID,
        f"the manifest is damaged: {why}",
        where="manifest.json",
        fix="Take another copy of this backup, or an older one",
    )
