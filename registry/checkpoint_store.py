"""Edge: the tables of smart checkpoints, their lanes and parts. No row of traffic has a place in them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from config.scope import Permission, Scope
from registry import rows_store
from registry.audit_store import append
from registry.change_feed_store import record
from registry.checkpoint import Checkpoint, Lane, Part
from registry.database import Connection
from registry.nouns_store import CAMERA, CHECKPOINT, DEVICE
from registry.rows_store import Page
from registry.tables import checkpoint_lanes, checkpoint_parts


async def add_checkpoint(scope: Scope, connection: Connection, checkpoint: Checkpoint) -> Checkpoint:
    await rows_store.require_unit(scope, connection, checkpoint.unit_id)
    return await rows_store.add(scope, connection, CHECKPOINT, checkpoint)


async def change_checkpoint(
    scope: Scope, connection: Connection, checkpoint_id: str, version: int, **fields: Any
) -> Checkpoint:
    return await rows_store.change(scope, connection, CHECKPOINT, checkpoint_id, version, **fields)


async def get_checkpoint(scope: Scope, connection: Connection, checkpoint_id: str) -> Checkpoint:
    return await rows_store.get(scope, connection, CHECKPOINT, checkpoint_id)


async def list_checkpoints(
    scope: Scope, connection: Connection, *, after: str | None = None, limit: int = 100
) -> Page[Checkpoint]:
    return await rows_store.page(scope, connection, CHECKPOINT, after=after, limit=limit)


async def add_lane(scope: Scope, connection: Connection, lane: Lane) -> Lane:
    """Seen and edited by those who see and edit its checkpoint."""
    await _within(scope, connection, lane.checkpoint_id, "lane", lane.id)
    await connection.execute(sa.insert(checkpoint_lanes).values(**rows_store.columns_of(lane)))
    return lane


async def add_part(scope: Scope, connection: Connection, part: Part) -> Part:
    """A part that is one of our devices or cameras must be in the asker's sight."""
    if part.device_id is not None:
        await rows_store.get(scope, connection, DEVICE, part.device_id)
    if part.camera_id is not None:
        await rows_store.get(scope, connection, CAMERA, part.camera_id)
    await _within(scope, connection, part.checkpoint_id, "part", part.id)
    await connection.execute(sa.insert(checkpoint_parts).values(**rows_store.columns_of(part)))
    return part


async def lanes_of(scope: Scope, connection: Connection, checkpoint_id: str) -> list[Lane]:
    """By number."""
    await get_checkpoint(scope, connection, checkpoint_id)
    query = sa.select(checkpoint_lanes).where(checkpoint_lanes.c.checkpoint_id == checkpoint_id)
    return [Lane(**row._mapping) for row in await connection.execute(query.order_by(checkpoint_lanes.c.number))]


async def parts_of(scope: Scope, connection: Connection, checkpoint_id: str) -> list[Part]:
    await get_checkpoint(scope, connection, checkpoint_id)
    query = sa.select(checkpoint_parts).where(checkpoint_parts.c.checkpoint_id == checkpoint_id)
    return [Part(**row._mapping) for row in await connection.execute(query.order_by(checkpoint_parts.c.id))]


async def _within(scope: Scope, connection: Connection, checkpoint_id: str, what: str, object_id: str) -> None:
    checkpoint = await get_checkpoint(scope, connection, checkpoint_id)
    area_id, unit_id = checkpoint.area_id, checkpoint.unit_id
    await rows_store.require_place(scope, connection, Permission.EDIT, area_id, unit_id)
    payload = {"act": f"{what}_added", what: object_id}
    await record(connection, "checkpoint", checkpoint_id, area_id, payload, unit_id=unit_id)
    await append(
        scope,
        connection,
        f"checkpoint.add_{what}",
        "checkpoint",
        checkpoint_id,
        area_id=area_id,
        unit_id=unit_id,
        details={what: object_id},
    )
