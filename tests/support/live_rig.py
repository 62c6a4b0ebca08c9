"""Wiring: the API with live pictures over virtual cameras: registered, with their passwords, without the engine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from camera_gateway.source import SourceHub
from center.live_views import LiveViews
from config.clock import SystemClock
from config.scope import Role as Duty
from config.scope import Scope
from config.settings_cameras import Reach as CameraReach
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
from registry.view import RegisterRow, ViewMoment
from registry.view_register_store import page
from tests.support.api_rig import Answered, Client, Rig, served, storage_of
from tests.support.relay_rig import Peer

SYSTEM = Scope.system("test")
SDP = "application/sdp"


@dataclass
class LiveRig:
    """Cameras are called ``camera-0``, ``camera-1``, ... in the area ``town``; ``li`` is an operator there."""

    fleet: Fleet
    rig: Rig
    views: LiveViews
    li: Client
    hub: SourceHub
    book: WatchBook

    async def add(self, name: str, url: str, sub: str | None = None) -> None:
        """One more camera in the town, somebody else's server, without a password."""
        host, port = urlsplit(url).hostname or "", urlsplit(url).port or 554
        async with self.rig.db.write() as connection:
            device = Device(
                f"{name}-device", name, DeviceKind.CAMERA, host, port, "town", None, lifecycle=Lifecycle.IN_USE
            )
            await add_device(SYSTEM, connection, device)
            camera = Camera(name, device.id, "1", name, "town", lifecycle=Lifecycle.IN_USE)
            await add_camera(SYSTEM, connection, camera)
            for role, address in ((StreamRole.MAIN, url), (StreamRole.SUB, sub)):
                if address is not None:
                    await put_stream(SYSTEM, connection, Stream(f"{name}-{role}", name, role, address))
        await self.book.refresh()

    async def ticket(self, number: int = 0, **body: Any) -> str:
        answered = await self.li.post(f"/api/v1/cameras/camera-{number}/views", body)
        assert answered.status == 201, answered
        return str(answered.json["ticket"])

    async def whep(
        self, method: str, path: str, bearer: str | None, body: str = "", kind: str = SDP, **headers: str
    ) -> Answered:
        """Without a cookie, as any WHEP client."""
        client = Client(self.rig.url, browser=False)
        given = {"authorization": f"Bearer {bearer}" if bearer else None, "content-type": kind, **headers}
        return await client.send(method, path, None, body.encode(), **given)

    async def watch(self, viewer: Peer, number: int = 0, stream: str = "main", **body: Any) -> tuple[str, str]:
        """(place of the session, ticket)."""
        ticket = await self.ticket(number, **body)
        answered = await self.whep("POST", f"/whep/camera-{number}?stream={stream}", ticket, await viewer.offer())
        assert answered.status == 201, answered
        await viewer.answer(answered.body.decode())
        return answered.headers["location"], ticket

    async def register(self) -> list[RegisterRow]:
        """Oldest first."""
        async with self.rig.db.read() as connection:
            rows, _ = await page(SYSTEM, connection, limit=500)
        return rows[::-1]

    async def ends(self) -> list[str]:
        return [row.reason or "" for row in await self.register() if row.moment is ViewMoment.END]

    async def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        """``condition`` may be a coroutine function."""
        async with asyncio.timeout(seconds):
            while True:
                found = condition()
                if await found if asyncio.iscoroutine(found) else found:
                    return
                await asyncio.get_running_loop().run_in_executor(None, lambda: None)


@asynccontextmanager
async def live(
    folder: Path,
    cache: Path,
    *,
    streaming: dict[str, Any] | None = None,
    camera_networks: Sequence[str] = (),
    at: str = "127.0.0.1",
    **spec: Any,
) -> AsyncIterator[LiveRig]:
    """``camera_networks`` are what viewers' candidates are held against; ``at`` is where the service listens."""
    wanted: dict[str, Any] = {"cameras": 1, "listen": "port", "main": (640, 360), "sub": (320, 180), "gop": 0.5}
    fleet = Fleet(FleetSpec(**{**wanted, "cache": cache, **spec}))
    await fleet.start()
    db = await Database.open(f"sqlite:///{folder / 'live.db'}", clock=SystemClock(), keys=KeyRing.ephemeral())
    try:
        await migrate(db)
        await _register(db, fleet)
        storage = storage_of(db, folder / "data")
        more = Streaming.model_validate({"ice_port_range": "0", **(streaming or {})})
        cameras = CameraReach.model_validate({"networks": list(camera_networks)})
        settings = storage.settings.model_copy(update={"streaming": more, "reach": cameras})
        storage = replace(storage, settings=settings)
        async with served(storage, listen=f"{at}:0") as rig:
            reach = Reach(ReachPolicy((ip_network("127.0.0.0/8"),), (range(1024, 65536),), allow_loopback=True))
            hub = SourceHub(RtspClient(reach, storage.memory, db.clock), db.clock, random.Random(3), 0.2)
            book = WatchBook(db, storage.vault)
            await book.refresh()
            views = LiveViews(storage.settings, hub, book, db, random.Random(3))
            await views.start()
            rig.core.live_views, rig.core.views.on_end = views, views.revoked
            try:
                yield LiveRig(fleet, rig, views, await rig.user("li", Duty.OPERATOR, area="town"), hub, book)
            finally:
                await views.close()
                await hub.close()
    finally:
        await db.close()
        await fleet.stop()


async def _register(db: Database, fleet: Fleet) -> None:
    async with db.write() as connection:
        await add_area(SYSTEM, connection, Area("town", "Town"))
        await add_area(SYSTEM, connection, Area("elsewhere", "Elsewhere"))
        for number, camera in enumerate(fleet.cameras):
            device = Device(
                f"device-{number}",
                f"Device {number}",
                DeviceKind.CAMERA,
                camera.device.host,
                camera.device.onvif_port or 80,
                "town",
                None,
                Lifecycle.IN_USE,
            )
            await add_device(SYSTEM, connection, device)
            vault = Vault(keys_of(connection))
            password = SecretStr(camera.device.password)
            await set_credentials(SYSTEM, connection, vault, device.id, camera.device.user, password)
            one = Camera(f"camera-{number}", device.id, "1", f"Camera {number}", "town", lifecycle=Lifecycle.IN_USE)
            await add_camera(SYSTEM, connection, one)
            for role in StreamRole:
                url = camera.rtsp_url(role.value)
                await put_stream(SYSTEM, connection, Stream(f"{one.id}-{role.value}", one.id, role, url))
