"""Edge: incidents of groups, and the smallest area that holds a group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from alerts.incident import Incident
from alerts.incident_rows_store import STANDS, load
from alerts.suppression import Key
from alerts.tables import incidents
from registry.database import Connection
from registry.tables import areas

_i = incidents.c


async def standing_groups(connection: Connection, keys: Sequence[Key]) -> dict[Key, Incident]:
    """The incident that stands of each group, where there is one. For the service's own work."""
    found: dict[Key, Incident] = {}
    wanted = set(keys)
    ids = sorted({key[1] for key in wanted})
    for start in range(0, len(ids), 500):
        query = sa.select(incidents).where(STANDS, _i.camera_id.is_(None), _i.group_id.in_(ids[start : start + 500]))
        for row in await connection.execute(query):
            if (row.group_kind, row.group_id) in wanted:
                found[row.group_kind, row.group_id] = load(row)
    return found


async def common_place(connection: Connection, area_ids: Iterable[str]) -> str | None:
    """The lowest area above (or equal to) all of these; ``None`` where they have none in common."""
    parents = {row.id: row.parent_id for row in await connection.execute(sa.select(areas.c.id, areas.c.parent_id))}
    chains = [_upwards(area_id, parents) for area_id in sorted(set(area_ids))]
    if not chains:
        return None
    return next((area for area in chains[0] if all(area in chain for chain in chains[1:])), None)


def _upwards(area_id: str, parents: dict[str, str | None]) -> list[str]:
    chain: list[str] = []
    step: str | None = area_id
    while step is not None and step not in chain:
        chain.append(step)
        step = parents.get(step)
    return chain
