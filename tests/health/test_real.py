"""The whole south side on loopback: true cameras, true decoding, true time, a few of everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv4Network
from pathlib import Path
from random import Random

import pytest
from pydantic import SecretStr

from camera_gateway.http import DeviceHttp
from camera_gateway.media.pool import DecodePool
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.onvif.client import OnvifClient
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.timing import Deadlines
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from camera_gateway.source import SourceHub
from config.clock import SystemClock
from config.ids import new_id
from config.scope import Scope
from health.confirm import ConfirmSettings
from health.engine import EngineSettings
from health.liveness import LivenessCheck
from health.observation import Layer, Observation, Tier
from health.picture_check import PictureCheck, PictureSettings
from health.ports import Outcome
from health.schedule import ScheduleSettings
from health.state import CameraState, State, StateSettings
from registry.area import Area
from registry.area_store import add_area
from registry.camera import Camera
from registry.camera_store import add_camera
from registry.credential_store import set_credentials
from registry.database import Database
from registry.device import Device, DeviceKind
from registry.device_store import add_device
from registry.keys import KeyRing
from registry.migrations.run import migrate
from registry.stream import Stream, StreamRole
from registry.stream_store import put_stream
from registry.vault import Vault
from tests.support.health_rig import Rig

SYSTEM = Scope.system("test")
FAST = ScheduleSettings(liveness_seconds=1.0, picture_seconds=1.5, burst_gap_min_seconds=0.2, burst_gap_max_seconds=0.4)
STATES = StateSettings(
    link=ConfirmSettings(2, 4, 2),
    picture=ConfirmSettings(2, 4, 2, {"no_signal": 1}),
    link_holds_seconds=60,
    picture_holds_seconds=60,
)


async def enroll(db: Database, fleet: Fleet) -> dict[str, str]:
    """Every virtual camera into the registry; virtual id -> ours."""
    ids: dict[str, str] = {}
    vault = Vault(db.keys or KeyRing.ephemeral())
    async with db.write() as tx:
        area = Area(id=new_id(), name="area")
        await add_area(SYSTEM, tx, area)
        devices: dict[str, str] = {}
        for virtual in fleet.cameras:
            held = virtual.device
            if held.id not in devices:
                kind = DeviceKind.RECORDER if len(held.channels) > 1 else DeviceKind.CAMERA
                port = int(virtual.onvif.split(":")[2].split("/")[0])
                device = Device(new_id(), held.id, kind, virtual.address, port, area.id, onvif_xaddr=virtual.onvif)
                await add_device(SYSTEM, tx, device)
                await set_credentials(SYSTEM, tx, vault, device.id, virtual.user, SecretStr(virtual.password))
                devices[held.id] = device.id
            camera = Camera(new_id(), devices[held.id], virtual.id, virtual.id, area.id)
            await add_camera(SYSTEM, tx, camera)
            await put_stream(SYSTEM, tx, Stream(new_id(), camera.id, StreamRole.MAIN, virtual.rtsp, gop_seconds=1.0))
            ids[virtual.id] = camera.id
    return ids


class Watcher:
    """Hears every observation and lets a test wait for what it is about."""

    def __init__(self) -> None:
        self.states: dict[str, CameraState] = {}
        self.seen: list[Observation] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, seen: Observation, outcome: Outcome) -> None:
        self.seen.append(seen)
        self.states[seen.camera_id] = outcome.state
        task = asyncio.ensure_future(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, what: Callable[[], bool], seconds: float = 60.0) -> None:
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(what)

    async def until_state(self, camera_id: str, *states: State) -> CameraState:
        await self.until(lambda: camera_id in self.states and self.states[camera_id].state in states)
        return self.states[camera_id]


@pytest.fixture
async def fleet(clips: Path) -> AsyncIterator[Fleet]:
    spec = FleetSpec(cameras=4, recorders=1, channels=2, main=(640, 360), sub=(320, 180), gop=1.0, cache=clips)
    made = Fleet(spec)
    await made.start()
    yield made
    await made.stop()


async def test_faults_of_true_cameras_are_found_by_cause_and_end(fleet: Fleet, tmp_path: Path) -> None:
    clock = SystemClock()
    db = await Database.open(f"sqlite:///{tmp_path / 'x.db'}", clock=clock, keys=KeyRing.ephemeral())
    await migrate(db)
    ids = await enroll(db, fleet)
    reach = Reach(ReachPolicy((IPv4Network("127.0.0.0/8"),), allow_loopback=True))
    memory = InMemoryDeviceMemory(clock)
    rtsp = RtspClient(reach, memory, clock, Deadlines(connect=2, reply=2, stall=2, keyframe=3, total=8))
    onvif = OnvifClient(DeviceHttp(reach, memory, clock), memory, clock)
    hub = SourceHub(rtsp, clock, Random(1))
    pool = DecodePool("health.judge:judge", 1, clock)
    watcher = Watcher()
    rig = Rig(
        db,
        clock,
        tmp_path / "pictures",
        schedule=FAST,
        states=STATES,
        listener=watcher,
        engine=EngineSettings(tend_seconds=1.0, stop_seconds=5.0),
        liveness=LivenessCheck(rtsp, onvif, clock),
        picture=PictureCheck(hub, pool, clock, PictureSettings(tmp_path / "banks", total=8.0)),
    )
    run = asyncio.create_task(rig.engine.run())
    try:
        every = list(ids.values())
        await watcher.until(lambda: all(c in watcher.states for c in every))
        await watcher.until(
            lambda: all(watcher.states[c].link_value == "up" and rests(watcher, c) is Layer.PICTURE for c in every)
        )
        recorder = [c for c in fleet.cameras if len(c.device.channels) > 1]
        single = [c for c in fleet.cameras if len(c.device.channels) == 1]
        await fleet.set_fault(recorder[0].id, Fault.NO_STREAM, True)
        await fleet.set_fault(single[0].id, Fault.BLACK, True)
        lost = await watcher.until_state(ids[recorder[0].id], State.OFFLINE)
        assert lost.cause == "no_stream"
        black = await watcher.until_state(ids[single[0].id], State.FAULT)
        assert black.cause == "black"
        assert watcher.states[ids[recorder[1].id]].link_value == "up"  # the other channel of that recorder
        assert watcher.states[ids[single[1].id]].state not in (State.FAULT, State.OFFLINE)
        await fleet.set_fault(recorder[0].id, Fault.NO_STREAM, False)
        await watcher.until(lambda: watcher.states[ids[recorder[0].id]].link_value == "up")
        told = [o for o in watcher.seen if o.tier is Tier.PICTURE and o.delays.keyframe is not None]
        assert all(o.delays.signalling is not None and o.delays.stream is not None for o in told)
        assert all(o.measures for o in told if o.picture is not None)
        layers = {o.layer for o in watcher.seen if o.tier is Tier.LIVENESS and o.camera_id == ids[recorder[1].id]}
        assert layers == {Layer.STREAM}  # a recorder's answer proves nothing about its channels
    finally:
        await rig.engine.stop()
        await run
        await pool.close()
        await hub.close()
        await db.close()


def rests(watcher: Watcher, camera_id: str) -> Layer:
    state = watcher.states[camera_id]
    return state.rests_on(state.last_at, STATES) if state.last_at is not None else Layer.NONE
