"""Pure: the keys of an installation. One master key wraps those of vault, audit, tickets and anchors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from config.errors import Kind, XueliangError
from config.ids import new_id
from registry.sealing import Sealed, new_key, seal, unseal


class Purpose(StrEnum):
    VAULT = "vault"  # passwords of cameras, mail servers, webhooks
    AUDIT = "audit"  # HMAC of the audit chain
    TICKET = "ticket"  # single-use tickets for views
    ANCHOR = "anchor"  # seed of the Ed25519 key that signs audit anchors


@dataclass(frozen=True, slots=True)
class MasterKey:
    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def make(cls) -> MasterKey:
        return cls(new_id(), new_key())


@dataclass(frozen=True, slots=True)
class DataKey:
    """``retired`` keys still open and verify what they made; only the current one of a purpose makes more."""

    id: str
    purpose: Purpose
    secret: bytes = field(repr=False)
    retired: bool = False

    @classmethod
    def make(cls, purpose: Purpose) -> DataKey:
        return cls(new_id(), purpose, new_key())


class KeyRing:
    """The unwrapped keys, in memory only."""

    def __init__(self, keys: Iterable[DataKey]) -> None:
        self._keys = {(key.purpose, key.id): key for key in keys}

    @classmethod
    def ephemeral(cls) -> KeyRing:
        """For commands without a database, and for tests: what it seals dies with the process."""
        return cls(DataKey.make(purpose) for purpose in Purpose)

    def current(self, purpose: Purpose) -> DataKey:
        live = [key for key in self._keys.values() if key.purpose is purpose and not key.retired]
        if len(live) != 1:
            raise XueliangError(Kind.INTERNAL, f"{len(live)} current keys for {purpose.value}, one is needed")
        return live[0]

    def find(self, purpose: Purpose, key_id: str) -> DataKey | None:
        return self._keys.get((purpose, key_id))

    def all(self) -> tuple[DataKey, ...]:
        return tuple(self._keys.values())

    def replace(self, keys: Iterable[DataKey]) -> None:
        """After a rotation: holders of the ring see the new keys at once."""
        self._keys = {(key.purpose, key.id): key for key in keys}

    def __repr__(self) -> str:
        return f"KeyRing({len(self._keys)} keys)"


def wrap(master: MasterKey, key: DataKey) -> Sealed:
    return seal(master.secret, master.id, (key.id, "data-key", key.purpose.value), key.secret)


def unwrap(masters: Iterable[MasterKey], key_id: str, purpose: Purpose, retired: bool, sealed: Sealed) -> DataKey:
    """Raises ``UNAVAILABLE`` when none of ``masters`` is the one that wrapped the key."""
    for master in masters:
        if master.id == sealed.key_id:
            return DataKey(key_id, purpose, unseal(master.secret, (key_id, "data-key", purpose.value), sealed), retired)
    raise XueliangError(
        Kind.UNAVAILABLE,
        "the database was made with another master key",
        fix="Put the master key file that belongs to this database back in its place",
    )
