"""Wiring: fixtures of health's tests: both databases, and a small district."""

from __future__ import annotations

from dataclasses import dataclass

import pytest_asyncio

from config.ids import new_id
from config.scope import Scope
from registry.area import Area
from registry.area_store import add_area
from registry.camera import Camera
from registry.camera_store import add_camera
from registry.database import Database
from registry.device import Device, DeviceKind
from registry.device_store import add_device
from registry.stream import Stream, StreamRole
from registry.stream_store import put_stream
from tests.support.databases import (  # noqa: F401  (fixtures are found by name)
    clock,
    database_url,
    db,
    db_kind,
    postgres_folder,
)

SYSTEM = Scope.system("test")


@dataclass(frozen=True, slots=True)
class District:
    """Two areas; ``a`` and ``b`` hold camera ids, each camera a device of its own at 127.0.1.n and 127.0.2.n."""

    area_a: str
    area_b: str
    a: tuple[str, ...]
    b: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return self.a + self.b


async def build_district(database: Database, each: int = 3) -> District:
    areas, held = [], []
    async with database.write() as tx:
        for number in (1, 2):
            area = Area(id=new_id(), name=f"area {number}")
            await add_area(SYSTEM, tx, area)
            areas.append(area.id)
            ids = []
            for n in range(1, each + 1):
                host = f"127.0.{number}.{n}"
                device = Device(
                    id=new_id(), name=f"device {host}", kind=DeviceKind.CAMERA, host=host, port=554, area_id=area.id
                )
                await add_device(SYSTEM, tx, device)
                camera = Camera(id=new_id(), device_id=device.id, token="1", name=f"camera {host}", area_id=area.id)
                await add_camera(SYSTEM, tx, camera)
                stream = Stream(id=new_id(), camera_id=camera.id, role=StreamRole.MAIN, url=f"rtsp://{host}:554/main")
                await put_stream(SYSTEM, tx, stream)
                ids.append(camera.id)
            held.append(tuple(ids))
    return District(areas[0], areas[1], held[0], held[1])


@pytest_asyncio.fixture
async def district(db: Database) -> District:  # noqa: F811
    return await build_district(db)
