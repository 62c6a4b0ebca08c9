"""Wiring: ``xueliang simulate``: a virtual fleet until it is told to stop.

``add`` and ``run`` are what the command line needs of a command.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import signal
import sys
from collections.abc import Coroutine, Iterable
from pathlib import Path

from camera_gateway.access_unit import Codec
from camera_gateway.simulator.clip_cache import default_folder
from camera_gateway.simulator.ever_changing import ever_changing
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from camera_gateway.simulator.plan import MAX_BYTES, Step, read_plan
from camera_gateway.simulator.scene import Light
from config.errors import Kind, XueliangError

#: ``--plan`` with this word draws faults for ever instead of reading a file.
RANDOM_PLAN = "random"


async def simulate(spec: FleetSpec, *, plan: str = "", json_only: bool = False) -> int:
    """Start, print the one JSON document on stdout, run until SIGINT or SIGTERM; 0.

    Progress goes to stderr unless ``json_only``. Passwords and the token are in the document and nowhere else.
    Raises ``INVALID`` for a wrong spec or plan, ``UNAVAILABLE`` where a port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        return await _run(spec, plan, json_only, stop)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def add(parser: argparse.ArgumentParser) -> None:
    number, plain = parser.add_argument, FleetSpec(cameras=1)
    number("--cameras", type=int, required=True, metavar="N", help="video channels in all")
    number("--recorders", type=int, default=0, metavar="N", help="recorders among the devices (default 0)")
    number("--channels", type=int, default=plain.channels, metavar="N", help="channels of each recorder (default 4)")
    number("--links", type=int, default=0, metavar="N", help="devices are dealt out to N links (default: 8 a link)")
    number("--strangers", type=int, default=0, metavar="N", help="N cameras more, that nobody knows of yet (default 0)")
    number("--plan", default="", metavar="FILE", help="fault plan (JSON or TOML), or the word random")
    number("--json", action="store_true", help="the one JSON document on one line, and no progress")
    number("--listen", choices=("wildcard", "address", "port"), default=plain.listen, help="see the reference")
    number("--port", type=int, default=0, help="RTSP port (default: any free one)")
    number("--onvif-port", type=int, default=0, help="ONVIF port (default: any free one)")
    number("--control-port", type=int, default=0, help="port of the control API (default: any free one)")
    number("--discovery", type=int, nargs="?", const=3702, metavar="PORT", help="answer WS-Discovery (UDP 3702)")
    number("--seed", type=int, default=plain.seed, help="same seed, same fleet (default 1)")
    number("--lights", type=_words, default=tuple(Light), help="of day, dusk, night, ir, in turn (default all)")
    number("--main", type=_size, default=plain.main, metavar="WxH", help="main stream (default 1920x1080)")
    number("--sub", type=_size, default=plain.sub, metavar="WxH", help="sub stream (default 640x360)")
    number("--fps", type=int, default=plain.fps, help="pictures a second (default 12)")
    number("--gop", type=float, default=plain.gop, metavar="S", help="seconds between keyframes (default 2)")
    number("--codec", type=Codec, choices=tuple(Codec), default=plain.codec, help="h264, h265 or mjpeg")
    number("--b-frames", type=int, default=0, choices=range(4), help="B-frames between two others (default 0)")
    number("--cache", type=Path, default=None, metavar="DIR", help="folder for encoded clips (default: your cache)")


def run(arguments: argparse.Namespace) -> int:
    a = arguments
    spec = FleetSpec(
        a.cameras,
        recorders=a.recorders,
        channels=a.channels,
        links=a.links,
        strangers=a.strangers,
        listen=a.listen,
        port=a.port,
        onvif_port=a.onvif_port,
        control_port=a.control_port,
        discovery_port=a.discovery,
        seed=a.seed,
        lights=a.lights,
        main=a.main,
        sub=a.sub,
        fps=a.fps,
        gop=a.gop,
        codec=a.codec,
        b_frames=a.b_frames,
        cache=a.cache or default_folder(),
    )
    return run_fleet(spec, plan=a.plan, json_only=a.json)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1920x1080")
    return int(width), int(height)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def run_fleet(spec: FleetSpec, *, plan: str = "", json_only: bool = False) -> int:
    """:func:`simulate` in an event loop of its own (uvloop where it is installed), with as many files as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(65_536, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    try:
        import uvloop
    except ImportError:
        return asyncio.run(simulate(spec, plan=plan, json_only=json_only))
    return uvloop.run(simulate(spec, plan=plan, json_only=json_only))


async def _run(spec: FleetSpec, plan: str, json_only: bool, stop: asyncio.Event) -> int:
    fleet = Fleet(spec)
    await fleet.start()
    try:
        steps = await asyncio.to_thread(_plan, plan, fleet, spec.seed)
        if not json_only:
            print(f"{len(fleet.cameras)} cameras, drawing and encoding their first pictures ...", file=sys.stderr)
        await _first(stop, fleet.prepare(looks=1))
        if stop.is_set():
            return 0
        print(json.dumps(fleet.document(), indent=None if json_only else 2), flush=True)
        if steps is not None:
            fleet.follow(steps)
        await stop.wait()
    finally:
        await fleet.stop()
    return 0


async def _first(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """``work``, unless we are told to stop meanwhile. Errors of the work are raised."""
    task = asyncio.create_task(work)
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not task.done():
        task.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    try:
        await task
    except asyncio.CancelledError:
        if not stop.is_set():
            raise


def _plan(plan: str, fleet: Fleet, seed: int) -> Iterable[Step] | None:
    if not plan:
        return None
    if plan == RANDOM_PLAN:
        return ever_changing(fleet.cameras, list(fleet.groups), random.Random(f"{seed}/plan"), start=10.0)
    path = Path(plan)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise XueliangError(Kind.INVALID, f"cannot be read: {error.strerror}", where=plan) from error
    return read_plan(data, path.name, {c.id for c in fleet.cameras}, fleet.groups.keys())
