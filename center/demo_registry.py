"""Wiring: the demo's district in the registry: its areas and units, and a place for every camera that is adopted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from center.demo_district import DISTRICT, DISTRICT_CODE, MANAGEMENT, TOWNS, UNITS, Placed
from center.managing import SCOPE
from center.storage import Storage
from config.ids import new_id
from registry import area_store, camera_store, device_store, point_store, unit_store
from registry.area import Area
from registry.binding_store import bindings_of_camera
from registry.database import Connection
from registry.rows_store import Edit
from registry.unit import Unit
from registry.watched_camera import WatchedCamera


@dataclass(frozen=True, slots=True)
class Ground:
    """Ids by name. What a rule adopts comes into ``district``; nothing that was given its place is left in it."""

    areas: Mapping[str, str]
    units: Mapping[str, str]

    @property
    def district(self) -> str:
        return self.areas[str(DISTRICT)]


async def lay_out(storage: Storage) -> Ground:
    """The areas and units of the district, as far as they are not there."""
    async with storage.db.write() as connection:
        areas = {area.name: area.id for area in await area_store.list_areas(SCOPE, connection)}
        units = {unit.name: unit.id for unit in await unit_store.list_units(SCOPE, connection)}
        district = await _area(connection, areas, str(DISTRICT), None, DISTRICT_CODE)
        for town in TOWNS:
            above = await _area(connection, areas, str(town.name), district, town.code[:6])
            for community in town.communities:
                await _area(connection, areas, str(community.name), above, community.code)
        for name, kind in UNITS:
            if str(name) not in units:
                units[str(name)] = (await unit_store.add_unit(SCOPE, connection, Unit(new_id(), str(name), kind))).id
    return Ground(areas, units)


async def _area(connection: Connection, areas: dict[str, str], name: str, parent: str | None, code: str) -> str:
    if name not in areas:
        areas[name] = (await area_store.add_area(SCOPE, connection, Area(new_id(), name, parent, code))).id
    return areas[name]


async def settle(
    storage: Storage, ground: Ground, placed: Mapping[str, Placed], watched: Sequence[WatchedCamera]
) -> int:
    """Gives those of ``watched`` that a rule has just adopted their names and places; how many cameras it were.

    Whoever was moved out of the district's own area, by this or by a person, is left as they are.
    """
    fresh = [camera for camera in watched if camera.area_id == ground.district and camera.host in placed]
    if not fresh:
        return 0
    async with storage.db.write() as connection:
        devices = await device_store.get_devices(SCOPE, connection, [camera.device_id for camera in fresh])
        for device in devices.values():
            at = placed[device.host]
            where = {"area_id": ground.areas[at.area], "unit_id": ground.units[at.unit]}
            if device.area_id == ground.district:
                facts = {**where, "name": at.name, "access_path": at.path}
                await device_store.change_devices(
                    SCOPE, connection, [Edit(device.id, device.version, facts)], act="change"
                )
        for camera in fresh:
            await _settle(connection, ground, placed[camera.host], camera)
    return len(fresh)


async def _settle(connection: Connection, ground: Ground, at: Placed, watched: WatchedCamera) -> None:
    spot = at.spots.get(watched.channel)
    area, unit = ground.areas[at.area], ground.units[at.unit]
    camera = await camera_store.get_camera(SCOPE, connection, watched.camera_id)
    name = spot.name if spot is not None else camera.name
    await camera_store.change_camera(
        SCOPE, connection, camera.id, camera.version, name=name, area_id=area, unit_id=unit
    )
    for binding in await bindings_of_camera(SCOPE, connection, camera.id):
        if binding.until is None:
            point = await point_store.get_point(SCOPE, connection, binding.point_id)
            await point_store.change_point(
                SCOPE,
                connection,
                point.id,
                point.version,
                name=name,
                code=spot.code if spot is not None else point.code,
                extra={**point.extra, "virtual": spot.virtual} if spot is not None else point.extra,
                area_id=area,
                unit_id=ground.units[str(MANAGEMENT)],
                maintenance_unit_id=unit,
                address=at.address,
            )
