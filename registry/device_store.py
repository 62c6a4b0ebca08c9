"""Edge: the table of devices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from config.scope import Scope
from registry import rows_store
from registry.database import Connection
from registry.device import Device
from registry.lifecycle import Lifecycle
from registry.nouns_store import DEVICE
from registry.rows_store import Edit, Page
from registry.tables import devices


async def add_device(scope: Scope, connection: Connection, device: Device) -> Device:
    await rows_store.require_unit(scope, connection, device.unit_id)
    return await rows_store.add(scope, connection, DEVICE, device)


async def add_devices(scope: Scope, connection: Connection, added: Sequence[Device]) -> None:
    for unit_id in dict.fromkeys(device.unit_id for device in added):
        await rows_store.require_unit(scope, connection, unit_id)
    await rows_store.add_many(scope, connection, DEVICE, added)


async def change_device(scope: Scope, connection: Connection, device_id: str, version: int, **fields: Any) -> Device:
    return await rows_store.change(scope, connection, DEVICE, device_id, version, **fields)


async def change_devices(scope: Scope, connection: Connection, edits: Sequence[Edit], *, act: str) -> list[Device]:
    return await rows_store.change_many(scope, connection, DEVICE, edits, act=act)


async def get_device(scope: Scope, connection: Connection, device_id: str) -> Device:
    return await rows_store.get(scope, connection, DEVICE, device_id)


async def get_devices(scope: Scope, connection: Connection, device_ids: Iterable[str]) -> dict[str, Device]:
    """By id; what does not exist or is not in scope is left out."""
    return await rows_store.get_many(scope, connection, DEVICE, device_ids)


async def list_devices(
    scope: Scope, connection: Connection, *, after: str | None = None, limit: int = 100
) -> Page[Device]:
    return await rows_store.page(scope, connection, DEVICE, after=after, limit=limit)


async def devices_like(
    scope: Scope,
    connection: Connection,
    *,
    host: str,
    serial: str | None = None,
    mac: str | None = None,
    endpoint_uuid: str | None = None,
) -> list[Device]:
    """Devices not removed that share the address or at least one identity fact; all of these occur twice."""
    same = [devices.c.host == host]
    for column, value in (
        (devices.c.serial, serial),
        (devices.c.mac, mac),
        (devices.c.endpoint_uuid, endpoint_uuid),
    ):
        if value:
            same.append(column == value)
    alive = devices.c.lifecycle != Lifecycle.REMOVED
    return await rows_store.every(scope, connection, DEVICE, sa.or_(*same), alive)


async def devices_at(scope: Scope, connection: Connection, hosts: Iterable[str]) -> list[Device]:
    """Devices not removed at these addresses."""
    wanted, found = sorted(set(hosts)), []
    for start in range(0, len(wanted), 500):
        part = devices.c.host.in_(wanted[start : start + 500])
        found += await rows_store.every(scope, connection, DEVICE, part, devices.c.lifecycle != Lifecycle.REMOVED)
    return found
