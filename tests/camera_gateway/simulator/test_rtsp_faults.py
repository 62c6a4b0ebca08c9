"""Each fault of a virtual camera is what it says, and goes when it is switched off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from camera_gateway.access_unit import AccessUnit
from camera_gateway.media.decode import decode
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.simulator.faults import EXPECTED, Fault
from config.errors import Kind, XueliangError
from tests.support.asking import keyframe, raw, until_it_ends, watch


async def test_frozen_within_a_session(make_fleet: Any, client: RtspClient, target: Any) -> None:
    fleet = await make_fleet(cameras=1)
    await fleet.set_fault("cam-0001", Fault.FROZEN, True)
    async with await client.open(target(fleet.cameras[0])) as session:
        units = await watch(session, 11)
    keys = [u for u in units if u.keyframe]
    assert len(keys) == 3
    assert len({u.nals for u in keys}) == 1
    assert len({u.rtp_time for u in units}) == 11


@pytest.mark.parametrize("listen", ["address", "port"])
@pytest.mark.parametrize(
    "fault", [f for f, e in EXPECTED.items() if f not in (Fault.COVERED_30,) and e.layer != "picture"]
)
async def test_each_fault_is_what_it_says_and_goes_when_switched_off(
    make_fleet: Any, new_client: Callable[[], RtspClient], target: Any, fault: Fault, listen: str
) -> None:
    fleet = await make_fleet(cameras=2, listen=listen)
    client = new_client()
    camera, other = fleet.cameras
    assert await fleet.set_fault(camera.id, fault, True)
    expected = fleet.truth(camera.id)["expected"]
    if expected:
        with pytest.raises(XueliangError) as caught:
            decode(await keyframe(client, target(camera)))
        assert str(caught.value.kind) in expected
    else:
        unit = await keyframe(client, target(camera))
        assert decode(unit).width == 320
        if fault is Fault.SETS_IN_SDP:
            assert len(unit.nals) == 1
        if fault is Fault.CLOCK_SKEW:
            assert unit.sender_time is not None
            assert unit.sender_time - fleet.clock.now().timestamp() == pytest.approx(300, abs=5)
    assert decode(await keyframe(client, target(other))).width == 320, "others are not touched"
    assert await fleet.set_fault(camera.id, fault, False)
    assert decode(await keyframe(new_client(), target(camera))).width == 320
    assert camera.device.sessions == 0


async def test_refused_behind_the_wildcard_is_a_reset(make_fleet: Any) -> None:
    fleet = await make_fleet()
    await fleet.set_fault("cam-0001", Fault.REFUSED, True)
    with pytest.raises((ConnectionResetError, EOFError, BrokenPipeError)):
        async with raw(fleet.cameras[0]) as client:
            await client.once("OPTIONS")
    async with raw(fleet.cameras[1]) as client:
        assert (await client.once("OPTIONS")).status == 200


async def test_a_stall_after_some_seconds_stops_a_session_that_stands(
    make_fleet: Any, client: RtspClient, target: Any
) -> None:
    fleet = await make_fleet(cameras=1)
    await fleet.set_fault("cam-0001", Fault.STALL, True, parameter=0.45)
    units: list[AccessUnit] = []
    async with await client.open(target(fleet.cameras[0])) as session:
        with pytest.raises(XueliangError) as caught:
            await until_it_ends(session, units)
    assert caught.value.kind is Kind.STALLED
    assert 1 <= len(units) <= 6


@pytest.mark.parametrize("fault", [Fault.HANGS, Fault.UNREACHABLE, Fault.REFUSED, Fault.REBOOT])
async def test_standing_sessions_feel_a_device_fault(
    make_fleet: Any, client: RtspClient, target: Any, fault: Fault
) -> None:
    fleet = await make_fleet(cameras=1)
    session = await client.open(target(fleet.cameras[0]))
    async with session:
        await session.next_unit()
        await fleet.set_fault("cam-0001", fault, True)
        with pytest.raises(XueliangError):
            await until_it_ends(session, [])
    await fleet.set_fault("cam-0001", fault, False)
    async with asyncio.timeout(5):
        assert (await keyframe(client, target(fleet.cameras[0]))).keyframe
    assert fleet.cameras[0].device.sessions == 0
