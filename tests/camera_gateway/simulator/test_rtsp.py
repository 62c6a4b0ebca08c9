"""Virtual cameras over real sockets, asked by the gateway's own client and by a raw one."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.media.decode import decode
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.digest import authorization, parse_challenges
from camera_gateway.rtsp.message import Incomplete, Response, parse
from camera_gateway.rtsp.session import RtspSession
from camera_gateway.simulator.camera import VirtualCamera
from camera_gateway.simulator.clip import RING, clip_of
from camera_gateway.simulator.faults import EXPECTED, Fault
from config.clock import ManualClock
from config.errors import Kind, XueliangError


class Raw:
    """A client that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, camera: VirtualCamera) -> None:
        self.reader, self.writer, self.camera = reader, writer, camera
        self.buffer = bytearray()
        self.count = 0

    async def ask(self, method: str, uri: str = "", *headers: str) -> Response:
        """With login, as one does who has read the challenge."""
        answer = await self.once(method, uri, *headers)
        if answer.status != 401:
            return answer
        challenge = parse_challenges(answer.headers.get_all("WWW-Authenticate"))[0]
        login = authorization(challenge, method, uri or self.camera.rtsp, self.camera.user, self.camera.password)
        return await self.once(method, uri, f"Authorization: {login}", *headers)

    async def once(self, method: str, uri: str = "", *headers: str) -> Response:
        self.count += 1
        head = [f"{method} {uri or self.camera.rtsp} RTSP/1.0", f"CSeq: {self.count}", *headers, "", ""]
        self.writer.write("\r\n".join(head).encode())
        async with asyncio.timeout(5):
            while True:
                found = await self.message()
                if isinstance(found, Response):
                    assert found.headers.get("CSeq") == str(self.count)
                    return found

    async def message(self) -> Any:
        while True:
            found = parse(self.buffer) if self.buffer else Incomplete()
            if not isinstance(found, Incomplete):
                message, end = found
                data = bytes(self.buffer[:end])
                del self.buffer[:end]
                return message if isinstance(message, Response) else data
            more = await self.reader.read(65536)
            if not more:
                raise EOFError
            self.buffer += more


@asynccontextmanager
async def raw(camera: VirtualCamera, host: str = "") -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(host or camera.address, camera.device.rtsp_port)
    try:
        yield Raw(reader, writer, camera)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def keyframe(client: RtspClient, where: Any) -> AccessUnit:
    return (await client.keyframe(where)).unit


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


async def watch(session: RtspSession, count: int) -> list[AccessUnit]:
    async with asyncio.timeout(10):
        return [await session.next_unit() for _ in range(count)]


async def until_it_ends(session: RtspSession, units: list[AccessUnit]) -> None:
    async with asyncio.timeout(10):
        while True:
            units.append(await session.next_unit())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the camera's counters have no event of their own
            await asyncio.sleep(0)


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


async def test_frozen_within_a_session(make_fleet: Any, client: RtspClient, target: Any) -> None:
    fleet = await make_fleet(cameras=1)
    await fleet.set_fault("cam-0001", Fault.FROZEN, True)
    async with await client.open(target(fleet.cameras[0])) as session:
        units = await watch(session, 11)
    keys = [u for u in units if u.keyframe]
    assert len(keys) == 3
    assert len({u.nals for u in keys}) == 1
    assert len({u.rtp_time for u in units}) == 11


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


async def test_the_session_table_fills_and_empties(make_fleet: Any, client: RtspClient, target: Any) -> None:
    fleet = await make_fleet(cameras=1, max_sessions=2)
    camera = fleet.cameras[0]
    sessions = [await client.open(target(camera)) for _ in range(2)]
    with pytest.raises(XueliangError) as caught:
        await client.open(target(camera))
    assert caught.value.kind is Kind.BUSY
    for session in sessions:
        await session.close()
    assert (await keyframe(client, target(camera))).keyframe


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


async def test_methods_and_answers(make_fleet: Any) -> None:
    fleet = await make_fleet(algorithms=("MD5",))
    camera = fleet.cameras[0]
    track = f"{camera.rtsp}/trackID=1"
    async with raw(camera) as client:
        assert "GET_PARAMETER" in (await client.once("OPTIONS")).headers.get("Public")
        assert (await client.once("DESCRIBE")).status == 401
        described = await client.ask("DESCRIBE")
        assert described.headers.get("Content-Type") == "application/sdp"
        assert b"sprop-parameter-sets" in described.body
        assert (await client.ask("DESCRIBE", camera.rtsp.replace("ch1", "ch2"))).status == 404
        assert (await client.ask("PAUSE")).status == 405
        assert (await client.ask("PLAY")).status == 454
        assert (await client.ask("GET_PARAMETER")).status == 200
        assert (await client.ask("SETUP", track, "Transport: RTP/AVP;multicast;client_port=6000-6001")).status == 461
        setup = await client.ask("SETUP", track, "Transport: RTP/AVP/TCP;unicast;interleaved=2-3")
        assert "interleaved=2-3" in setup.headers.get("Transport")
        session = setup.headers.get("Session").partition(";")[0]
        assert "timeout=60" in setup.headers.get("Session")
        assert (await client.ask("PLAY", "", "Session: wrong")).status == 454
        played = await client.ask("PLAY", "", f"Session: {session}")
        assert "rtptime=" in played.headers.get("RTP-Info")
        channels = {(await client.message())[1] for _ in range(6)}
        assert channels == {2, 3}, "media and a sender report"
        assert (await client.ask("GET_PARAMETER", "", f"Session: {session}")).status == 200
        assert camera.device.sessions == 1
        assert (await client.ask("TEARDOWN", "", f"Session: {session}")).status == 200
        assert camera.device.sessions == 0
    assert (fleet.rtsp.torn_down, fleet.rtsp.dropped, fleet.rtsp.refused.total()) == (1, 0, 0)


async def test_wrong_credentials_are_counted_and_stale_ones_are_not(make_fleet: Any) -> None:
    fleet = await make_fleet(algorithms=("MD5",))
    camera = fleet.cameras[0]
    async with raw(camera) as client:
        challenge = parse_challenges((await client.once("DESCRIBE")).headers.get_all("WWW-Authenticate"))[0]
        stale = authorization(replace(challenge, nonce="0" * 24), "DESCRIBE", camera.rtsp, camera.user, "guess")
        assert (await client.once("DESCRIBE", "", f"Authorization: {stale}")).status == 401
        assert fleet.rtsp.refused.total() == 0
        wrong = authorization(challenge, "DESCRIBE", camera.rtsp, camera.user, "guess")
        assert (await client.once("DESCRIBE", "", f"Authorization: {wrong}")).status == 401
        assert fleet.rtsp.refused == {camera.device.id: 1}


async def test_a_silent_session_times_out(make_fleet: Any) -> None:
    fleet = await make_fleet(algorithms=("MD5",), session_timeout=0.3)
    camera = fleet.cameras[0]
    async with raw(camera) as client:
        setup = await client.ask("SETUP", f"{camera.rtsp}/trackID=1", "Transport: RTP/AVP/TCP;interleaved=0-1")
        assert setup.status == 200
        assert camera.device.sessions == 1
        with pytest.raises((EOFError, ConnectionResetError)):
            await client.message()
    assert camera.device.sessions == 0


async def test_garbage_is_answered_and_closed(make_fleet: Any, seed: int) -> None:
    fleet = await make_fleet()
    dice = random.Random(seed)
    samples = [b"\x16\x03\x01 not rtsp\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"A" * 70_000]
    samples += [dice.randbytes(dice.randrange(1, 3000)) for _ in range(20)]
    for data in samples:
        reader, writer = await asyncio.open_connection(fleet.cameras[0].address, fleet.cameras[0].device.rtsp_port)
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(5):
            answer = await asyncio.gather(reader.read(), return_exceptions=True)
        (said,) = answer
        assert isinstance(said, ConnectionError) or (isinstance(said, bytes) and said[:9] in (b"", b"RTSP/1.0 "))
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    async with raw(fleet.cameras[0]) as client:
        assert (await client.once("OPTIONS")).status == 200


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


async def test_a_viewer_that_does_not_read_loses_pictures_not_our_memory(make_fleet: Any) -> None:
    fleet = await make_fleet(cameras=1, fps=60, algorithms=("MD5",), main=(640, 360))
    camera = fleet.cameras[0]
    async with raw(camera) as client:
        setup = await client.ask("SETUP", f"{camera.rtsp}/trackID=1", "Transport: RTP/AVP/TCP;interleaved=0-1")
        session = setup.headers.get("Session").partition(";")[0]
        await client.ask("PLAY", "", f"Session: {session}")
        (connection,) = fleet.rtsp.connections
        connection.pause_writing()
        player = connection.playing
        assert player is not None
        sent = player.sequence
        before = fleet.cameras[0].step
        await until(lambda: fleet.cameras[0].step >= before + 2)
        assert player.sequence == sent
        connection.resume_writing()
        await until(lambda: player.sequence != sent)


def foreign_address() -> str:
    """An address of this machine that is not loopback, empty where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(sock.getsockname()[0])


async def test_an_address_outside_127_is_closed_unread(make_fleet: Any) -> None:
    host = foreign_address()
    if not host or host.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    fleet = await make_fleet()
    for port, request in (
        (fleet.cameras[0].device.rtsp_port, b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
        (fleet.cameras[0].device.onvif_port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(request)
        with pytest.raises((ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_an_address_no_camera_has_is_closed(make_fleet: Any) -> None:
    fleet = await make_fleet()
    with pytest.raises((EOFError, ConnectionResetError, BrokenPipeError)):
        async with raw(fleet.cameras[0], host="127.250.250.250") as client:
            await client.once("OPTIONS")


async def test_sender_reports_carry_the_devices_own_clock(make_fleet: Any, client: RtspClient, target: Any) -> None:
    clock = ManualClock()
    fleet = await make_fleet(clock=clock, cameras=1)
    clock.step(timedelta(days=2).total_seconds())
    unit = await keyframe(client, target(fleet.cameras[0]))
    assert unit.sender_time == pytest.approx(clock.now().timestamp(), abs=0.1)
