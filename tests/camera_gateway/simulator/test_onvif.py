"""Edge: the fleet's ONVIF side, beside its RTSP side, as any client sees it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from camera_gateway.attempts import AttemptGate
from camera_gateway.discovery.sweep import Search, discover
from camera_gateway.http import DeviceHttp, HttpDeadlines, HttpRequest
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.onvif import envelope, xml
from camera_gateway.onvif.client import OnvifClient
from camera_gateway.onvif.faults import fault_of
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.timing import Deadlines
from camera_gateway.simulator.camera import VirtualCamera
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.http_server import Request
from camera_gateway.simulator.onvif_device import OnvifDevices
from camera_gateway.target import Credentials, StreamTarget
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from tests.support.onvif_rig import DOCUMENTS, GOOD, utc, virtual_device

MakeFleet = Callable[..., Awaitable[Fleet]]


class Gateway:
    """All that talks to devices, wired as in the service: one memory, one gate."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.memory = InMemoryDeviceMemory(clock)
        self.restart()

    def restart(self) -> None:
        """Everything anew but what was written down."""
        clock, reach = SystemClock(), Reach(ReachPolicy.any())
        gate = AttemptGate(self.memory)
        self.http = DeviceHttp(reach, self.memory, clock, gate=gate, deadlines=HttpDeadlines(2, 3))
        self.onvif = OnvifClient(self.http, self.memory, clock, DOCUMENTS)
        deadlines = Deadlines(connect=2, reply=2, stall=0.5, keyframe=2, total=10, teardown=1)
        self.rtsp = RtspClient(reach, self.memory, clock, deadlines, gate=gate)


def right(camera: VirtualCamera) -> Credentials:
    return Credentials(camera.user, SecretStr(camera.password), "right")


@pytest.mark.parametrize("auth", ["both", "digest", "wsse"])
async def test_wrong_password_is_one_try_over_all_protocols_channels_and_restarts(
    make_fleet: MakeFleet, auth: str
) -> None:
    fleet = await make_fleet(cameras=64, recorders=1, channels=64, auth=auth)
    gateway = Gateway()
    wrong = Credentials(fleet.cameras[0].user, SecretStr("wrong horse"), "wrong")
    first = fleet.cameras[0]
    snapshot = HttpRequest("GET", first.onvif.replace("device_service", "snapshot/1"))
    kinds: list[Kind] = []

    async def attempt(asking: Awaitable[Any]) -> None:
        with pytest.raises(XueliangError) as caught:
            await asking
        kinds.append(caught.value.kind)

    for _ in range(20):
        gateway.restart()
        visit = await gateway.onvif.visit(first.onvif, wrong)
        await asyncio.gather(
            attempt(gateway.onvif.information(visit)),
            attempt(gateway.http.authorized(snapshot, wrong)),
            *(attempt(gateway.rtsp.describe(StreamTarget(c.rtsp, wrong))) for c in fleet.cameras[::16]),
        )
    assert kinds.count(Kind.AUTH) == 1
    assert set(kinds) == {Kind.AUTH, Kind.LOCKED}
    assert sum(fleet.onvif.auth.refused.values()) <= 1
    # The right password gets its own try, at once.
    assert (await gateway.onvif.facts(first.onvif, right(first))).channels
    await gateway.rtsp.describe(StreamTarget(first.rtsp, right(first)))


async def test_what_onvif_says_rtsp_holds(make_fleet: MakeFleet) -> None:
    fleet = await make_fleet(cameras=5, recorders=1, channels=3)
    gateway = Gateway()
    for device in fleet.devices:
        camera = device.channels[0]
        report = await gateway.onvif.facts(camera.onvif, right(camera))
        assert report.identity.serial == device.identity.serial
        assert report.mac == device.identity.mac
        assert [c.main.stream_url for c in report.channels] == [c.rtsp for c in device.channels]
        assert report.channels[0].main.width == 320
        for profile in report.profiles:
            described = await gateway.rtsp.describe(StreamTarget(profile.stream_url, right(camera)))
            assert described is not None
        shown = await gateway.http.authorized(HttpRequest("GET", report.channels[0].main.snapshot_url), right(camera))
        assert shown.status == 200
        assert shown.body.startswith(b"\xff\xd8\xff")


async def test_discovery_finds_the_fleet(make_fleet: MakeFleet) -> None:
    fleet = await make_fleet(cameras=12, recorders=2, channels=3, discovery_port=0)
    assert fleet.discovery is not None
    assert fleet.discovery._socket is not None
    port = fleet.discovery._socket.getsockname()[1]
    search = Search(interface="127.0.0.1", port=port, wait=0.2, rounds=1)
    found = [f async for f in discover(search, SystemClock(), random.Random(1))]
    assert {f.address for f in found} == {d.host for d in fleet.devices}
    assert {f.xaddr for f in found} == {d.channels[0].onvif for d in fleet.devices}


async def test_a_sync_point_is_passed_on() -> None:
    asked: list[str] = []
    device = virtual_device(auth_mode="wsse")
    onvif = OnvifDevices(lambda h, p: device, SystemClock(), sync_point=lambda c, s: asked.append(f"{c.id} {s.name}"))
    for namespace, path in ((envelope.MEDIA1, "media_service"), (envelope.MEDIA2, "media2_service")):
        header = envelope.security(GOOD.user, GOOD.password.get_secret_value(), utc(), path.encode())
        call = envelope.sync_point("ch1_sub", namespace)
        assert (await onvif(_post(path, envelope.envelope(call.body, header)))).status == 200
    assert asked == ["device-1-1 sub", "device-1-1 sub"]


def _post(path: str, body: bytes, **headers: str) -> Request:
    return Request("POST", f"/onvif/{path}", headers, body, "127.0.5.1", 80, ("127.0.0.1", 1))


def _token(created: float = 0.0, password: str = "right horse", nonce: bytes = b"n") -> bytes:
    return envelope.envelope(envelope.INFORMATION.body, envelope.security(GOOD.user, password, utc(created), nonce))


@pytest.mark.parametrize(
    ("strict", "created", "status"), [(True, 0, 200), (True, -10, 400), (True, 10, 400), (False, -10, 200)]
)
async def test_a_strict_device_minds_the_time(strict: bool, created: float, status: int) -> None:
    onvif = OnvifDevices(lambda h, p: virtual_device(auth_mode="wsse", strict=strict), SystemClock())
    assert (await onvif(_post("device_service", _token(created)))).status == status


async def test_a_strict_device_minds_repeats_and_everyone_the_password() -> None:
    device = virtual_device(auth_mode="wsse", strict=True)
    onvif = OnvifDevices(lambda h, p: device, SystemClock())
    once = _token()
    assert [(await onvif(_post("device_service", once))).status for _ in range(2)] == [200, 400]
    refused = await onvif(_post("device_service", _token(password="wrong")))
    fault = fault_of(envelope.body_of(refused.body))
    assert fault is not None
    assert fault.not_authorized
    assert onvif.auth.refused == {device.id: 2}


async def test_a_changed_password_is_wrong_and_a_skewed_clock_shows(make_fleet: MakeFleet) -> None:
    fleet = await make_fleet(cameras=1, auth="digest")
    camera, gateway = fleet.cameras[0], Gateway()
    await fleet.set_fault(camera.id, Fault.CLOCK_SKEW, True, parameter=3600.0)
    answer = await gateway.onvif.clock(camera.onvif)
    assert answer.whole_hours == 1
    await fleet.set_fault(camera.id, Fault.WRONG_PASSWORD, True)
    report = await gateway.onvif.facts(camera.onvif, right(camera))
    assert "auth" in {f.code for f in report.findings}


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"<a/>", b"<Envelope><Body/></Envelope>", b"<!DOCTYPE a><a/>", b"<a>" * 100]
)
async def test_requests_that_are_none_are_faults(body: bytes) -> None:
    onvif = OnvifDevices(lambda h, p: virtual_device(), SystemClock())
    answer = await onvif(_post("device_service", body))
    assert answer.status == 400
    assert xml.name(xml.parse(answer.body)) == "Envelope"


@pytest.mark.parametrize(
    "authorization", ["Digest", "Digest é", 'Digest nonce="x"', "Basic x", "Digest " + "a=b," * 999]
)
async def test_authorizations_that_are_none_are_asked_for_again(authorization: str) -> None:
    onvif = OnvifDevices(lambda h, p: virtual_device(auth_mode="digest"), SystemClock())
    request = _post("device_service", envelope.envelope(envelope.INFORMATION.body), authorization=authorization)
    assert (await onvif(request)).status == 401


async def test_unknown_operations_and_profiles_are_faults_and_other_paths_are_not_there() -> None:
    onvif = OnvifDevices(lambda h, p: virtual_device(auth_mode="wsse"), SystemClock())
    header = envelope.security(GOOD.user, GOOD.password.get_secret_value(), utc(), b"1")
    reboot = envelope.call(envelope.DEVICE, "SystemReboot")
    answer = await onvif(_post("device_service", envelope.envelope(reboot.body, header)))
    fault = fault_of(envelope.body_of(answer.body))
    assert fault is not None
    assert fault.not_supported
    nobody = envelope.envelope(envelope.stream_uri2("none").body, header)
    assert b"NoProfile" in (await onvif(_post("media2_service", nobody))).body
    assert (await onvif(_post("elsewhere", b""))).status == 404
