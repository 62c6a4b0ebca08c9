"""Wiring: the relay over virtual cameras, without the rest of the service; and a true WebRTC viewer (aiortc)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from pydantic import SecretStr

from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.timing import Deadlines
from camera_gateway.simulator.camera import VirtualCamera
from camera_gateway.simulator.clip import RING, clip_of
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from camera_gateway.source import SourceHub
from camera_gateway.target import Credentials, StreamTarget
from config.clock import SystemClock
from config.ids import new_id
from streaming.ports import Asked, KnownStream, Opened
from streaming.relay import Relay, RelayRules
from streaming.view_state import Role
from streaming.webrtc.network import IceNetwork


@dataclass
class Rig:
    """``ended`` collects (view id, reason)."""

    fleet: Fleet
    hub: SourceHub
    relay: Relay
    ended: list[tuple[str, str]] = field(default_factory=list)

    def asked(self, camera: VirtualCamera | None = None, role: Role = Role.MAIN, account: str = "li") -> Asked:
        return Asked(new_id(), (camera or self.fleet.cameras[0]).id, account, role)

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Waits for what the loop does, never for time to pass by itself."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0)
                await asyncio.get_running_loop().run_in_executor(None, lambda: None)


async def drawn(fleet: Fleet) -> None:
    """Every picture of every main stream is encoded: what is measured from here on is no virtual camera's slowness."""
    for camera in fleet.cameras:
        key = clip_of(camera, camera.device.streams[0], fleet.spec.seed)
        for look in range(RING):
            await fleet.clips.gop(key, look, whole=True)


class FleetCameras:
    """The registry's part: what streams a camera has."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.given: dict[str, Mapping[Role, KnownStream]] = {}  # in place of the fleet's

    async def streams(self, camera_id: str) -> Mapping[Role, KnownStream]:
        if camera_id in self.given:
            return self.given[camera_id]
        camera = self.fleet.camera(camera_id)
        device = camera.device
        credentials = Credentials(device.user, SecretStr(device.password))
        return {role: KnownStream(StreamTarget(camera.rtsp_url(role.value), credentials, "tcp", 1.0)) for role in Role}


@asynccontextmanager
async def rig(
    cache: Path,
    *,
    rules: RelayRules | None = None,
    network: IceNetwork | None = None,
    idle: float = 0.2,
    deadlines: Deadlines | None = None,
    **spec: Any,
) -> AsyncIterator[Rig]:
    """One virtual camera (640x360 and 320x180, keyframes half a second apart) unless ``spec`` says otherwise."""
    wanted: dict[str, Any] = {"cameras": 1, "listen": "port", "main": (640, 360), "sub": (320, 180), "gop": 0.5}
    fleet = Fleet(FleetSpec(**{**wanted, "cache": cache, **spec}))
    await fleet.start()
    clock = SystemClock()
    reach = Reach(ReachPolicy((ip_network("127.0.0.0/8"),), (range(1024, 65536),), allow_loopback=True))
    hub = SourceHub(
        RtspClient(reach, InMemoryDeviceMemory(clock), clock, deadlines or Deadlines()), clock, random.Random(7), idle
    )
    ice = network or IceNetwork(("127.0.0.1",))
    relay = Relay(hub, FleetCameras(fleet), lambda: ice, clock, random.Random(7), rules)
    made = Rig(fleet, hub, relay)
    relay.on_end = lambda view_id, reason: made.ended.append((view_id, reason))
    try:
        yield made
    finally:
        await relay.close()
        await hub.close()
        await fleet.stop()


class Peer:
    """A viewer: an aiortc peer that decodes what it gets. Always :meth:`close` it."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.transceiver = self.connection.addTransceiver("video", direction="recvonly")
        self.opened: Opened | None = None

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def answer(self, text: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(text, "answer"))

    async def watch(self, made: Rig, asked: Asked | None = None) -> Opened:
        self.opened = await made.relay.open(asked or made.asked(), await self.offer())
        await self.answer(self.opened.answer)
        return self.opened

    async def frame(self, seconds: float = 10.0) -> Any:
        """The next decoded picture (PyAV)."""
        async with asyncio.timeout(seconds):
            return await self.transceiver.receiver.track.recv()

    async def close(self) -> None:
        await self.connection.close()


@asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    made = Peer()
    try:
        yield made
    finally:
        await made.close()
