"""Wiring: every device of a large fleet asked for its clock (bare) and its facts (logged in): two calls each.

``python -m bench.onvif [--cameras 7500] [--write]``. The devices are a process that is not judged: WS-Security and
Digest in turn. ``--judge`` is the judged process's own side.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import uvloop
from pydantic import SecretStr

from bench.fleet import ROOT, fleet_process, raise_file_limit
from bench.harness import MIB, cpu_seconds, pss, sockets
from bench.report import Bound, Result, Table, publish
from camera_gateway.http import DeviceHttp
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.onvif.client import OnvifClient
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.target import Credentials
from config.clock import SystemClock
from config.errors import XueliangError

#: Devices asked at once; the client's own limit of connections is wider.
AT_ONCE = 64
WARM = 200
MAX_SOCKETS = 300


class _Judge:
    def __init__(self, cameras: list[dict[str, Any]]) -> None:
        clock = SystemClock()
        memory = InMemoryDeviceMemory(clock)
        self.client = OnvifClient(DeviceHttp(Reach(ReachPolicy.any()), memory, clock), memory, clock)
        self.cameras = cameras
        self.rungs: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.calls = 0
        self.most_sockets = 0

    async def ask(self, camera: dict[str, Any]) -> None:
        credentials = Credentials(camera["user"], SecretStr(camera["password"]))
        try:
            clock = await self.client.clock(camera["onvif"])
            assert clock.offset is not None
            visit = await self.client.visit(camera["onvif"], credentials)
            assert (await self.client.information(visit)).serial
        except XueliangError as error:
            self.errors[f"{error.kind.value}: {error.what}"] += 1
            return
        self.calls += 2
        self.rungs[visit.rung.value if visit.rung else "none"] += 1

    async def _lane(self, waiting: Iterator[dict[str, Any]]) -> None:
        for number, camera in enumerate(waiting):
            await self.ask(camera)
            if number % 16 == 0:
                self.most_sockets = max(self.most_sockets, sockets(os.getpid()))

    async def run(self, cameras: list[dict[str, Any]]) -> None:
        waiting = iter(cameras)
        await asyncio.gather(*(self._lane(waiting) for _ in range(AT_ONCE)))


async def _judged() -> dict[str, Any]:
    cameras = json.loads(sys.stdin.readline())
    own = [os.getpid()]
    judge = _Judge(cameras)
    await judge.run(cameras[:WARM])
    judge.calls = 0
    judge.rungs.clear()
    judge.errors.clear()
    before, spent, began = pss(own), cpu_seconds(own), asyncio.get_running_loop().time()
    await judge.run(cameras)
    return {
        "calls": judge.calls,
        "cpu": cpu_seconds(own) - spent,
        "seconds": asyncio.get_running_loop().time() - began,
        "pss_before": before,
        "pss_after": pss(own),
        "most_sockets": judge.most_sockets,
        "sockets_left": sockets(os.getpid()),
        "rungs": dict(judge.rungs),
        "errors": dict(judge.errors),
    }


def run(cameras: int) -> Result:
    result = Result("onvif")
    with fleet_process(cameras, looks=0, auth="mixed") as source:
        document = source.document
        done = subprocess.run(
            [sys.executable, "-m", "bench.onvif", "--judge"],
            input=json.dumps(document["cameras"]) + "\n",
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=600,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"the judged process ended with {done.returncode}: {done.stderr.strip()[-800:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    calls = found["calls"]
    each = found["cpu"] / calls * 1000
    grown = (found["pss_after"] - found["pss_before"]) / MIB
    result.bounds = [
        Bound("calls answered", calls, f"of {cameras * 2:,}", least=cameras * 2),
        Bound("CPU a call", each, "ms", most=1.0),
        Bound("memory grown", grown, "MiB", most=64),
        Bound("sockets open at most", found["most_sockets"], "", most=MAX_SOCKETS),
    ]
    rows = (
        ("devices", f"{cameras:,}"),
        ("devices asked at once", str(AT_ONCE)),
        ("calls a second", f"{calls / found['seconds']:,.0f}"),
        ("PSS before, after, MiB", f"{found['pss_before'] / MIB:.0f}, {found['pss_after'] / MIB:.0f}"),
        ("sockets at most, left over", f"{found['most_sockets']}, {found['sockets_left']}"),
        ("rungs", ", ".join(f"{name} {count:,}" for name, count in sorted(found["rungs"].items()))),
        ("errors", ", ".join(f"{name} {count}" for name, count in found["errors"].items()) or "none"),
    )
    result.tables = [Table("GetSystemDateAndTime and GetDeviceInformation of every device", ("what", "figure"), rows)]
    result.notes = [
        f"One process, {WARM} devices asked beforehand. A call on the Digest rung is two HTTP exchanges the first time "
        "(challenge and answer), and its CPU counts both."
    ]
    result.data = found
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.onvif")
    parser.add_argument("--cameras", type=int, default=7500)
    parser.add_argument("--write", action="store_true", help="into docs/design/performance.md")
    parser.add_argument("--judge", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.judge:
        raise_file_limit()
        print(json.dumps(uvloop.run(_judged())))
        return 0
    result = run(options.cameras)
    publish(result, write_page=options.write)
    return 0 if result.held else 1


if __name__ == "__main__":
    sys.exit(main())
