"""Small virtual fleets on loopback, their clips cached once for the whole run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.timing import Deadlines
from camera_gateway.simulator.camera import VirtualCamera
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from camera_gateway.target import Credentials, StreamTarget
from config.clock import Clock, SystemClock

MakeFleet = Callable[..., Awaitable[Fleet]]


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips", numbered=True)


@pytest.fixture
async def make_fleet(clip_folder: Path) -> AsyncIterator[MakeFleet]:
    """``await make_fleet(cameras=3, ...)``: fields of FleetSpec over small pictures; stopped after the test."""
    fleets: list[Fleet] = []

    async def make(clock: Clock | None = None, **fields: Any) -> Fleet:
        spec = {
            "cameras": 3,
            "main": (320, 180),
            "sub": (160, 88),
            "fps": 10,
            "gop": 0.5,
            "cache": clip_folder,
            "unroutable": False,
            **fields,
        }
        fleet = Fleet(FleetSpec(**spec), clock)
        fleets.append(fleet)
        await fleet.start()
        return fleet

    yield make
    for fleet in fleets:
        await fleet.stop()


@pytest.fixture
def client(new_client: Callable[..., RtspClient]) -> RtspClient:
    return new_client()


@pytest.fixture
def new_client() -> Callable[..., RtspClient]:
    """Clients that know nothing of what others tried; ``stall`` seconds where a busy machine must not be a fault."""
    return _client


def _client(stall: float = 0.9) -> RtspClient:
    clock = SystemClock()
    deadlines = Deadlines(connect=2, reply=1, stall=stall, keyframe=1, total=10, teardown=1)
    return RtspClient(Reach(ReachPolicy.any()), InMemoryDeviceMemory(clock), clock, deadlines)


def target(camera: VirtualCamera, stream: str = "main", transport: str = "tcp") -> StreamTarget:
    credentials = Credentials(camera.user, SecretStr(camera.password))
    return StreamTarget(camera.rtsp_url(stream), credentials, transport, gop_seconds=0.5)


@pytest.fixture(name="target")
def target_fixture() -> Callable[..., StreamTarget]:
    return target
