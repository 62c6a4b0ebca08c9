"""Wiring: the virtual fleet as a process of its own beside the judged ones, so that its cost is shown apart.

``python -m bench.fleet --cameras N`` prints one JSON line once ready and ends when its standard input closes. Until
then each line it reads, ``silence REFUSING HANGING`` in shares, is carried out and answered by a JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from camera_gateway.simulator.clip import clip_of
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build" / "bench" / "clips"


def raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _silence(fleet: Fleet, refusing: float, hanging: float) -> None:
    """Every so-manieth camera refuses or hangs, spread evenly over the fleet."""
    for fault, share, phase in ((Fault.REFUSED, refusing, 0.0), (Fault.HANGS, hanging, 0.5)):
        due = phase
        for camera in fleet.cameras:
            due += share
            if due >= 1.0:
                due -= 1.0
                target = camera if not camera.device.faults else None
                if target is not None:
                    await fleet.set_fault(target.id, fault, True)


async def _serve(options: argparse.Namespace) -> None:
    spec = FleetSpec(
        options.cameras,
        algorithms=("MD5",),
        auth=options.auth,
        strict_share=0.0,
        unroutable=False,
        discovery_port=options.discovery_port or None,
        fps=options.fps,
        gop=options.gop,
        max_sessions=64,  # peers side by side before one camera
        cache=CACHE,
    )
    CACHE.mkdir(parents=True, exist_ok=True, mode=0o700)
    fleet = Fleet(spec)
    await fleet.start()
    try:
        if options.looks:
            await fleet.prepare(looks=options.looks)
        document: dict[str, Any] = fleet.document()
        document["listening"] = fleet.devices[0].onvif_port
        clips = {c.id: clip_of(c, c.device.streams[0], spec.seed) for c in fleet.cameras}
        document["scenes"] = {name: f"{clip.site}-{clip.light}" for name, clip in clips.items()}
        print(json.dumps(document), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            refusing, hanging = (float(share) for share in line.split()[1:])
            await _silence(fleet, refusing, hanging)
            print(json.dumps([c.id for c in fleet.cameras if c.device.faults]), flush=True)
    finally:
        await fleet.stop()


@dataclass(frozen=True, slots=True)
class Source:
    """A fleet that runs; ``document`` is what it said of itself."""

    process: subprocess.Popen[str]
    document: dict[str, Any]

    @property
    def pid(self) -> int:
        return self.process.pid

    def silence(self, refusing: float, hanging: float) -> list[str]:
        """Let these shares of the cameras refuse and hang from now on; all that do not answer then."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"silence {refusing} {hanging}\n")
        self.process.stdin.flush()
        silent: list[str] = json.loads(self.process.stdout.readline())
        return silent


@contextmanager
def fleet_process(
    cameras: int,
    *,
    looks: int = 17,
    discovery_port: int = 0,
    fps: int = 12,
    gop: float = 2.0,
    auth: str = "digest",
) -> Iterator[Source]:
    """A fleet while it runs, in a process of its own. Raises ``RuntimeError`` when it does not come up."""
    command = [sys.executable, "-m", "bench.fleet", "--cameras", str(cameras), "--looks", str(looks)]
    command += ["--discovery-port", str(discovery_port), "--fps", str(fps), "--gop", str(gop), "--auth", auth]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the virtual fleet ended with {process.wait()}")
        yield Source(process, json.loads(line))
    finally:
        process.stdin.close()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cameras", type=int, required=True)
    parser.add_argument("--looks", type=int, default=17)
    parser.add_argument("--discovery-port", type=int, default=0)
    parser.add_argument("--fps", type=int, default=12)
    parser.add_argument("--gop", type=float, default=2.0)
    parser.add_argument("--auth", default="digest")
    options = parser.parse_args()
    raise_file_limit()
    uvloop.run(_serve(options))


if __name__ == "__main__":
    main()
