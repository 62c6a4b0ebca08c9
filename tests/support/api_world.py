"""Wiring: two districts, A and B, with all that the API can tell of: states, evidence, incidents, proposals."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from pydantic import SecretStr

from alerts import incident_rows_store
from alerts.incident import Incident, IncidentKind, IncidentState
from camera_gateway.media.encode import encode_jpeg
from config.scope import Scope
from health import evidence_store, state_store
from health.evidence_store import Evidence, EvidenceKind
from health.observation import Delays, Layer, Link, Measure, Observation, Picture, Tier
from health.picture_files import PictureFiles
from health.state import Change, StateSettings, advance, begin
from health.state_row import Known, picture_summary
from registry.area import Area
from registry.area_store import add_area
from registry.binding_store import bind
from registry.camera import Camera, MaskBy
from registry.camera_store import add_camera
from registry.credential_store import set_credentials
from registry.database import Connection, Database, keys_of
from registry.device import Device, DeviceKind
from registry.device_store import add_device
from registry.found_device import FoundDevice
from registry.lifecycle import Lifecycle
from registry.point import Point
from registry.point_store import add_point
from registry.propose import propose
from registry.unit import Unit
from registry.unit_store import add_unit
from registry.vault import Vault

SYSTEM = Scope.system("test")
#: 32x16 pixels of one grey: a whole picture, as small as one can be.
JPEG = encode_jpeg(np.full((24, 32), 90, np.uint8))
_HEX = {"a": "00000000-0000-7000-8000-00000000000{}", "b": "11111111-1111-7111-8111-11111111111{}"}


def camera_id(name: str, number: int) -> str:
    """Ids as ours look; files are named by them."""
    return _HEX[name].format(number)


def evidence_id(name: str) -> str:
    return camera_id(name, 9)


async def add_district(db: Database, folder: Path, name: str, number: int) -> None:
    """Area ``name`` with a village, unit ``name-unit``, recorder ``name-nvr`` with cameras 1 (ok), 2 (offline, with
    an incident), 3 (never checked) and 4 (masked by the service), points, a proposal, and evidence of camera 2."""
    async with db.write() as connection:
        await add_area(SYSTEM, connection, Area(name, f"District {name}"))
        await add_area(SYSTEM, connection, Area(f"{name}-village", f"Village {name}", parent_id=name))
        await add_unit(SYSTEM, connection, Unit(f"{name}-unit", f"Unit {name}"))
        device = Device(
            f"{name}-nvr",
            f"NVR {name}",
            DeviceKind.RECORDER,
            f"127.{number}.0.1",
            80,
            name,
            f"{name}-unit",
            Lifecycle.IN_USE,
            access_path=({"kind": "switch", "id": f"{name}-sw", "name": "SW"},),
        )
        await add_device(SYSTEM, connection, device)
        vault = Vault(keys_of(connection))
        await set_credentials(SYSTEM, connection, vault, device.id, "admin", SecretStr(f"pw-{name}-secret"))
        for channel in range(1, 5):
            await _add_channel(connection, name, number, channel)
        await _add_states(db, connection, name)
    found = FoundDevice(host=f"127.{number}.9.9", port=80, how="sweep", serial=f"S-{name}")
    await propose(SYSTEM, db, found, area_id=name, unit_id=f"{name}-unit")
    files = PictureFiles(folder)
    files.put_evidence(evidence_id(name), JPEG)
    files.put_last(camera_id(name, 1), JPEG)
    files.put_last(camera_id(name, 4), JPEG)


async def _add_channel(connection: Connection, name: str, number: int, channel: int) -> None:
    mask = (((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)),) if channel == 4 else ()
    camera = Camera(
        camera_id(name, channel),
        f"{name}-nvr",
        str(channel),
        f"Camera {channel} {name}",
        f"{name}-village",
        f"{name}-unit",
        channel,
        Lifecycle.IN_USE,
        gb_id=f"3201150000132000{number:02}{channel:02}",
        mask=mask,
        mask_by=MaskBy.SERVICE if mask else MaskBy.NOBODY,
    )
    point = Point(
        f"{name}-point-{channel}", f"Point {channel}", f"{name}-village", f"{name}-unit", code=f"{name}-{channel}"
    )
    await add_camera(SYSTEM, connection, camera)
    await add_point(SYSTEM, connection, point)
    await bind(SYSTEM, connection, camera.id, point.id)


async def _add_states(db: Database, connection: Connection, name: str) -> None:
    now = db.clock.now()
    for number, seen in ((1, _good), (2, _lost)):
        one = camera_id(name, number)
        state = begin(one, now - timedelta(minutes=15))
        await state_store.begin(SYSTEM, connection, [Known(state)])
        changes: list[Change] = []
        for minutes in (12, 11, 10, 8, 6, 4, 2, 0):  # closer than a liveness sample vouches for
            last = seen(one, now - timedelta(minutes=minutes))
            state, more = advance(state, last, StateSettings())
            changes += more
        known = Known(state, 4, last_picture=picture_summary(last), next_check_at=now + timedelta(seconds=60))
        await state_store.save(SYSTEM, connection, [known])
        await state_store.save_changes(SYSTEM, connection, state, changes)
    since = now - timedelta(minutes=12)
    lost = camera_id(name, 2)
    item = Evidence(evidence_id(name), lost, EvidenceKind.LAST_GOOD, "unreachable", since, now, len(JPEG))
    await evidence_store.add(SYSTEM, connection, item)
    incident = Incident(f"{name}-incident", IncidentKind.OFFLINE, IncidentState.OPEN, "unreachable", since, now, lost)
    await incident_rows_store.insert(Scope.system("alerts"), connection, incident)


def _good(camera: str, at: datetime) -> Observation:
    measures = (Measure("sharpness", 0.8, 0.3, "blurred", "good"), Measure("light", 0.5, 0.1, "black", "good"))
    return Observation(
        camera,
        f"slot/{at.timestamp():.0f}",
        Tier.PICTURE,
        at,
        Link.UP,
        Layer.PICTURE,
        Picture.GOOD,
        delays=Delays(120.0, 200.0, 450.0),
        measures=measures,
        facts={"width": 1920, "height": 1080},
    )


def _lost(camera: str, at: datetime) -> Observation:
    text = "no route to host"
    return Observation(
        camera,
        f"slot/{at.timestamp():.0f}",
        Tier.PICTURE,
        at,
        Link.DOWN,
        Layer.STREAM,
        cause="unreachable",
        detail=text,
    )
