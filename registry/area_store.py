"""Edge: the table of areas."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from config.errors import Kind, XueliangError
from config.scope import Permission, Scope
from registry import rows_store
from registry.area import Area
from registry.audit_store import append
from registry.change_feed_store import record
from registry.database import Connection
from registry.nouns_store import AREA
from registry.scope_store import area_tree, require_everywhere
from registry.tables import areas


async def add_area(scope: Scope, connection: Connection, area: Area) -> Area:
    """Below a parent that the asker may edit, or, with the permission everywhere, at the top."""
    if area.parent_id is None:
        require_everywhere(scope, Permission.EDIT)
    else:
        await rows_store.require_place(scope, connection, Permission.EDIT, area.parent_id, None)
    values = rows_store.columns_of(area)
    rows_store.check_lengths(AREA, values)
    await connection.execute(sa.insert(areas).values(**values))
    await record(connection, "area", area.id, area.id, {"act": "added", "version": 1})
    await append(scope, connection, "area.add", "area", area.id, area_id=area.id)
    return area


async def change_area(scope: Scope, connection: Connection, area_id: str, version: int, **fields: Any) -> Area:
    """Rename, close or move an area. Raises ``INVALID`` if it would come to lie below itself."""
    parent = fields.get("parent_id")
    if isinstance(parent, str):
        await rows_store.require_place(scope, connection, Permission.EDIT, parent, None)
        below: sa.Select[Any] = area_tree(frozenset({area_id}))
        if parent in set((await connection.execute(below)).scalars()):
            raise XueliangError(Kind.INVALID, "an area cannot lie below itself", where=area_id)
    elif "parent_id" in fields:
        require_everywhere(scope, Permission.EDIT)
    return await rows_store.change(scope, connection, AREA, area_id, version, **fields)


async def get_area(scope: Scope, connection: Connection, area_id: str) -> Area:
    return await rows_store.get(scope, connection, AREA, area_id)


async def list_areas(scope: Scope, connection: Connection) -> list[Area]:
    """All in scope: a tree is shown whole."""
    return await rows_store.every(scope, connection, AREA)
