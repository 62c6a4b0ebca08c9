"""Wiring: the judged side of ``bench.api``: a database of a whole district, and the API over it as a process.

``python -m bench.api_service URL FOLDER CAMERAS`` prints one JSON line once it serves and ends when its standard input
closes.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import uvloop

from center.api.feed_position import sealed
from config.clock import SystemClock
from config.ids import new_id
from config.scope import Role
from health.observation import Layer, Link, Measure, Observation, Picture, Tier
from health.state import Aspect, State, begin
from health.state_row import Known, picture_summary, to_row
from health.tables import camera_states, state_changes, state_intervals
from registry.area import Area
from registry.area_store import add_area
from registry.camera import Camera
from registry.change_feed import Head, Told
from registry.change_feed_store import head, record_many
from registry.database import Connection, Database
from registry.device import Device, DeviceKind
from registry.keys import KeyRing
from registry.lifecycle import Lifecycle
from registry.migrations.run import migrate
from registry.point import Point
from registry.rows_store import columns_of
from registry.tables import bindings, cameras, devices, points
from tests.support.api_rig import SYSTEM, served, storage_of

#: As many as one district of the kind has.
VILLAGES = 146
#: Cameras of a screen, whose bars are asked for; each changed so often in a day.
BARS, CHANGES_A_DAY = 60, 30
TABLES = (devices, cameras, points, bindings, camera_states, state_changes, state_intervals)
#: Changes of a camera: added with its device and point, and its first states.
STEPS = ("device", "camera", "point", "state", "state")


def gb_id(number: int) -> str:
    return f"32011500001320{number:06}"


def camera_id(number: int) -> str:
    """As long as ours are."""
    return f"00000000-0000-7000-8000-{number:012}"


async def fill(connection: Connection, count: int, db: Database) -> None:
    """Cameras of their own device and point, over a district of villages, in every state."""
    dice, now = random.Random(1), db.clock.now()
    await add_area(SYSTEM, connection, Area("district", "新华区"))
    for number in range(VILLAGES):
        await add_area(SYSTEM, connection, Area(f"village-{number}", f"第{number}村", "district"))
    rows: dict[sa.Table, list[dict[str, object]]] = {t: [] for t in TABLES}
    told: list[Told] = []
    for number in range(count):
        area, device, camera, point = f"village-{number % VILLAGES}", new_id(), camera_id(number), new_id()
        host, use = f"10.1.{number // 250}.{number % 250}", Lifecycle.IN_USE
        rows[devices].append(columns_of(Device(device, host, DeviceKind.CAMERA, host, 80, area, None, use)))
        name = f"新华路与解放街路口 {number} 号枪机"
        rows[cameras].append(columns_of(Camera(camera, device, "1", name, area, None, 1, use, gb_id(number))))
        rows[points].append(columns_of(Point(point, f"路口 {number}", area, lifecycle=use, code=f"N-{number:04}")))
        bound = {"id": new_id(), "camera_id": camera, "point_id": point, "since": now, "until": None}
        rows[bindings].append(bound)
        rows[camera_states].append(_state(camera, dice, db))
        rows[state_changes].append(_turned(camera, number, db))
        rows[state_intervals] += _intervals(camera, db) if number < BARS else []
        ids = {"device": device, "camera": camera, "point": point, "state": camera}
        told += [Told(kind, ids[kind], area, None, _payload(kind, rows[camera_states][-1])) for kind in STEPS]
    for table, values in rows.items():
        await connection.execute(sa.insert(table), values)
    await record_many(connection, told)


def _state(camera: str, dice: random.Random, db: Database) -> dict[str, Any]:
    """As wide as rows are once a camera was looked at: ten measures beside the memory of its runs."""
    now = db.clock.now()
    row = to_row(Known(begin(camera, now - timedelta(seconds=dice.random() * 1e6))))
    measures = (Measure("sharpness", 0.5, 0.3, "blurred", "good"),) * 10
    seen = Observation(camera, "slot/1", Tier.PICTURE, now, Link.UP, Layer.PICTURE, Picture.GOOD, measures=measures)
    return row | {"state": dice.choice(list(State)), "last_at": now, "last_picture": picture_summary(seen)}


def _turned(camera: str, number: int, db: Database) -> dict[str, Any]:
    """Every camera changed once in the last hour: the worst that the page of the present is asked after."""
    at = db.clock.now() - timedelta(seconds=number % 3000)
    words = {"old": State.OFFLINE.value, "new": State.OK.value, "cause": "", "probe_id": "slot/1"}
    return {"camera_id": camera, "aspect": Aspect.STATE, "since": at, "at": at, **words}


def _intervals(camera: str, db: Database) -> list[dict[str, Any]]:
    now, step = db.clock.now(), timedelta(days=1) / CHANGES_A_DAY
    return [
        {
            "camera_id": camera,
            "aspect": Aspect.STATE,
            "value": (State.OK, State.OFFLINE)[number % 2].value,
            "cause": "",
            "starts": now - step * (number + 1),
            "ends": now - step * number if number else None,
        }
        for number in range(CHANGES_A_DAY)
    ]


def _payload(kind: str, state: dict[str, Any]) -> dict[str, Any]:
    if kind != "state":
        return {"act": "added", "version": 1}
    since = state["since"].isoformat()
    return {"state": state["state"].value, "old": "unknown", "cause": "", "since": since, "link": "up"}


async def serve(url: str, folder: Path, count: int) -> None:
    db = await Database.open(url, clock=SystemClock(), keys=KeyRing.ephemeral())
    try:
        await migrate(db)
        async with db.write() as connection:
            await fill(connection, count, db)
        await db.checkpoint()
        async with db.read() as connection:
            epoch = (await head(SYSTEM, connection)).epoch
        async with served(storage_of(db, folder)) as rig:
            district = await rig.token("district", Role.OPERATOR, area="district")
            village = await rig.token("village", Role.OPERATOR, area="village-7")
            assert db.keys is not None
            told = {
                "url": rig.url,
                "district": district.token,
                "village": village.token,
                "start": sealed(db.keys, Head(epoch, 0)),
            }
            print(json.dumps(told), flush=True)
            await asyncio.to_thread(sys.stdin.read)
    finally:
        await db.close()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
