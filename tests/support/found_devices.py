"""Wiring: a camera and a recorder as discovery finds them, and the steps from there, each in one call."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from config.scope import Scope
from registry.adopt import Adoption, adopt_in
from registry.database import Database
from registry.device import DeviceKind
from registry.found_device import FoundChannel, FoundDevice, FoundStream
from registry.propose import propose
from registry.stream import StreamRole
from registry.tables import bindings, cameras, devices, placements, points, streams
from registry.vault import Vault
from tests.support.registry_world import SYSTEM

CAMERA = FoundDevice(
    "127.3.0.1",
    80,
    "sweep",
    onvif_xaddr="http://127.3.0.1/onvif/device_service",
    make="Maker",
    model="Dome 1",
    firmware="1.0",
    serial="SN-1",
    mac="0a:00:00:00:00:01",
    endpoint_uuid="urn:uuid:1",
)


def channel(number: int, host: str = "127.3.0.2") -> FoundChannel:
    main = FoundStream(StreamRole.MAIN, f"rtsp://{host}/{number}/main", "h264", 1920, 1080, 25.0, 2.0, f"P{number}")
    sub = FoundStream(StreamRole.SUB, f"rtsp://{host}/{number}/sub", "h264", 640, 360)
    return FoundChannel(f"VS{number}", number, f"Gate {number}", (main, sub))


RECORDER = FoundDevice(
    "127.3.0.2",
    8000,
    "multicast",
    DeviceKind.RECORDER,
    make="Maker",
    model="NVR 16",
    serial="SN-2",
    channels=tuple(channel(number) for number in range(1, 17)),
)


def vault(db: Database) -> Vault:
    assert db.keys is not None
    return Vault(db.keys)


async def counts(db: Database) -> list[int]:
    async with db.read() as connection:
        tables = (devices, cameras, points, bindings, streams, placements)
        return [
            (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one() for table in tables
        ]


async def proposed(db: Database, found: FoundDevice) -> str:
    answer = await propose(SYSTEM, db, found, area_id="a")
    assert answer.proposal is not None
    return answer.proposal.id


async def adopt(scope: Scope, db: Database, vault: Vault, proposal_id: str, *, area_id: str, **more: Any) -> Adoption:
    """In a transaction of its own."""
    async with db.write() as connection:
        return await adopt_in(scope, connection, vault, proposal_id, area_id=area_id, **more)
