"""Virtual cameras over real sockets: the pictures and streams that the gateway's own client is given."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from camera_gateway.access_unit import Codec
from camera_gateway.media.decode import decode
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.simulator.clip import RING, clip_of
from camera_gateway.simulator.faults import Fault
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from tests.support.asking import keyframe, watch


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("stream", ["main", "sub"])
async def test_a_keyframe_that_decodes(
    make_fleet: Any, client: RtspClient, target: Any, transport: str, stream: str
) -> None:
    fleet = await make_fleet()
    result = await client.keyframe(target(fleet.cameras[1], stream, transport))
    assert result.transport == transport
    picture = decode(result.unit)
    assert (picture.width, picture.height) == ((320, 180) if stream == "main" else (160, 88))
    assert fleet.cameras[1].device.sessions == 0


@pytest.mark.parametrize(("algorithms", "login"), [(("MD5",), "digest MD5"), (("MD5", "SHA-256"), "digest SHA-256")])
async def test_digest(make_fleet: Any, client: RtspClient, target: Any, algorithms: Any, login: str) -> None:
    fleet = await make_fleet(algorithms=algorithms)
    assert (await client.keyframe(target(fleet.cameras[0]))).login == login


@pytest.mark.parametrize("codec", [Codec.H265, Codec.MJPEG])
async def test_other_codecs(make_fleet: Any, client: RtspClient, target: Any, codec: Codec) -> None:
    fleet = await make_fleet(codec=codec)
    unit = await keyframe(client, target(fleet.cameras[0]))
    assert unit.codec is codec
    assert decode(unit).width == 320


async def test_two_looks_never_show_the_same_bytes_unless_frozen(
    make_fleet: Any, client: RtspClient, target: Any
) -> None:
    fleet = await make_fleet(cameras=1)
    where = target(fleet.cameras[0])
    looks = [await keyframe(client, where) for _ in range(RING)]
    assert len({u.nals for u in looks}) == RING
    assert (await keyframe(client, where)).nals == looks[0].nals, "the ring has come round"
    await fleet.set_fault("cam-0001", Fault.FROZEN, True)
    frozen = [await keyframe(client, where) for _ in range(3)]
    assert len({u.nals for u in frozen}) == 1
    times = [u.sender_time for u in frozen]
    assert None not in times
    assert times == sorted(set(times), key=lambda t: t or 0), "while the source's clock goes on"
    await fleet.set_fault("cam-0001", Fault.FROZEN, False)
    assert (await keyframe(client, where)).nals != frozen[0].nals


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_stream_is_paced_and_its_gops_follow_each_other(
    make_fleet: Any, client: RtspClient, target: Any, transport: str
) -> None:
    fleet = await make_fleet()
    async with await client.open(target(fleet.cameras[0], transport=transport)) as session:
        units = await watch(session, 12)
    assert [u.keyframe for u in units] == [i % 5 == 0 for i in range(12)]
    assert {(b.rtp_time - a.rtp_time) & 0xFFFFFFFF for a, b in itertools.pairwise(units)} == {9000}
    assert len({u.nals for u in units}) == 12
    assert session.stats.lost == 0


async def test_b_frames_are_stamped_in_display_order(make_fleet: Any, client: RtspClient, target: Any) -> None:
    fleet = await make_fleet(b_frames=2)
    async with await client.open(target(fleet.cameras[0])) as session:
        units = await watch(session, 10)
    times = [((u.rtp_time - units[0].rtp_time + 2**31) & 0xFFFFFFFF) - 2**31 for u in units]
    assert times != sorted(times)
    assert sorted(times) == [9000 * i for i in range(10)]


async def test_a_pli_brings_a_keyframe_before_its_time(make_fleet: Any, new_client: Any, target: Any) -> None:
    fleet = await make_fleet(gop=10.0)
    async with await new_client(stall=5.0).open(target(fleet.cameras[0])) as session:
        assert (await watch(session, 3))[0].keyframe
        assert await session.request_keyframe()
        units = await watch(session, 8)
    assert any(u.keyframe for u in units)


async def test_a_camera_that_waits_for_its_gop_begins_with_predicted_pictures(
    make_fleet: Any, client: RtspClient, target: Any
) -> None:
    fleet = await make_fleet(wait_for_gop=True)
    result = await client.keyframe(target(fleet.cameras[0]))
    assert result.unit.keyframe
    assert result.timings.keyframe is not None
    assert result.timings.stream is not None
    assert result.timings.keyframe > result.timings.stream + 0.1


async def test_recorders_serve_channels_by_path(make_fleet: Any, client: RtspClient, target: Any) -> None:
    fleet = await make_fleet(cameras=5, recorders=1, channels=3)
    first, second, third = fleet.cameras[:3]
    assert {c.address for c in (first, second, third)} == {first.address}
    assert first.recorder == "rec-01"
    await fleet.set_fault(second.id, Fault.NO_STREAM, True)
    units = [await keyframe(client, target(c)) for c in (first, third)]
    assert units[0].nals != units[1].nals
    with pytest.raises(XueliangError) as caught:
        await keyframe(client, target(second))
    assert caught.value.kind is Kind.NO_STREAM
    await fleet.set_fault(first.id, Fault.WRONG_PASSWORD, True)
    assert [fleet.truth(c.id)["expected"] for c in fleet.cameras[:4]] == [["auth", "locked"]] * 3 + [[]]


@pytest.mark.parametrize("main", [(1920, 1080)])
async def test_a_large_keyframe_arrives_whole_over_udp(
    make_fleet: Any, client: RtspClient, target: Any, main: Any
) -> None:
    fleet = await make_fleet(cameras=1, main=main)
    await fleet.prepare(looks=1)
    await fleet.set_fault("cam-0001", Fault.NOISE, True)
    key = clip_of(fleet.cameras[0], fleet.cameras[0].device.streams[0], 1)
    await fleet.clips.gop(key, fleet.cameras[0].step + 1)
    unit = await keyframe(client, target(fleet.cameras[0], transport="udp"))
    assert unit.size > 400_000
    assert not unit.damaged


async def test_sender_reports_carry_the_devices_own_clock(make_fleet: Any, client: RtspClient, target: Any) -> None:
    clock = ManualClock()
    fleet = await make_fleet(clock=clock, cameras=1)
    clock.step(timedelta(days=2).total_seconds())
    unit = await keyframe(client, target(fleet.cameras[0]))
    assert unit.sender_time == pytest.approx(clock.now().timestamp(), abs=0.1)
