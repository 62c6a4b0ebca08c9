"""Pure: a device that answered on the network and waits for somebody to adopt or refuse it (待纳管)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class ProposalStatus(StrEnum):
    NEW = "new"
    CONFLICT = "conflict"
    ADOPTED = "adopted"
    REFUSED = "refused"


class ConflictKind(StrEnum):
    """Why a person must look. Serials, MACs and endpoint UUIDs all occur twice, so one alone never merges."""

    SAME_SERIAL = "same_serial"
    SAME_MAC = "same_mac"
    SAME_ENDPOINT = "same_endpoint"
    MOVED = "moved"  # several facts of a known device, at another address
    IDENTITY_CHANGED = "identity_changed"  # a known address, but another device answers there


@dataclass(frozen=True, slots=True)
class Conflict:
    """``with_id`` is a device, or another proposal when ``with_proposal``."""

    kind: ConflictKind
    with_id: str
    text: str
    with_proposal: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """``facts`` is what :class:`registry.found_device.FoundDevice` packs; ``device_id`` the device it became, or for
    a changed identity the known device at that address."""

    id: str
    host: str
    port: int
    status: ProposalStatus
    how: str
    first_seen: datetime
    last_seen: datetime
    serial: str | None = None
    mac: str | None = None
    endpoint_uuid: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    conflicts: tuple[dict[str, Any], ...] = ()
    area_id: str | None = None
    unit_id: str | None = None
    device_id: str | None = None
    reason: str | None = None
    version: int = 1
