"""Wiring: what discovery found becomes proposals; nothing here gives a device a credential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from config.ids import new_id
from config.scope import Permission, Scope
from config.text import printable
from registry import proposal_store, rows_store
from registry.database import Connection, Database, clock_of
from registry.device import Device
from registry.device_store import change_device
from registry.found_device import FoundDevice, pack
from registry.identity import Judgement, Standing, judge, same_place
from registry.proposal import ConflictKind, Proposal, ProposalStatus

#: Devices told of in one transaction; a sweep of thousands leaves gaps for other writers.
_AT_ONCE = 200


class Outcome(StrEnum):
    NEW = "new"
    CONFLICT = "conflict"
    SEEN_AGAIN = "seen_again"  # an open proposal, still so
    KNOWN = "known"  # a device of ours, as we know it
    REFUSED = "refused"  # somebody refused it before


@dataclass(frozen=True, slots=True)
class Proposed:
    """``device_id`` is set where a device of ours stands at the address."""

    outcome: Outcome
    proposal: Proposal | None = None
    device_id: str | None = None


async def propose(
    scope: Scope, db: Database, found: FoundDevice, *, area_id: str | None = None, unit_id: str | None = None
) -> Proposed:
    """As :func:`propose_all` for one."""
    return (await propose_all(scope, db, [found], area_id=area_id, unit_id=unit_id))[0]


async def propose_all(
    scope: Scope,
    db: Database,
    found: Sequence[FoundDevice],
    *,
    area_id: str | None = None,
    unit_id: str | None = None,
) -> list[Proposed]:
    """Each found device is new, known, seen again, or in conflict; in the order given.

    ``area_id`` is where the sweep looked, if it belongs to one area. A known device whose identity facts changed is
    held at once: nothing authenticates to it until somebody accepts them. Raises ``FORBIDDEN`` without the
    permission *adopt* there.
    """
    done: list[Proposed] = []
    for start in range(0, len(found), _AT_ONCE):
        part = [_clean(one) for one in found[start : start + _AT_ONCE]]
        async with db.write() as connection:
            await rows_store.require_place(scope, connection, Permission.ADOPT, area_id, unit_id)
            done += await _some(Scope.system(scope.principal), connection, part, (area_id, unit_id))
    return done


async def _some(
    acting: Scope, connection: Connection, found: list[FoundDevice], place: rows_store.Place
) -> list[Proposed]:
    # Compared with everything: a second bearer of a serial in another area is a conflict too.
    devices = {device.id: device for device in await proposal_store.devices_like(acting, connection, found)}
    known = {proposal.id: proposal for proposal in await proposal_store.proposals_like(acting, connection, found)}
    done: list[Proposed] = []
    fresh: list[Proposal] = []
    answered: dict[tuple[str, int], Proposed] = {}
    for one in found:
        place_of_one = (one.host.lower(), one.port)
        if place_of_one in answered:
            # The same answer twice, from two ways of looking.
            done.append(answered[place_of_one])
            continue
        there = [p for p in known.values() if p.status in proposal_store.OPEN]
        proposed = await _one(acting, connection, one, judge(one, devices.values(), there), known, devices, place)
        if proposed.proposal is not None:
            if proposed.proposal.id not in known:
                fresh.append(proposed.proposal)
            known[proposed.proposal.id] = proposed.proposal
        done.append(proposed)
        answered[place_of_one] = proposed
    await proposal_store.add_proposals(acting, connection, fresh)
    seen = [p.proposal.id for p in done if p.proposal is not None]
    await proposal_store.seen_again(connection, seen, clock_of(connection).now())
    return done


async def _one(
    acting: Scope,
    connection: Connection,
    found: FoundDevice,
    judgement: Judgement,
    known: dict[str, Proposal],
    devices: dict[str, Device],
    place: rows_store.Place,
) -> Proposed:
    if judgement.standing is Standing.KNOWN:
        return Proposed(Outcome.KNOWN, None, judgement.device_id)
    await _hold(acting, connection, judgement, devices)
    conflicts = tuple({**asdict(conflict), "kind": conflict.kind.value} for conflict in judgement.conflicts)
    before = next((p for p in known.values() if same_place(found, p)), None)
    if before is not None:
        # Found by multicast now and by a sweep then: that alone is no change.
        found = replace(found, how=before.how)
    if before is not None and before.status is ProposalStatus.REFUSED and before.facts == pack(found):
        return Proposed(Outcome.REFUSED, before, judgement.device_id)
    status = ProposalStatus.CONFLICT if conflicts else ProposalStatus.NEW
    now = clock_of(connection).now()
    fields: dict[str, Any] = {
        "status": status,
        "how": found.how,
        "serial": found.serial or None,
        "mac": found.mac or None,
        "endpoint_uuid": found.endpoint_uuid or None,
        "facts": pack(found),
        "conflicts": conflicts,
        "device_id": judgement.device_id,
    }
    if before is None:
        fresh = Proposal(
            id=new_id(),
            host=found.host,
            port=found.port,
            first_seen=now,
            last_seen=now,
            area_id=place[0],
            unit_id=place[1],
            **fields,
        )
        return Proposed(Outcome.CONFLICT if conflicts else Outcome.NEW, fresh, judgement.device_id)
    changed = await proposal_store.change_proposal(acting, connection, before.id, before.version, **fields)
    same = changed.version == before.version
    outcome = Outcome.SEEN_AGAIN if same else Outcome.CONFLICT if conflicts else Outcome.NEW
    return Proposed(outcome, changed, judgement.device_id)


async def _hold(acting: Scope, connection: Connection, judgement: Judgement, devices: dict[str, Device]) -> None:
    changed = any(conflict.kind is ConflictKind.IDENTITY_CHANGED for conflict in judgement.conflicts)
    device = devices.get(judgement.device_id or "")
    if changed and device is not None and not device.identity_hold:
        devices[device.id] = await change_device(
            acting, connection, device.id, device.version, act="hold", identity_hold=True
        )


def _clean(found: FoundDevice) -> FoundDevice:
    """Strings of strangers, bounded as the columns are."""
    limits: dict[str, int] = {
        "host": 255,
        "how": 40,
        "onvif_xaddr": 1024,
        "name": 200,
        "make": 200,
        "model": 200,
        "firmware": 200,
        "serial": 200,
        "mac": 20,
        "endpoint_uuid": 80,
    }
    texts: dict[str, Any] = {name: printable(getattr(found, name), limit) for name, limit in limits.items()}
    return replace(found, **texts)
