"""The fleet as a whole: addresses, groups, plans, control, size."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from camera_gateway.simulator.camera import VirtualCamera, VirtualDevice
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from camera_gateway.simulator.plan import Step
from camera_gateway.simulator.routes import Routes
from config.clock import ManualClock
from config.errors import Kind, XueliangError


async def call(
    fleet: Fleet, method: str, path: str, body: object = None, token: str | None = None
) -> tuple[int, dict[str, Any]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", fleet.control_port)
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    held = fleet.control_token if token is None else token
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {held}\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    top, _, text = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(text) if text else {}


async def test_the_document(make_fleet: Any) -> None:
    fleet = await make_fleet(cameras=5, recorders=1, channels=2)
    document = fleet.document()
    assert json.loads(json.dumps(document)) == document
    assert set(document) == {"cameras", "control"}
    assert set(document["control"]) == {"url", "token"}
    for camera in document["cameras"]:
        assert set(camera) == {"id", "rtsp", "onvif", "user", "password"}
        assert camera["rtsp"].startswith("rtsp://127.")
        assert camera["password"] not in camera["rtsp"]
    assert len({c["rtsp"] for c in document["cameras"]}) == 5
    assert len({c["rtsp"].split("/")[2] for c in document["cameras"]}) == 4


@pytest.mark.parametrize("listen", ["wildcard", "address", "port"])
async def test_places_are_distinct_and_found(make_fleet: Any, listen: str) -> None:
    fleet = await make_fleet(cameras=6, recorders=1, channels=3, listen=listen)
    for camera in fleet.cameras:
        device = camera.device
        assert fleet.find(device.host, device.rtsp_port) is device
        assert fleet.find(device.host, device.onvif_port) is device
    places = {(d.host, d.rtsp_port) for d in fleet.devices}
    assert len(places) == len(fleet.devices) == 4
    assert fleet.find("127.250.1.1", 1) is None


async def test_the_control_needs_its_token(make_fleet: Any) -> None:
    fleet = await make_fleet()
    for token in ("", "wrong", fleet.control_token[:-1], fleet.control_token + "x"):
        for method, path in (("GET", "/truth"), ("POST", "/cameras/cam-0001/faults"), ("GET", "/nothing")):
            status, problem = await call(fleet, method, path, {"fault": "black", "on": True}, token=token)
            assert status == 401
            assert fleet.control_token not in json.dumps(problem)
    assert fleet.truth("cam-0001")["healthy"]


async def test_the_control_switches_and_tells(make_fleet: Any) -> None:
    clock = ManualClock()
    fleet = await make_fleet(clock=clock, cameras=4, recorders=1, channels=2)
    assert (await call(fleet, "GET", "/truth"))[1]["total"] == 4
    status, told = await call(fleet, "POST", "/cameras/cam-0001/faults", {"fault": "stall", "on": True, "parameter": 3})
    assert (status, told["changed"], told["expected"]) == (200, True, ["stalled", "no_stream"])
    assert told["faults"] == [{"fault": "stall", "since": clock.now().isoformat(), "parameter": 3.0}]
    await clock.advance(60)
    await call(fleet, "POST", "/cameras/cam-0001/faults", {"fault": "stall", "on": False})
    _, told = await call(fleet, "GET", "/cameras/cam-0001")
    assert told["healthy"]
    assert [(c["on"], c["by"]) for c in told["changes"]] == [(True, "control"), (False, "control")]
    assert told["changes"][1]["at"] == clock.now().isoformat()
    assert "password" not in told
    status, answer = await call(fleet, "POST", "/groups/link-01/faults", {"fault": "link_lost", "on": True})
    assert (status, answer["changed"]) == (200, 3)
    _, page = await call(fleet, "GET", "/truth?offset=1&limit=2")
    assert [c["expected"] for c in page["cameras"]] == [["timeout", "unreachable"]] * 2
    assert (await call(fleet, "GET", "/groups"))[1] == {"link-01": ["rec-01", "cam-0001", "cam-0002"]}
    assert set((await call(fleet, "GET", "/faults"))[1]) == set(Fault)
    assert (await call(fleet, "GET", "/cameras"))[1]["cameras"][0]["recorder"] == "rec-01"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", None, 404),
        ("GET", "/cameras/none", None, 404),
        ("GET", "/truth?limit=x", None, 400),
        ("POST", "/cameras/cam-0001/faults", b"{", 400),
        ("POST", "/cameras/cam-0001/faults", [], 400),
        ("POST", "/cameras/cam-0001/faults", {"fault": "x", "on": True}, 400),
        ("POST", "/cameras/cam-0001/faults", {"fault": {}, "on": True}, 400),
        ("POST", "/cameras/cam-0001/faults", {"fault": "black", "on": 1}, 400),
        ("POST", "/cameras/cam-0001/faults", {"fault": "black", "on": True, "parameter": 3}, 400),
        ("POST", "/cameras/cam-0001/faults", {"fault": "stall", "on": True, "parameter": "3"}, 400),
        ("POST", "/cameras/cam-0001/faults", b"[" * 200_000, 400),
        ("POST", "/cameras/cam-0001/faults", b"x" * 300_000, 413),
        ("POST", "/groups/none/faults", {"fault": "black", "on": True}, 404),
    ],
)
async def test_bad_control_requests_change_nothing(
    make_fleet: Any, method: str, path: str, body: Any, status: int
) -> None:
    fleet = await make_fleet()
    try:
        answer, problem = await call(fleet, method, path, body)
    except ConnectionError:
        assert status == 413  # closed while the rest was still being sent
    else:
        assert answer == status
        assert status == 413 or problem["status"] == status
    assert all(not c.faults for c in fleet.cameras)


async def test_a_reboot_ends_by_itself(make_fleet: Any) -> None:
    clock = ManualClock()
    fleet = await make_fleet(clock=clock, cameras=1, listen="address")
    await fleet.set_fault("cam-0001", Fault.REBOOT, True, parameter=30)
    assert fleet.truth("cam-0001")["expected"] == ["refused"]
    await clock.advance(29)
    assert not fleet.truth("cam-0001")["healthy"]
    await clock.advance(2)
    assert fleet.truth("cam-0001")["healthy"]
    assert fleet.truth("cam-0001", history=True)["changes"][-1]["by"] == "device"


async def test_a_plan_is_followed_at_its_times(make_fleet: Any) -> None:
    clock = ManualClock()
    fleet = await make_fleet(clock=clock, cameras=3)
    begun = clock.now()
    fleet.follow(
        [
            Step(10, Fault.BLACK, True, ("cam-0001", "cam-0002")),
            Step(20, Fault.BLACK, False, ("cam-0001",)),
            Step(20, Fault.CLOCK_SKEW, True, (), "link-01", 60.0),
        ]
    )
    await clock.advance(9)
    assert all(fleet.truth(c.id)["healthy"] for c in fleet.cameras)
    await clock.advance(2)
    assert [fleet.truth(c.id)["expected"] for c in fleet.cameras] == [["black"], ["black"], []]
    await clock.advance(10)
    assert [fleet.truth(c.id)["expected"] for c in fleet.cameras] == [[], ["black"], []]
    assert {c.clock_skew for c in fleet.cameras} == {60.0}
    first = fleet.truth("cam-0001", history=True)["changes"][0]
    assert (first["by"], first["at"]) == ("plan", begun.replace(second=10).isoformat())


async def test_strangers_answer_and_are_no_part_of_the_fleet(make_fleet: Any) -> None:
    fleet = await make_fleet(cameras=5, recorders=1, channels=2, links=3, strangers=2)
    assert [camera.id for camera in fleet.cameras] == ["rec-01-ch1", "rec-01-ch2", "cam-0001", "cam-0002", "cam-0003"]
    assert {name: [device.id for device in held] for name, held in fleet.groups.items()} == {
        "link-01": ["rec-01", "cam-0003"],
        "link-02": ["cam-0001"],
        "link-03": ["cam-0002"],
    }
    strangers = fleet.document()["strangers"]
    assert [stranger["id"] for stranger in strangers] == ["new-01", "new-02"]
    assert all(stranger.keys() == {"id", "rtsp", "onvif", "user", "password"} for stranger in strangers)
    assert [one["id"] for one in (await call(fleet, "GET", "/truth"))[1]["cameras"]] == [c.id for c in fleet.cameras]
    assert len(fleet.devices) == 6
    assert all(fleet.find(device.host, 0) or fleet.find("", device.rtsp_port) for device in fleet.devices)


async def test_unknown_cameras_groups_and_parameters(make_fleet: Any) -> None:
    fleet = await make_fleet()
    for work, kind in (
        (fleet.set_fault("cam-9", Fault.BLACK, True), Kind.NOT_FOUND),
        (fleet.set_group_fault("x", Fault.BLACK, True), Kind.NOT_FOUND),
        (fleet.set_fault("cam-0001", Fault.MOVED, True, parameter=7), Kind.INVALID),
    ):
        with pytest.raises(XueliangError) as caught:
            await work
        assert caught.value.kind is kind


async def test_a_port_that_is_taken_is_said_and_nothing_stays_open(clip_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        fleet = Fleet(FleetSpec(1, control_port=taken.getsockname()[1], cache=clip_folder))
        with pytest.raises(XueliangError) as caught:
            await fleet.start()
    assert caught.value.kind is Kind.UNAVAILABLE


async def test_refused_on_addresses_of_their_own_is_a_closed_port(make_fleet: Any) -> None:
    fleet = await make_fleet(cameras=2, listen="address")
    device = fleet.cameras[0].device
    await fleet.set_fault("cam-0001", Fault.REFUSED, True)
    for port in (device.rtsp_port, device.onvif_port):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(device.host, port)
    await fleet.set_fault("cam-0001", Fault.REFUSED, False)
    for port in (device.rtsp_port, device.onvif_port):
        _, writer = await asyncio.open_connection(device.host, port)
        writer.close()
        await writer.wait_closed()


async def test_unreachable_is_the_systems_answer_where_it_permits(make_fleet: Any) -> None:
    if not Routes().available():
        pytest.skip("this process may not change the routing table (CAP_NET_ADMIN)")
    fleet = await make_fleet(cameras=2, unroutable=True)
    first, other = fleet.devices
    assert await fleet.set_group_fault("link-01", Fault.LINK_LOST, True) == 2
    assert fleet.truth("cam-0001")["expected"] == ["unreachable"]
    assert fleet.truth("cam-0001")["unreachable_by"] == "route"
    with pytest.raises(OSError, match="No route to host"):
        await asyncio.open_connection(first.host, first.rtsp_port)
    await fleet.set_fault("cam-0001", Fault.LINK_LOST, False)
    _, writer = await asyncio.open_connection(first.host, first.rtsp_port)
    writer.close()
    await writer.wait_closed()
    assert fleet.routes.cut == {other.host}
    await fleet.stop()
    assert fleet.routes.cut == set()


def test_a_killed_fleets_routes_are_taken_back_by_the_next_one_on_its_addresses() -> None:
    killed, following = Routes(), Routes()
    if not killed.available():
        pytest.skip("this process may not change the routing table (CAP_NET_ADMIN)")
    mine, foreign = "127.252.1.1", "127.252.1.2"
    try:
        assert killed.cut_off(mine)
        assert killed.cut_off(foreign)
        following.take_back({mine})
        left = following.left_behind()
    finally:
        killed.close()
    assert mine not in left
    assert foreign in left
    assert not {mine, foreign} & following.left_behind()


def test_routes_are_never_changed_outside_127() -> None:
    routes = Routes()
    assert not routes.cut_off("192.0.2.1")
    assert routes.cut == set()


@pytest.mark.usefixtures("no_leaks")
async def test_nothing_is_left_behind(clip_folder: Path) -> None:
    fleet = Fleet(FleetSpec(2, recorders=1, channels=2, main=(320, 180), sub=(160, 88), cache=clip_folder))
    await fleet.start()
    fleet.follow([Step(1e6, Fault.BLACK, True, ("rec-01-ch1",))])
    await fleet.set_fault("rec-01-ch1", Fault.REBOOT, True)
    reader, writer = await asyncio.open_connection(fleet.devices[0].host, fleet.devices[0].onvif_port)
    await fleet.set_fault("rec-01-ch1", Fault.REBOOT, False)
    await fleet.stop()
    async with asyncio.timeout(5):
        await asyncio.gather(reader.read(), return_exceptions=True)
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    assert not fleet.rtsp.connections
    assert not fleet.http.connections


async def test_snapshots_follow_the_faults(make_fleet: Any) -> None:
    fleet = await make_fleet(cameras=1)
    camera = fleet.cameras[0]
    good = await fleet.snapshot(camera)
    await fleet.set_fault(camera.id, Fault.BLACK, True)
    black = await fleet.snapshot(camera)
    assert good.startswith(b"\xff\xd8")
    assert len(black) < len(good) / 2


async def test_seven_and_a_half_thousand_cameras_are_small(make_fleet: Any) -> None:
    gc.collect()
    before = len(gc.get_objects())
    fleet = await make_fleet(cameras=7500)
    grown = len(gc.get_objects()) - before
    assert len(fleet.cameras) == 7500
    assert grown / 7500 < 12, "tracked objects a camera"
    assert len(fleet.rtsp.connections) == 0
    assert sys.getsizeof(fleet.cameras[0]) < 200
    assert sys.getsizeof(fleet.devices[0]) < 400
    assert not hasattr(fleet.cameras[0], "__dict__")
    assert not hasattr(fleet.devices[0], "__dict__")
    assert {type(c) for c in fleet.cameras} == {VirtualCamera}
    assert {type(d) for d in fleet.devices} == {VirtualDevice}
    assert len({d.host for d in fleet.devices}) == 7500
    assert all(d.host.startswith("127.") for d in fleet.devices)
