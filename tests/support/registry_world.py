"""Wiring: small worlds of areas, units, devices and cameras, with ids that tests can foretell."""

from __future__ import annotations

from datetime import timedelta

from pydantic import SecretStr

from config.scope import Scope
from registry.area import Area
from registry.area_store import add_area
from registry.binding_store import bind
from registry.camera import Camera
from registry.camera_store import add_camera
from registry.checkpoint import Checkpoint, Lane, Part, PartKind
from registry.checkpoint_store import add_checkpoint, add_lane, add_part
from registry.credential_store import set_credentials
from registry.database import Connection, Database, keys_of
from registry.device import Device, DeviceKind
from registry.device_store import add_device
from registry.found_device import FoundDevice
from registry.lifecycle import Lifecycle
from registry.point import Point
from registry.point_store import add_point
from registry.propose import propose
from registry.stream import Stream, StreamRole
from registry.stream_store import put_stream
from registry.unit import Unit
from registry.unit_store import add_unit
from registry.vault import Vault
from registry.window import Window, WindowKind
from registry.window_store import add_window

SYSTEM = Scope.system("test")


async def add_world(db: Database, name: str, number: int, *, cameras: int = 3) -> None:
    """An area ``name`` with a village below it, a unit, a recorder of ``cameras`` channels, a checkpoint, a window
    and a proposal. Ids begin with ``name``; addresses are in 127.``number``.0.0/16."""
    async with db.write() as connection:
        await add_area(SYSTEM, connection, Area(name, f"District {name}"))
        await add_area(SYSTEM, connection, Area(f"{name}-village", f"Village {name}", parent_id=name))
        await add_unit(SYSTEM, connection, Unit(f"{name}-unit", f"Unit {name}"))
        await add_recorder(connection, name, f"127.{number}.0.1", cameras)
        await _add_checkpoint(connection, name)
        now = db.clock.now()
        window = Window(
            f"{name}-window", WindowKind.MAINTENANCE, "pole", name, now, now + timedelta(hours=2), filed_by="Li"
        )
        await add_window(SYSTEM, connection, window)
    found = FoundDevice(host=f"127.{number}.9.9", port=80, how="sweep", serial=f"S-{name}")
    await propose(SYSTEM, db, found, area_id=name, unit_id=f"{name}-unit")


async def add_recorder(connection: Connection, name: str, host: str, channels: int) -> None:
    device_id, unit_id = f"{name}-recorder", f"{name}-unit"
    device = Device(
        device_id,
        f"NVR {name}",
        DeviceKind.RECORDER,
        host,
        80,
        name,
        unit_id,
        Lifecycle.IN_USE,
        serial=f"NVR-{name}",
        access_path=({"kind": "switch", "id": f"{name}-sw", "name": f"SW {name}"},),
    )
    await add_device(SYSTEM, connection, device)
    await set_credentials(SYSTEM, connection, Vault(keys_of(connection)), device_id, "admin", SecretStr(f"pw-{name}"))
    for channel in range(1, channels + 1):
        await add_channel(connection, name, host, channel)


async def add_channel(connection: Connection, name: str, host: str, channel: int) -> None:
    camera_id, point_id = f"{name}-camera-{channel:04}", f"{name}-point-{channel:04}"
    area, unit = f"{name}-village", f"{name}-unit"
    camera = Camera(
        camera_id,
        f"{name}-recorder",
        str(channel),
        f"Camera {channel}",
        area,
        unit,
        channel,
        Lifecycle.IN_USE,
        mask=(((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)),),
    )
    point = Point(point_id, f"Point {channel}", area, unit, unit, lifecycle=Lifecycle.IN_USE, longitude=104.1)
    await add_camera(SYSTEM, connection, camera)
    await add_point(SYSTEM, connection, point)
    await bind(SYSTEM, connection, camera_id, point_id)
    for role in StreamRole:
        url = f"rtsp://{host}:554/{channel}/{role.value}"
        await put_stream(SYSTEM, connection, Stream(f"{camera_id}-{role.value}", camera_id, role, url))


async def _add_checkpoint(connection: Connection, name: str) -> None:
    checkpoint_id = f"{name}-checkpoint"
    await add_checkpoint(SYSTEM, connection, Checkpoint(checkpoint_id, f"Checkpoint {name}", name, f"{name}-unit"))
    await add_lane(SYSTEM, connection, Lane(f"{name}-lane", checkpoint_id, 1))
    await add_part(SYSTEM, connection, Part(f"{name}-part", checkpoint_id, PartKind.RADAR, "Radar", f"{name}-lane"))
