"""Pure: whether a found device is new, known, or in conflict with what we know. Never one field alone decides.

Serials, MACs and endpoint UUIDs all occur twice in the field (cloned firmware, reset boards, copied configuration).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from registry.found_device import FoundDevice
from registry.proposal import Conflict, ConflictKind


class Standing(StrEnum):
    NEW = "new"
    KNOWN = "known"
    CONFLICT = "conflict"


class Bearer(Protocol):
    """A device or a proposal: what has an address and identity facts."""

    @property
    def id(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def serial(self) -> str | None: ...

    @property
    def mac(self) -> str | None: ...

    @property
    def endpoint_uuid(self) -> str | None: ...


class Known(Bearer, Protocol):
    """A device of ours."""

    @property
    def onvif_xaddr(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """``device_id`` is the known device at that address, if there is one."""

    standing: Standing
    device_id: str | None = None
    conflicts: tuple[Conflict, ...] = ()


_FACTS = (
    ("serial", ConflictKind.SAME_SERIAL, "serial number"),
    ("mac", ConflictKind.SAME_MAC, "MAC address"),
    ("endpoint_uuid", ConflictKind.SAME_ENDPOINT, "endpoint UUID"),
)


def fact(value: str | None) -> str:
    """Comparable: firmwares differ in case and separators between their answers; zeros and dashes say nothing."""
    text = (value or "").strip().lower()
    return text if text.strip("0-:. ") else ""


def same_place(one: Bearer | FoundDevice, other: Bearer) -> bool:
    return one.host.lower() == other.host.lower() and one.port == other.port


def changed_facts(known: Bearer, found: FoundDevice | Bearer) -> list[str]:
    """Names of the facts that both give and that differ."""
    pairs = [(text, fact(getattr(known, name)), fact(getattr(found, name))) for name, _, text in _FACTS]
    return [text for text, before, now in pairs if before and now and before != now]


def judge(found: FoundDevice, devices: Iterable[Known], proposals: Iterable[Bearer]) -> Judgement:
    """``devices`` are those not removed, ``proposals`` the open ones at other addresses."""
    known = list(devices)
    here = next((device for device in known if same_place(found, device)), None) or _listed(found, known)
    conflicts: list[Conflict] = []
    for device in known:
        if device is not here:
            conflicts += _shared(found, device, with_proposal=False)
    if here is not None:
        changed = changed_facts(here, found)
        if not changed:
            # What else bears one of its facts was judged when the second of them appeared.
            return Judgement(Standing.KNOWN, here.id)
        text = f"another {' and '.join(changed)} than the device known at this address"
        conflicts.insert(0, Conflict(ConflictKind.IDENTITY_CHANGED, here.id, text))
    for proposal in proposals:
        if not same_place(found, proposal):
            conflicts += _shared(found, proposal, with_proposal=True)
    device_id = None if here is None else here.id
    return Judgement(Standing.CONFLICT if conflicts else Standing.NEW, device_id, tuple(conflicts[:20]))


def _listed(found: FoundDevice, known: list[Known]) -> Known | None:
    """The one device that an inventory listed at that host without saying more: inventories often lack the port."""
    there = [device for device in known if device.host.lower() == found.host.lower()]
    if len(there) != 1 or there[0].onvif_xaddr:
        return None
    return None if any(fact(getattr(there[0], name)) for name, _, _ in _FACTS) else there[0]


def _shared(found: FoundDevice, other: Bearer, *, with_proposal: bool) -> list[Conflict]:
    same = [
        (kind, text)
        for name, kind, text in _FACTS
        if fact(getattr(found, name)) and fact(getattr(found, name)) == fact(getattr(other, name))
    ]
    what = "device found at another address" if with_proposal else "known device"
    if len(same) > 1:
        facts = " and ".join(text for _, text in same)
        return [Conflict(ConflictKind.MOVED, other.id, f"same {facts} as a {what}: has it moved?", with_proposal)]
    return [Conflict(kind, other.id, f"same {text} as a {what}", with_proposal) for kind, text in same]
