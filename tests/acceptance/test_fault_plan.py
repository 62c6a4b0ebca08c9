"""The whole south side on a virtual network: every fault found with its right name in time, and gone in time.

Twenty-four cameras, eight of them behind two recorders, a picture every 5 s, a burst gap of 2 s, K = 2.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from camera_gateway.http import DeviceHttp, HttpRequest
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.simulator.faults import EXPECTED, Fault, Layer
from center.demo_fleet import DemoFleet, command, fleet
from center.demo_settings import demo_settings
from center.serving import Service, running
from config.clock import SystemClock
from config.settings import Settings
from health.observation import Observation
from health.ports import Outcome
from health.state import Aspect, CameraState, Change, State
from tests.support.udp_ports import free_port

#: The acceptance: a fault is named, and a camera is well again, within so many seconds of the stamp.
WITHIN = 30.0
LEARN = 90.0
#: Each wave leaves half of the cameras well, which must stay so.
DEVICE = tuple(f for f, e in EXPECTED.items() if e.layer is Layer.DEVICE and e.classes and f is not Fault.LINK_LOST)
CHANNEL = tuple(f for f, e in EXPECTED.items() if e.layer is not Layer.DEVICE and e.certain and e.classes)
NO_FAULT = (Fault.SETS_IN_SDP, Fault.CLOCK_SKEW)
TROUBLE = (State.FAULT, State.OFFLINE)


@dataclass
class Watch:
    """All that the service concluded, by virtual camera."""

    names: Callable[[str], str]
    states: dict[str, CameraState] = field(default_factory=dict)
    changes: list[tuple[str, Change]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    checks: int = 0

    def hear(self, seen: Observation, outcome: Outcome) -> None:
        name = self.names(seen.camera_id)
        self.states[name] = outcome.state
        self.changes += [(name, c) for c in outcome.changes if c.aspect is Aspect.STATE]
        self.checks += 1
        self.news.set()

    async def until(self, done: Callable[[], bool], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            return False
        return True

    def shown(self, name: str) -> str:
        state = self.states.get(name)
        return f"{state.state} {state.cause}" if state else "nothing"


@dataclass
class World:
    found: DemoFleet
    service: Service
    watch: Watch
    control: DeviceHttp

    async def switch(self, path: str, fault: Fault, on: bool) -> datetime:
        """Ask the simulator; its answer comes after the stamp."""
        before = SystemClock().now()
        body = json.dumps({"fault": fault.value, "on": on}).encode()
        headers = (("Authorization", f"Bearer {self.found.control_token.get_secret_value()}"),)
        answer = await self.control.request(HttpRequest("POST", f"{self.found.control_url}/{path}", headers, body))
        assert answer.status == 200, answer.body
        return before


@asynccontextmanager
async def world(folder: Path, **checks: float) -> AsyncIterator[World]:
    port = free_port()
    clock = SystemClock()
    async with fleet(command(24, port, None)) as found:
        base = demo_settings(found, folder, port)
        settings = base.model_copy(update={"checks": base.checks.model_copy(update=checks)})
        async with _running(settings, found, clock) as (service, watch):
            reach = Reach(ReachPolicy.any())
            yield World(found, service, watch, DeviceHttp(reach, InMemoryDeviceMemory(clock), clock))


@asynccontextmanager
async def _running(settings: Settings, found: DemoFleet, clock: SystemClock) -> AsyncIterator[tuple[Service, Watch]]:
    virtual = {camera.rtsp: camera.id for camera in found.cameras}
    started: list[Service] = []
    known: dict[str, str] = {}

    def name(camera_id: str) -> str:
        if camera_id not in known and started:
            for camera in started[0].app.book.cameras():
                known[camera.camera_id] = virtual[camera.main.url] if camera.main else ""
        return known.get(camera_id, camera_id)

    watch = Watch(name)
    async with running(settings, clock=clock, hears=watch.hear) as service:
        started.append(service)
        yield service, watch


def well(watch: Watch, names: list[str]) -> bool:
    return all(name in watch.states and watch.states[name].state is State.OK for name in names)


async def learned(world: World) -> list[str]:
    names = [camera.id for camera in world.found.cameras]
    await world.watch.until(lambda: well(world.watch, names), LEARN)
    late = {name: world.watch.shown(name) for name in names if not well(world.watch, [name])}
    assert late == {}, f"no accepted reference after {LEARN:g} s"
    return names


async def wave(world: World, faults: dict[str, Fault], group: str, group_cameras: list[str]) -> list[str]:
    """Switch all of them on, wait for the right names, switch off, wait for health; what went wrong, in words."""
    watch, wrong = world.watch, []
    begun = len(watch.changes)
    expected = {**faults, **dict.fromkeys(group_cameras, Fault.LINK_LOST)}

    def named(name: str) -> bool:
        state, words = watch.states[name], EXPECTED[expected[name]].classes
        return state.state in TROUBLE and state.cause in words if words else state.state is State.OK

    async def follow(on: bool) -> None:
        stamps = {name: await world.switch(f"cameras/{name}/faults", fault, on) for name, fault in faults.items()}
        if group:
            stamps.update(
                dict.fromkeys(group_cameras, await world.switch(f"groups/{group}/faults", Fault.LINK_LOST, on))
            )

        async def one(name: str, stamp: datetime) -> None:
            left = (stamp + timedelta(seconds=WITHIN) - SystemClock().now()).total_seconds()
            reached = (lambda: named(name)) if on else (lambda: well(watch, [name]))
            if not await watch.until(reached, left):
                wrong.append(f"{expected[name]} {'on' if on else 'off'} at {name}: {watch.shown(name)}")

        await asyncio.gather(*(one(name, stamp) for name, stamp in stamps.items()))

    await follow(True)
    await follow(False)
    told = [c for c in watch.changes[begun:] if c[0] not in expected or not EXPECTED[expected[c[0]]].classes]
    wrong += [f"healthy {name} shown as {c.new} {c.cause}" for name, c in told if c.new in (*TROUBLE, State.UNKNOWN)]
    return wrong


def assign(world: World, first: bool) -> tuple[dict[str, Fault], str, list[str]]:
    """Which camera gets which fault: device faults only to cameras that are their own device."""
    hosts = [camera.host for camera in world.found.cameras]
    channels = [c.id for c in world.found.cameras if hosts.count(c.host) > 1]
    alone = [c.id for c in world.found.cameras if hosts.count(c.host) == 1]
    group = alone[-2:]  # the last two devices hang on a link of their own
    half = len(CHANNEL) // 2
    if first:
        targets = channels[:4] + alone[:8]
        return dict(zip(targets, [*CHANNEL[:half], *DEVICE[:3], Fault.CLOCK_SKEW], strict=False)), "", []
    targets = channels[4:] + alone[6:-2]
    order = [*CHANNEL[half:], *DEVICE[3:], Fault.SETS_IN_SDP]
    return dict(zip(targets, order, strict=False)), "link-03", group


async def test_every_fault_has_its_name_in_time_and_goes_in_time() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder)) as one:
            await learned(one)
            first, _, _ = assign(one, first=True)
            second, group, members = assign(one, first=False)
            covered = {*first.values(), *second.values(), Fault.LINK_LOST}
            assert covered == {*DEVICE, *CHANNEL, *NO_FAULT, Fault.LINK_LOST}
            wrong = await wave(one, first, "", [])
            wrong += await wave(one, second, group, members)
            assert not wrong, "\n".join(wrong)


async def test_five_minutes_of_health_show_nothing() -> None:
    """Sixty pictures of each camera are what the plan's settings take in five minutes; here they come faster."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), picture_seconds=1.0, stale_factor=30.0) as one:
            names = await learned(one)
            pictures = one.service.app.engine.counts
            begun, wanted = len(one.watch.changes), pictures["picture"] + 60 * len(names)
            assert await one.watch.until(lambda: pictures["picture"] >= wanted, 240)
            assert [f"{n} {c.new} {c.cause}" for n, c in one.watch.changes[begun:] if c.new != State.OK] == []
