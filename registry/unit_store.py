"""Edge: the table of units."""

from __future__ import annotations

from typing import Any

from config.scope import Permission, Scope
from registry import rows_store
from registry.database import Connection
from registry.nouns_store import UNIT
from registry.scope_store import require_everywhere
from registry.unit import Unit


async def add_unit(scope: Scope, connection: Connection, unit: Unit) -> Unit:
    """A unit belongs to no area: this needs the permission everywhere."""
    require_everywhere(scope, Permission.EDIT)
    return await rows_store.add(scope, connection, UNIT, unit)


async def change_unit(scope: Scope, connection: Connection, unit_id: str, version: int, **fields: Any) -> Unit:
    require_everywhere(scope, Permission.EDIT)
    return await rows_store.change(scope, connection, UNIT, unit_id, version, **fields)


async def get_unit(scope: Scope, connection: Connection, unit_id: str) -> Unit:
    return await rows_store.get(scope, connection, UNIT, unit_id)


async def list_units(scope: Scope, connection: Connection) -> list[Unit]:
    return await rows_store.every(scope, connection, UNIT)
