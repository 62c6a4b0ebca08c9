"""Wiring: the judged service: API, WHEP, register and relay over the cameras of the feed, as ``serve`` builds them.

``python -m bench.relay_service FOLDER ADDRESS`` reads the feed's document, prints one JSON line once it serves, answers
one JSON line with another (tickets, lag) and ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import uvloop
from pydantic import SecretStr

from bench.fleet import raise_file_limit
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.source import SourceHub
from center.live_views import LiveViews
from config.clock import SystemClock
from config.scope import Role, Scope
from config.settings_streaming import Streaming
from health.watch_book import WatchBook
from registry.area import Area
from registry.area_store import add_area
from registry.camera import Camera
from registry.camera_store import add_camera
from registry.credential_store import set_credentials
from registry.database import Database, keys_of
from registry.device import Device, DeviceKind
from registry.device_store import add_device
from registry.keys import KeyRing
from registry.lifecycle import Lifecycle
from registry.migrations.run import migrate
from registry.stream import Stream, StreamRole
from registry.stream_store import put_stream
from registry.vault import Vault
from registry.view import PER_PRINCIPAL
from tests.support.api_rig import Client, Rig, served, storage_of

SYSTEM = Scope.system("bench")
#: So many views a login, within what one principal may have open.
VIEWS_A_LOGIN = min(50, PER_PRINCIPAL)
LAG_EVERY = 0.01


async def _register(db: Database, cameras: list[dict[str, Any]]) -> None:
    async with db.write() as connection:
        await add_area(SYSTEM, connection, Area("town", "Town"))
        for number, told in enumerate(cameras):
            name, use = f"camera-{number}", Lifecycle.IN_USE
            device = Device(name, name, DeviceKind.CAMERA, told["host"], told["port"], "town", None, use)
            await add_device(SYSTEM, connection, device)
            password = SecretStr(told["password"])
            await set_credentials(SYSTEM, connection, Vault(keys_of(connection)), name, told["user"], password)
            await add_camera(SYSTEM, connection, Camera(name, name, "1", name, "town", lifecycle=use))
            for role in StreamRole:
                await put_stream(SYSTEM, connection, Stream(f"{name}-{role}", name, role, told[role.value]))


class Service:
    """What the bench may ask."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._clients: list[Client] = []
        self._made = 0
        self._lag: list[float] = []
        self._sampling: asyncio.TimerHandle | None = None

    async def answer(self, question: dict[str, Any]) -> Any:
        match question["ask"]:
            case "tickets":
                return [await self._ticket(str(camera)) for camera in question["cameras"]]
            case "lag":
                return self._lag_begins() if question["on"] else self._lag_ends()
            case _:
                raise ValueError(question["ask"])

    async def _ticket(self, camera: str) -> str:
        if self._made % VIEWS_A_LOGIN == 0:
            name = f"operator-{len(self._clients)}"
            self._clients.append(await self._rig.user(name, Role.OPERATOR, area="town"))
        self._made += 1
        answered = await self._clients[-1].post(f"/api/v1/cameras/{camera}/views", {})
        if answered.status != 201:
            raise RuntimeError(f"no ticket: {answered.status} {answered.body[:300]!r}")
        return str(answered.json["ticket"])

    def _lag_begins(self) -> bool:
        self._lag.clear()
        self._sample(None)
        return True

    def _sample(self, due: float | None) -> None:
        """How late a timer is: what a viewer's reports, consent checks and pictures wait for their turn."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if due is not None:
            self._lag.append(time.monotonic() - due)
        self._sampling = loop.call_at(now + LAG_EVERY, self._sample, now + LAG_EVERY)

    def _lag_ends(self) -> list[float]:
        if self._sampling is not None:
            self._sampling.cancel()
        return self._lag


@asynccontextmanager
async def _service(folder: Path, address: str, cameras: list[dict[str, Any]]) -> AsyncIterator[tuple[Rig, Service]]:
    db = await Database.open(f"sqlite:///{folder / 'relay.db'}", clock=SystemClock(), keys=KeyRing.ephemeral())
    try:
        await migrate(db)
        await _register(db, cameras)
        storage = storage_of(db, folder / "data")
        streaming = Streaming.model_validate(
            {
                "addresses": [address],
                "ice_port_range": "0",
                "max_viewers": 1000,
                "max_per_camera": 1000,
                "linger_seconds": 120.0,  # every stream stays open between two repeats
            }
        )
        storage = replace(storage, settings=storage.settings.model_copy(update={"streaming": streaming}))
        async with served(storage) as rig:
            reach = Reach(ReachPolicy((ip_network("127.0.0.0/8"),), (range(1024, 65536),), allow_loopback=True))
            hub = SourceHub(RtspClient(reach, storage.memory, db.clock), db.clock, random.Random(3))
            book = WatchBook(db, storage.vault)
            await book.refresh()
            views = LiveViews(storage.settings, hub, book, db, random.Random(3))
            await views.start()
            rig.core.live_views, rig.core.views.on_end = views, views.revoked
            try:
                yield rig, Service(rig)
            finally:
                await views.close()
                await hub.close()
    finally:
        await db.close()


async def serve(folder: Path, address: str) -> None:
    cameras = json.loads(sys.stdin.readline())["cameras"]
    async with _service(folder, address, cameras) as (rig, service):
        print(json.dumps({"url": rig.url}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await service.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    raise_file_limit()
    uvloop.run(serve(Path(sys.argv[1]), sys.argv[2]))
