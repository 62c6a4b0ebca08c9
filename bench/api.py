"""Wiring: how long the API takes at 7,500 cameras: list, filter, search and the counts of the tree, over HTTP."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from config.clock import ManualClock
from config.ids import new_id
from config.scope import Role
from health.state import State, begin
from health.state_row import Known, to_row
from health.tables import camera_states
from registry.area import Area
from registry.area_store import add_area
from registry.camera import Camera
from registry.database import Connection, Database
from registry.device import Device, DeviceKind
from registry.keys import KeyRing
from registry.lifecycle import Lifecycle
from registry.migrations.run import migrate
from registry.point import Point
from registry.rows_store import columns_of
from registry.tables import bindings, cameras, devices, points
from tests.support.api_rig import SYSTEM, served, storage_of

VILLAGES = 146
LIMIT_MS = 50.0
ASKED = {
    "list": "/api/v1/cameras",
    "list by since": "/api/v1/cameras?sort=-since",
    "filter": "/api/v1/cameras?state=offline&state=fault&sort=since",
    "search": "/api/v1/cameras?q=camera+74",
    "tree counts": "/api/v1/areas",
    "batch of states": "/api/v1/status?limit=200",
}


async def fill(connection: Connection, count: int, now_db: Database) -> None:
    """Cameras of their own device and point, over a district of villages, in every state."""
    dice, now = random.Random(1), now_db.clock.now()
    await add_area(SYSTEM, connection, Area("district", "District"))
    for number in range(VILLAGES):
        await add_area(SYSTEM, connection, Area(f"village-{number}", f"Village {number}", "district"))
    rows: dict[sa.Table, list[dict[str, object]]] = {t: [] for t in (devices, cameras, points, bindings, camera_states)}
    for number in range(count):
        area, device, camera, point = f"village-{number % VILLAGES}", new_id(), new_id(), new_id()
        host, use = f"10.1.{number // 250}.{number % 250}", Lifecycle.IN_USE
        rows[devices].append(columns_of(Device(device, host, DeviceKind.CAMERA, host, 80, area, None, use)))
        name = f"Xinhua Road / Camera {number}"
        rows[cameras].append(columns_of(Camera(camera, device, "1", name, area, None, 1, use, f"3201{number:016}")))
        rows[points].append(columns_of(Point(point, f"Point {number}", area, lifecycle=use, code=f"N-{number:04}")))
        bound = {"id": new_id(), "camera_id": camera, "point_id": point, "since": now, "until": None}
        rows[bindings].append(bound)
        state = to_row(Known(begin(camera, now - timedelta(seconds=dice.random() * 1e6))))
        measures = [{"of": "blurred", "name": "sharpness", "value": 0.5, "threshold": 0.3, "verdict": "good"}] * 10
        state |= {"state": dice.choice(list(State)), "last_at": now, "last_picture": {"measures": measures}}
        rows[camera_states].append(state)
    for table, values in rows.items():
        await connection.execute(sa.insert(table), values)


async def run(count: int, repeats: int) -> dict[str, tuple[float, float]]:
    """Median and 95th percentile in ms, by what was asked, for an operator of the whole district."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'x.db'}"
        db = await Database.open(url, clock=ManualClock(), keys=KeyRing.ephemeral())
        await migrate(db)
        async with db.write() as connection:
            await fill(connection, count, db)
        found = {}
        async with served(storage_of(db, Path(folder) / "data")) as rig:
            client = await rig.token("bench", Role.OPERATOR, area="district")
            for name, path in ASKED.items():
                taken = []
                for _ in range(repeats + 3):
                    began = time.perf_counter()
                    answered = await client.get(path)
                    taken.append((time.perf_counter() - began) * 1e3)
                    if answered.status != 200:
                        raise RuntimeError(f"{path}: {answered.status}")
                taken = sorted(taken[3:])
                found[name] = taken[len(taken) // 2], taken[int(len(taken) * 0.95)]
        await db.close()
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.api")
    parser.add_argument("--cameras", type=int, default=7500)
    parser.add_argument("--repeats", type=int, default=200)
    options = parser.parse_args(arguments)
    found = asyncio.run(run(options.cameras, options.repeats))
    for name, (median, high) in found.items():
        mark = "" if high <= LIMIT_MS else f"  over {LIMIT_MS:.0f} ms"
        sys.stdout.write(f"{name:16} p50 {median:6.1f} ms  p95 {high:6.1f} ms{mark}\n")
    return 0 if all(high <= LIMIT_MS for _, high in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
