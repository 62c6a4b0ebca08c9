"""Wiring: the judged process of a sweep: the whole service, as ``serve`` builds it, over a register of N cameras.

Reads one JSON line (cameras, intervals, window) and writes JSON lines: ``warm`` when nearly every camera that answers
is known as healthy or the time for that is up, then ``done`` with the figures of the window. The parent reads the
source's clock at both. Register, states and references stay in the folder for the next run of a larger fleet.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop
from pydantic import SecretStr

from bench.harness import children, cpu_seconds, progress, pss, sockets
from camera_gateway.job import Job
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.target import Credentials, StreamTarget
from center.serving import running
from center.storage import Storage, opened
from config.clock import SystemClock
from config.ids import new_id
from config.scope import Scope
from config.settings import Settings
from health.judge import judge
from health.observation import Observation, Tier
from health.ports import Outcome
from health.reference import Learning
from health.request import JudgeRequest
from health.state import State
from registry.area import Area
from registry.area_store import add_area
from registry.camera import Camera
from registry.camera_store import add_cameras
from registry.credential_store import set_credentials
from registry.device import Device, DeviceKind
from registry.device_store import add_devices
from registry.stream import Stream, StreamRole, Transport
from registry.stream_store import add_streams

_BATCH = 250
#: Looks at one camera of each scene that make the references of all cameras before that scene.
_LOOKS = 4
#: A drawn scene that a detector doubts must not keep the window from beginning.
SETTLED = 0.95


def settings_of(order: dict[str, Any], folder: Path) -> Settings:
    first = urlsplit(order["cameras"][0]["rtsp"])
    network = f"127.{(first.hostname or '').split('.')[1]}.0.0/16"
    ports = sorted({urlsplit(order["cameras"][0][kind]).port or 0 for kind in ("rtsp", "onvif")})
    return Settings.model_validate(
        {
            "service": {"data_dir": folder, "listen": "127.0.0.1:0"},
            "reach": {"networks": [network], "ports": [str(port) for port in ports], "allow_loopback": True},
            "discovery": {"enabled": False},
            "checks": {
                "picture_seconds": order["picture_seconds"],
                "liveness_seconds": order["liveness_seconds"],
                "burst_gap_min_seconds": 1,
                "burst_gap_max_seconds": 1,
            },
            # One picture makes a reference: after a few looks each camera costs what it costs for ever after.
            "references": {"accept_samples": 1},
            "logging": {"level": "error"},
        }
    )


async def register(storage: Storage, cameras: list[dict[str, Any]]) -> dict[str, str]:
    """One device, camera, stream and secret each; returns the fleet's name of each of our camera ids."""
    scope = Scope.system("bench")
    area, names = Area(new_id(), f"bench {len(cameras)}"), {}
    async with storage.db.write() as connection:
        await add_area(scope, connection, area)
    for start in range(0, len(cameras), _BATCH):
        async with storage.db.write() as connection:
            devices, added, streams = [], [], []
            for camera in cameras[start : start + _BATCH]:
                rtsp = urlsplit(camera["rtsp"])
                port = urlsplit(camera["onvif"]).port or 80
                device = Device(
                    new_id(),
                    camera["id"],
                    DeviceKind.CAMERA,
                    rtsp.hostname or "",
                    port,
                    area.id,
                    onvif_xaddr=camera["onvif"],
                )
                devices.append(device)
                one = Camera(new_id(), device.id, "1", camera["id"], area.id)
                names[one.id] = camera["id"]
                added.append(one)
                streams.append(
                    Stream(new_id(), one.id, StreamRole.MAIN, camera["rtsp"], Transport.TCP, 2.0, "h264", 1920, 1080)
                )
            await add_devices(scope, connection, devices)
            for device, camera in zip(devices, cameras[start : start + _BATCH], strict=True):
                password = SecretStr(camera["password"])
                await set_credentials(scope, connection, storage.vault, device.id, camera["user"], password)
            await add_cameras(scope, connection, added)
            await add_streams(scope, connection, streams)
        progress(f"registered {min(start + _BATCH, len(cameras)):,} of {len(cameras):,} cameras")
    return names


async def teach(folder: Path, cameras: list[dict[str, Any]], names: dict[str, str], scenes: dict[str, str]) -> None:
    """Give each camera the references that looking at its scene makes: cameras before one scene differ in nothing else.

    Learning anew would take the fleet an hour of looks, and is not what is measured.
    """
    clock = SystemClock()
    client = RtspClient(Reach(ReachPolicy.any()), InMemoryDeviceMemory(clock), clock)
    made = folder / "scenes"
    by_name = {camera["id"]: camera for camera in cameras}
    for ours, name in names.items():
        bank, camera = made / f"{scenes[name]}.bank", by_name[name]
        if not bank.exists():
            login = Credentials(camera["user"], SecretStr(camera["password"]))
            for _ in range(_LOOKS):
                unit = (await client.keyframe(StreamTarget(camera["rtsp"], login, "tcp"))).unit
                request = JudgeRequest(clock.now().timestamp(), learning=Learning(accept_samples=1))
                judge(Job(ours, unit, (), str(bank), request.to_parameters()))
        own = folder / "references" / f"{ours}.bank"
        own.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(bank, own)
        own.chmod(0o600)


class Tally:
    """What was seen of whom and when; ``settled`` are those known as healthy."""

    def __init__(self, names: dict[str, str], silent: set[str]) -> None:
        self.healthy = {ours for ours, name in names.items() if name not in silent}
        self.last: dict[str, float] = {}
        self.settled: set[str] = set()
        self.gaps: list[float] = []
        self.verdicts: Counter[str] = Counter()
        self.checks = 0
        self.silent_checks = 0
        self.news = asyncio.Event()
        self._now = asyncio.get_running_loop().time

    def hear(self, seen: Observation, outcome: Outcome) -> None:
        if seen.tier is not Tier.PICTURE:
            return
        if seen.camera_id not in self.healthy:
            self.silent_checks += 1
            return
        now, before = self._now(), self.last.get(seen.camera_id)
        self.last[seen.camera_id] = now
        if before is not None:
            self.gaps.append(now - before)
        self.checks += 1
        if outcome.state.state is State.OK:
            self.settled.add(seen.camera_id)
        self.verdicts[seen.cause or (seen.picture.value if seen.picture else "none")] += 1
        self.news.set()

    def forget(self) -> None:
        self.gaps.clear()
        self.verdicts.clear()
        self.checks = self.silent_checks = 0

    async def all_settled(self) -> None:
        """Nearly every healthy camera is known as healthy; the others are told with the verdicts of the window."""
        while len(self.settled) < SETTLED * len(self.healthy):
            self.news.clear()
            await self.news.wait()

    def late(self, limit: float, now: float) -> int:
        """Healthy cameras whose last look is older than ``limit`` seconds."""
        return sum(now - self.last.get(camera, float("-inf")) > limit for camera in self.healthy)


def _tell(**document: Any) -> None:
    print(json.dumps(document), flush=True)


async def _measure(order: dict[str, Any], settings: Settings, names: dict[str, str]) -> None:
    tally = Tally(names, set(order["silent"]))
    loop, interval = asyncio.get_running_loop(), float(order["picture_seconds"])
    async with running(settings, hears=tally.hear) as service:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(tally.all_settled(), order["warm_seconds"])
        settled = len(tally.settled)
        progress(f"{settled:,} of {len(tally.healthy):,} known as healthy; the window begins")
        judged = [os.getpid(), *children(os.getpid())]
        tally.forget()
        counts = Counter(service.app.engine.counts)
        spent, own, began = cpu_seconds(judged), cpu_seconds(judged[:1]), loop.time()
        _tell(stage="warm")
        await SystemClock().sleep(order["window_seconds"])
        seconds = loop.time() - began
        cpu, cpu_service = cpu_seconds(judged) - spent, cpu_seconds(judged[:1]) - own
        _tell(
            stage="done",
            seconds=seconds,
            cpu=cpu,
            cpu_service=cpu_service,
            pss=pss(judged),
            pss_service=pss(judged[:1]),
            sockets=sockets(judged[0]),
            checks=tally.checks,
            silent_checks=tally.silent_checks,
            liveness=service.app.engine.counts["liveness"] - counts["liveness"],
            failed=service.app.engine.counts["failed_internally"],
            verdicts=dict(tally.verdicts),
            late=tally.late(1.5 * interval, loop.time()),
            healthy=len(tally.healthy),
            settled=settled,
            gaps=[round(gap, 2) for gap in sorted(tally.gaps)[:: max(1, len(tally.gaps) // 1000)]],
        )


async def main_async() -> None:
    order = json.loads(sys.stdin.readline())
    folder = Path(order["folder"])
    settings = settings_of(order, folder)
    book = folder / "names.json"
    names: dict[str, str] = json.loads(book.read_text("utf-8")) if book.exists() else {}
    known = set(names.values())
    fresh = [camera for camera in order["cameras"] if camera["id"] not in known]
    if fresh:
        async with opened(settings) as storage:
            added = await register(storage, fresh)
        await teach(folder, fresh, added, order["scenes"])
        names |= added
        book.write_text(json.dumps(names), "utf-8")
    await _measure(order, settings, names)


if __name__ == "__main__":
    uvloop.run(main_async())
