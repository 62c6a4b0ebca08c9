"""Edge: the table of proposals, and what a found device is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from config.scope import Permission, Scope
from registry import rows_store
from registry.database import Connection
from registry.device import Device
from registry.found_device import FoundDevice
from registry.lifecycle import Lifecycle
from registry.nouns_store import DEVICE, PROPOSAL
from registry.proposal import Proposal, ProposalStatus
from registry.rows_store import Edit, Page
from registry.scope_store import area_tree
from registry.tables import devices, proposals

#: Bound parameters in one statement; SQLite of old took 999.
_CHUNK = 200
OPEN = (ProposalStatus.NEW, ProposalStatus.CONFLICT)


async def get_proposal(scope: Scope, connection: Connection, proposal_id: str) -> Proposal:
    found = await rows_store.get(scope, connection, PROPOSAL, proposal_id)
    return (await _discreet(scope, connection, [found]))[0]


async def list_proposals(
    scope: Scope,
    connection: Connection,
    *,
    status: ProposalStatus | Sequence[ProposalStatus] | None = None,
    text: str | None = None,
    area_id: str | None = None,
    how: Sequence[str] = (),
    after: str | None = None,
    limit: int = 100,
) -> Page[Proposal]:
    """``text``: part of an address, serial number or MAC; ``area_id`` with everything below it; ``how`` they were
    found, in any of these ways."""
    wanted = _wanted(status, text, area_id, how)
    found = await rows_store.page(scope, connection, PROPOSAL, *wanted, after=after, limit=limit)
    return Page(tuple(await _discreet(scope, connection, list(found.items))), found.after)


async def count_proposals(
    scope: Scope,
    connection: Connection,
    *,
    text: str | None = None,
    area_id: str | None = None,
    how: Sequence[str] = (),
) -> dict[ProposalStatus, int]:
    counts = dict.fromkeys(ProposalStatus, 0)
    query = sa.select(proposals.c.status, sa.func.count()).group_by(proposals.c.status)
    query = query.where(PROPOSAL.visible(scope.where(Permission.READ)), *_wanted(None, text, area_id, how))
    for status, number in await connection.execute(query):
        counts[status] = number
    return counts


def _wanted(
    status: ProposalStatus | Sequence[ProposalStatus] | None, text: str | None, area_id: str | None, how: Sequence[str]
) -> list[sa.ColumnElement[bool]]:
    p = proposals.c
    where: list[sa.ColumnElement[bool]] = []
    if status:
        where.append(p.status.in_([status] if isinstance(status, ProposalStatus) else list(status)))
    if text:
        where.append(sa.or_(*(column.icontains(text[:200], autoescape=True) for column in (p.host, p.serial, p.mac))))
    if area_id is not None:
        where.append(p.area_id.in_(area_tree(frozenset({area_id}))))
    if how:
        where.append(p.how.in_([str(one) for one in how]))
    return where


async def add_proposals(scope: Scope, connection: Connection, added: Sequence[Proposal]) -> None:
    await rows_store.add_many(scope, connection, PROPOSAL, added)


async def change_proposal(
    scope: Scope, connection: Connection, proposal_id: str, version: int, **fields: Any
) -> Proposal:
    return await rows_store.change(scope, connection, PROPOSAL, proposal_id, version, **fields)


async def change_proposals(scope: Scope, connection: Connection, edits: Sequence[Edit], *, act: str) -> list[Proposal]:
    return await rows_store.change_many(scope, connection, PROPOSAL, edits, act=act)


async def seen_again(connection: Connection, ids: Iterable[str], at: datetime) -> None:
    """Being seen is no edit: no version, change or audit row comes of it."""
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), _CHUNK):
        some = proposals.c.id.in_(wanted[start : start + _CHUNK])
        await connection.execute(sa.update(proposals).where(some).values(last_seen=at))


async def devices_like(scope: Scope, connection: Connection, found: Iterable[FoundDevice]) -> list[Device]:
    """Devices not removed that share an address or an identity fact with any of ``found``."""
    where = devices.c.lifecycle != Lifecycle.REMOVED
    return [rows_store.load(DEVICE, row) for row in await _alike(scope, connection, devices, list(found), where)]


async def proposals_like(scope: Scope, connection: Connection, found: Iterable[FoundDevice]) -> list[Proposal]:
    """Proposals not yet adopted that share an address or an identity fact with any of ``found``."""
    where = proposals.c.status != ProposalStatus.ADOPTED
    return [rows_store.load(PROPOSAL, row) for row in await _alike(scope, connection, proposals, list(found), where)]


async def _alike(
    scope: Scope, connection: Connection, table: sa.Table, found: list[FoundDevice], where: sa.ColumnElement[bool]
) -> list[sa.Row[Any]]:
    rows: dict[str, sa.Row[Any]] = {}
    noun = DEVICE if table is devices else PROPOSAL
    seen = noun.visible(scope.where(Permission.READ))
    for name in ("host", "serial", "mac", "endpoint_uuid"):
        # Firmwares differ in case between their answers.
        values = sorted({getattr(one, name).lower() for one in found} - {""})
        for start in range(0, len(values), _CHUNK):
            some = sa.func.lower(table.c[name]).in_(values[start : start + _CHUNK])
            for row in await connection.execute(sa.select(table).where(some, where, seen)):
                rows[row.id] = row
    return [rows[key] for key in sorted(rows)]


async def _discreet(scope: Scope, connection: Connection, found: list[Proposal]) -> list[Proposal]:
    """A conflict with something outside the reader's areas is told (it must be), but not with what."""
    if scope.unlimited or scope.where(Permission.READ).everywhere:
        return found
    wanted = {conflict["with_id"] for proposal in found for conflict in proposal.conflicts}
    extent, known = scope.where(Permission.READ), set[str]()
    for noun in (DEVICE, PROPOSAL):
        query = sa.select(noun.table.c.id).where(noun.table.c.id.in_(sorted(wanted)), noun.visible(extent))
        known |= set((await connection.execute(query)).scalars())

    def told(conflict: dict[str, Any]) -> dict[str, Any]:
        return conflict if conflict["with_id"] in known else {**conflict, "with_id": None}

    return [replace(proposal, conflicts=tuple(map(told, proposal.conflicts))) for proposal in found]
