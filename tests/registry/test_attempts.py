"""A recorder of 64 channels, RTSP and ONVIF together, a wrong password and twenty restarts: one refused login."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydantic import SecretStr

from camera_gateway.attempts import AttemptGate
from camera_gateway.http import DeviceHttp
from camera_gateway.onvif.client import OnvifClient
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from camera_gateway.target import Credentials, StreamTarget
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from registry.database import Database
from registry.memory_store import StoredDeviceMemory
from registry.migrations.run import migrate

CHANNELS = 64
RESTARTS = 20


async def one_life(fleet: Fleet, url: str, wrong: Credentials) -> set[Kind]:
    """What a process hears that asks every channel and the device itself at once."""
    clock = SystemClock()
    db = await Database.open(url, clock=clock)
    try:
        memory = StoredDeviceMemory(db, clock)
        gate, reach = AttemptGate(memory), Reach(ReachPolicy.any())
        rtsp = RtspClient(reach, memory, clock, gate=gate)
        onvif = OnvifClient(DeviceHttp(reach, memory, clock, gate=gate), memory, clock)
        kinds: set[Kind] = set()

        async def describe(stream: str) -> None:
            try:
                await rtsp.describe(StreamTarget(stream, wrong))
            except XueliangError as error:
                kinds.add(error.kind)

        cameras = fleet.document()["cameras"]
        assert isinstance(cameras, list)
        visits = [onvif.facts(cameras[0]["onvif"], wrong)]
        await asyncio.gather(*visits, *(describe(camera["rtsp"]) for camera in cameras))
        return kinds
    finally:
        await db.close()


async def test_64_channels_both_protocols_wrong_password_20_restarts_one_attempt(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'xueliang.db'}"
    db = await Database.open(url)
    await migrate(db)
    await db.close()
    fleet = Fleet(FleetSpec(cameras=CHANNELS, recorders=1, channels=CHANNELS, cache=tmp_path / "clips"))
    await fleet.start()
    try:
        wrong = Credentials(fleet.devices[0].user, SecretStr("not theirs"), "secret-1:1")
        kinds = [await one_life(fleet, url, wrong) for _ in range(RESTARTS)]
        assert sum(fleet.onvif.auth.refused.values()) + sum(fleet.rtsp.refused.values()) == 1
    finally:
        await fleet.stop()
    assert kinds[0] <= {Kind.AUTH, Kind.LOCKED}
    assert kinds[1:] == [{Kind.LOCKED}] * (RESTARTS - 1)
