"""Wiring: virtual ONVIF devices on loopback and a client for them, for the tests of several rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from camera_gateway.http import DeviceHttp, HttpDeadlines
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.onvif.client import OnvifClient
from camera_gateway.onvif.soap import SoapDocuments
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.simulator.camera import Identity, StreamShape, VirtualCamera, VirtualDevice
from camera_gateway.simulator.http_server import HttpServer, Request, Response
from camera_gateway.simulator.onvif_device import OnvifDevices
from camera_gateway.target import Credentials
from config.clock import SystemClock

MAIN = StreamShape("main", 1920, 1080, 25, 2.0)
SUB = StreamShape("sub", 640, 360, 15, 2.0)
GOOD = Credentials("admin", SecretStr("right horse"), "fingerprint-1")
WRONG = Credentials("admin", SecretStr("wrong horse"), "fingerprint-2")

#: Parsed once for the whole run, as in the service.
DOCUMENTS = SoapDocuments()


def virtual_device(host: str = "127.0.5.1", channels: int = 1, **changes: Any) -> VirtualDevice:
    number = host.rpartition(".")[2]
    values: dict[str, Any] = {
        "id": f"device-{number}",
        "host": host,
        "rtsp_port": 554,
        "onvif_port": 80,
        "user": GOOD.user,
        "password": GOOD.password.get_secret_value(),
        "identity": Identity("Virtual", "VC-1", "1.0.3", f"SN{number}", f"02:00:00:00:00:{int(number):02x}", "rev <A>"),
        "streams": (MAIN, SUB),
        "recorder": channels > 1,
    }
    device = VirtualDevice(**{**values, **changes})
    device.channels = [VirtualCamera(f"{device.id}-{n}", device, n, site=1) for n in range(1, channels + 1)]
    return device


@dataclass(slots=True)
class Rig:
    devices: dict[str, VirtualDevice]
    onvif: OnvifDevices
    port: int
    memory: InMemoryDeviceMemory
    http: DeviceHttp
    client: OnvifClient
    requests: list[Request] = field(default_factory=list)

    def xaddr(self, host: str = "127.0.5.1") -> str:
        return f"http://{host}:{self.port}/onvif/device_service"

    @property
    def refused(self) -> int:
        return sum(self.onvif.auth.refused.values())


Wrap = Callable[[Request, Response], Response]


def reach() -> Reach:
    return Reach(ReachPolicy.any())


@asynccontextmanager
async def onvif_rig(*devices: VirtualDevice, wrap: Wrap | None = None, answer: float = 20.0) -> AsyncIterator[Rig]:
    """``wrap`` may spoil an answer before it leaves."""
    clock = SystemClock()
    by_host = {d.host: d for d in devices}
    onvif = OnvifDevices(lambda host, port: by_host.get(host), clock, snapshot=_picture)
    seen: list[Request] = []

    async def handle(request: Request) -> Response:
        seen.append(request)
        response = await onvif(request)
        return wrap(request, response) if wrap else response

    server = HttpServer(handle, gate=lambda host, port: by_host[host].gate())
    port = await server.start("0.0.0.0")
    for device in devices:
        device.onvif_port = port
    memory = InMemoryDeviceMemory(clock)
    http = DeviceHttp(reach(), memory, clock, deadlines=HttpDeadlines(10.0, answer))
    try:
        yield Rig(by_host, onvif, port, memory, http, OnvifClient(http, memory, clock, DOCUMENTS), seen)
    finally:
        await server.stop()


async def _picture(camera: VirtualCamera) -> bytes:
    return b"\xff\xd8" + camera.id.encode() + b"\xff\xd9"


def utc(seconds: float = 0.0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
