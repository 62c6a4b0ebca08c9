"""Pure: the audit's chain of HMACs (RFC 2104, SHA-256), its signed beginning, and the signed anchors that leave the
machine (Ed25519)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from config.errors import Kind, XueliangError
from registry.keys import DataKey, KeyRing, Purpose

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Faults named one by one; beyond that a count is enough to know.
_MAX_FAULTS = 50
#: What is signed says of itself what it is.
_ANCHOR, _BEGINNING = "xueliang-audit-anchor-1", "xueliang-audit-beginning-1"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """``details`` is JSON text, kept as written, because the chain is over its bytes."""

    seq: int
    at: datetime
    principal: str
    act: str
    object_kind: str
    object_id: str
    area_id: str | None
    unit_id: str | None
    details: str
    key_id: str
    mac: bytes = b""


@dataclass(frozen=True, slots=True)
class Act:
    """What was done to what, before it is a row."""

    act: str
    object_kind: str
    object_id: str
    area_id: str | None = None
    unit_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


class FaultKind(StrEnum):
    EDITED = "edited"
    REMOVED = "removed"
    TAIL_CUT = "tail_cut"
    UNKNOWN_KEY = "unknown_key"
    ANCHOR = "anchor"
    BEGINNING = "beginning"


@dataclass(frozen=True, slots=True)
class Fault:
    """``seq`` is the first row concerned, ``last`` the last."""

    kind: FaultKind
    seq: int
    last: int
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """``blind`` says in words what this check could not have seen: rows after ``anchored`` (``None``: no anchor was at
    hand) that were cut off together with the written head, and the first ``gone`` ones, which went after their time."""

    count: int
    faults: tuple[Fault, ...]
    blind: str
    anchored: int | None = None
    gone: int = 0

    @property
    def sound(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class Anchor:
    """The chain had ``count`` rows and ended in ``head`` at that time; signed, and kept on another machine."""

    count: int
    head: str
    at: str
    public_key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """The rows up to ``count`` went after their time; the last of them had ``mac``. Signed like an anchor, in words of
    its own: an anchor is public, and must not serve to cut the log where it stood."""

    count: int
    mac: bytes
    at: str
    public_key: str
    signature: str


def mac_of(key: DataKey, previous: bytes, row: AuditRow) -> bytes:
    words: list[Any] = [
        previous.hex(),
        row.seq,
        (row.at - _EPOCH) // timedelta(microseconds=1),
        row.principal,
        row.act,
        row.object_kind,
        row.object_id,
        row.area_id,
        row.unit_id,
        row.details,
        row.key_id,
    ]
    return hmac.digest(key.secret, json.dumps(words, ensure_ascii=True, separators=(",", ":")).encode(), hashlib.sha256)


@dataclass(slots=True)
class ChainCheck:
    """Fed with the rows in order; :meth:`finish` compares with the stored head and an anchor."""

    keys: KeyRing
    anchor: Anchor | None = None
    beginning: Beginning | None = None
    faults: list[Fault] = field(default_factory=list)
    seq: int = 0
    mac: bytes = b""
    anchored: bytes | None = None

    def __post_init__(self) -> None:
        first = self.beginning
        if first is None:
            return
        if not _ours(self.keys, first):
            text = f"the beginning after row {first.count} is not signed by us: rows 1 to {first.count} were removed"
            self._fault(FaultKind.BEGINNING, 1, first.count, text)
        self.seq, self.mac = first.count, first.mac
        if self.anchor is not None and self.anchor.count == first.count:
            self.anchored = first.mac

    def feed(self, rows: Iterable[AuditRow]) -> None:
        for row in rows:
            self._one(row)

    def _one(self, row: AuditRow) -> None:
        follows = row.seq == self.seq + 1
        if not follows:
            last = row.seq - 1
            self._fault(FaultKind.REMOVED, self.seq + 1, last, f"rows {self.seq + 1} to {last} were removed")
        key = self.keys.find(Purpose.AUDIT, row.key_id)
        if key is None:
            self._fault(FaultKind.UNKNOWN_KEY, row.seq, row.seq, f"row {row.seq} names a key that is not ours")
        elif follows and not hmac.compare_digest(mac_of(key, self.mac, row), row.mac):
            # Right after a gap the row before is missing, so that its own MAC cannot be reckoned.
            self._fault(FaultKind.EDITED, row.seq, row.seq, f"row {row.seq} was edited, or put in place of another")
        self.seq, self.mac = row.seq, row.mac
        if self.anchor is not None and row.seq == self.anchor.count:
            self.anchored = row.mac

    def finish(self, head_count: int, head_mac: bytes, *, trusted_key: str | None = None) -> Report:
        if self.seq < head_count:
            text = f"rows {self.seq + 1} to {head_count} were cut off the end"
            self._fault(FaultKind.TAIL_CUT, self.seq + 1, head_count, text)
        elif self.seq > head_count or not hmac.compare_digest(self.mac, head_mac):
            self._fault(FaultKind.EDITED, self.seq, self.seq, "the end of the chain is not the one written down")
        blind = (
            "Without an anchor from another machine, rows cut off the end together with the written head are unseen."
        )
        if self.anchor is not None:
            self._against(self.anchor, trusted_key)
            blind = f"Rows after the anchor's {self.anchor.count} that were cut off with the written head are unseen."
        if self.beginning is not None:
            blind += f" Rows 1 to {self.beginning.count} went after their time and cannot be looked at."
        anchored = self.anchor.count if self.anchor is not None else None
        return Report(self.seq, tuple(self.faults), blind, anchored, self.beginning.count if self.beginning else 0)

    def _against(self, anchor: Anchor, trusted_key: str | None) -> None:
        if not signed(anchor) or (trusted_key is not None and trusted_key != anchor.public_key):
            self._fault(FaultKind.ANCHOR, anchor.count, anchor.count, "the anchor's signature is not ours")
        elif self.seq < anchor.count:
            text = (
                f"the anchor of {anchor.at} saw {anchor.count} rows; rows {self.seq + 1} to {anchor.count} were cut off"
            )
            self._fault(FaultKind.TAIL_CUT, self.seq + 1, anchor.count, text)
        elif self.beginning is not None and anchor.count < self.beginning.count:
            return  # what it saw has gone after its time
        elif anchor.count and (self.anchored is None or self.anchored.hex() != anchor.head):
            text = f"row {anchor.count} is not the one that the anchor of {anchor.at} saw: the chain was written anew"
            self._fault(FaultKind.EDITED, anchor.count, anchor.count, text)

    def _fault(self, kind: FaultKind, seq: int, last: int, text: str) -> None:
        if len(self.faults) < _MAX_FAULTS:
            self.faults.append(Fault(kind, seq, last, text))


def make_anchor(key: DataKey, count: int, head: bytes, at: datetime) -> Anchor:
    """Signed with the Ed25519 key (RFC 8032) whose seed is ``key``."""
    moment = at.astimezone(UTC).isoformat()
    public, signature = _sign(key, _signed_bytes(_ANCHOR, count, head.hex(), moment))
    return Anchor(count, head.hex(), moment, public, signature)


def make_beginning(key: DataKey, count: int, mac: bytes, at: datetime) -> Beginning:
    """For a log whose rows up to ``count`` go now; ``mac`` is the last one's."""
    moment = at.astimezone(UTC).isoformat()
    public, signature = _sign(key, _signed_bytes(_BEGINNING, count, mac.hex(), moment))
    return Beginning(count, mac, moment, public, signature)


def signed(anchor: Anchor) -> bool:
    """Whether the anchor's signature fits its own public key; whose key that is, the caller must know."""
    text = _signed_bytes(_ANCHOR, anchor.count, anchor.head, anchor.at)
    return _fits(anchor.public_key, anchor.signature, text)


def public_keys(keys: KeyRing) -> frozenset[str]:
    """Of all that sign or signed for us, as they stand in anchors."""
    own = (key for key in keys.all() if key.purpose is Purpose.ANCHOR)
    return frozenset(
        Ed25519PrivateKey.from_private_bytes(key.secret).public_key().public_bytes_raw().hex() for key in own
    )


def anchor_text(anchor: Anchor) -> str:
    """One line of JSON, for a file, syslog or a webhook."""
    return json.dumps({name: getattr(anchor, name) for name in Anchor.__slots__}, sort_keys=True)


def parse_anchor(text: str) -> Anchor:
    """Raises ``INVALID``."""
    try:
        raw = json.loads(text[:4096])
        anchor = Anchor(**{name: raw[name] for name in Anchor.__slots__})
        good = type(anchor.count) is int and all(
            isinstance(word, str) for word in (anchor.head, anchor.at, anchor.public_key, anchor.signature)
        )
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise XueliangError(Kind.INVALID, "not an audit anchor", fix="Give a line that the service wrote as an anchor")
    return anchor


def _signed_bytes(kind: str, count: int, head: str, at: str) -> bytes:
    return json.dumps([kind, count, head, at], separators=(",", ":")).encode()


def _sign(key: DataKey, text: bytes) -> tuple[str, str]:
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    return private.public_key().public_bytes_raw().hex(), private.sign(text).hex()


def _fits(public_key: str, signature: str, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def _ours(keys: KeyRing, first: Beginning) -> bool:
    """By a key of the ring, one turned over among them: nobody else's signature begins our log."""
    text = _signed_bytes(_BEGINNING, first.count, first.mac.hex(), first.at)
    return first.public_key in public_keys(keys) and _fits(first.public_key, first.signature, text)
