"""Wiring: the judged process of a sweep: the whole service, as ``serve`` builds it, over a register of N cameras.

Reads one JSON line (cameras, intervals, window) and writes JSON lines: ``warm`` when every camera that answers is
known as healthy, then ``done`` with the figures of the window. The parent reads the source's clock at both.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop
from pydantic import SecretStr

from bench.harness import children, cpu_seconds, pss, sockets
from center.serving import running
from center.storage import Storage, opened
from config.clock import SystemClock
from config.ids import new_id
from config.scope import Scope
from config.settings import Settings
from health.observation import Observation, Tier
from health.ports import Outcome
from health.state import State
from registry.area import Area
from registry.area_store import add_area
from registry.camera import Camera
from registry.camera_store import add_cameras
from registry.credential_store import set_credentials
from registry.device import Device, DeviceKind
from registry.device_store import add_device
from registry.stream import Stream, StreamRole, Transport
from registry.stream_store import add_streams

_BATCH = 250
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
    area, names = Area(new_id(), "bench"), {}
    async with storage.db.write() as connection:
        await add_area(scope, connection, area)
    for start in range(0, len(cameras), _BATCH):
        async with storage.db.write() as connection:
            added, streams = [], []
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
                await add_device(scope, connection, device)
                await set_credentials(
                    scope, connection, storage.vault, device.id, camera["user"], SecretStr(camera["password"])
                )
                one = Camera(new_id(), device.id, "1", camera["id"], area.id)
                names[one.id] = camera["id"]
                added.append(one)
                streams.append(Stream(new_id(), one.id, StreamRole.MAIN, camera["rtsp"], Transport.TCP, 2.0))
            await add_cameras(scope, connection, added)
            await add_streams(scope, connection, streams)
    return names


class Tally:
    """What was seen of whom and when; ``done`` is set once ``wanted`` healthy cameras or checks are reached."""

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
        if outcome.state.state is State.OK and not outcome.changes:
            self.settled.add(seen.camera_id)
        self.verdicts[seen.cause or (seen.picture.value if seen.picture else "none")] += 1
        self.news.set()

    def forget(self) -> None:
        self.gaps.clear()
        self.verdicts.clear()
        self.checks = self.silent_checks = 0

    async def all_settled(self) -> None:
        """Nearly every healthy camera has a reference, is known as healthy, and was so again; the others are told
        with the verdicts of the window."""
        while len(self.settled) < SETTLED * len(self.healthy):
            self.news.clear()
            await self.news.wait()

    async def counted(self, checks: int) -> None:
        while self.checks < checks:
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
        await asyncio.wait_for(tally.all_settled(), order["limit_seconds"])
        judged = [os.getpid(), *children(os.getpid())]
        tally.forget()
        counts = Counter(service.app.engine.counts)
        spent, own, began = cpu_seconds(judged), cpu_seconds(judged[:1]), loop.time()
        _tell(stage="warm")
        if order["window_seconds"]:
            await SystemClock().sleep(order["window_seconds"])
        else:
            await asyncio.wait_for(tally.counted(order["window_checks"]), order["limit_seconds"])
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
            gaps=[round(gap, 2) for gap in sorted(tally.gaps)[:: max(1, len(tally.gaps) // 1000)]],
        )


async def main_async() -> None:
    order = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory(prefix="bench-sweep-", dir=order["folder"]) as folder:
        settings = settings_of(order, Path(folder))
        async with opened(settings) as storage:
            names = await register(storage, order["cameras"])
        await _measure(order, settings, names)


if __name__ == "__main__":
    uvloop.run(main_async())
