"""Edge: what objects are called, by their ids, for those who may know it."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from config.scope import Permission, Scope
from registry.database import Connection
from registry.nouns_store import AREA, CAMERA, DEVICE, POINT, PRINCIPAL, UNIT

_NAMED = {noun.kind: noun for noun in (AREA, UNIT, POINT, DEVICE, CAMERA, PRINCIPAL)}
_CHUNK = 500


async def names_of(
    scope: Scope, connection: Connection, ids: Iterable[str], kinds: Iterable[str] = ("area", "unit")
) -> dict[str, str]:
    """By id; what is not in scope, and what has no name of its own, is left out. A statement for each kind."""
    wanted, found = sorted(set(ids)), dict[str, str]()
    for noun in (_NAMED[kind] for kind in sorted(set(kinds)) if kind in _NAMED):
        c = noun.table.c
        for start in range(0, len(wanted), _CHUNK):
            some = c.id.in_(wanted[start : start + _CHUNK])
            query = sa.select(c.id, c.name).where(some, noun.visible(scope.where(Permission.READ)))
            found |= {row.id: row.name for row in await connection.execute(query)}
    return found
