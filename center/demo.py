"""Wiring: the demo: a virtual network, the service on it, faults that come and go, and a live view."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from center import demo_table
from center.demo_fleet import Control, DemoFleet, command, fleet
from center.demo_settings import demo_settings, printed
from center.output import emit, line, note
from center.serving import Service, running
from center.stopping import Stopping
from config.clock import Clock, SystemClock
from config.errors import XueliangError
from health.observation import Observation
from health.ports import Outcome
from health.state import Aspect, CameraState, Change

log = logging.getLogger(__name__)

#: Faults begin at the latest then, with whatever cameras are known by it.
LEARNING_SECONDS = 120.0
REDRAW_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Demo:
    """``data`` ``None``: a folder that goes with the demo. ``duration`` in seconds, ``None``: until told to stop."""

    cameras: int = 24
    data: Path | None = None
    duration: float | None = None
    as_json: bool = False
    zh: bool = False


@dataclass(slots=True)
class _View:
    """What has been heard of every camera; names and truths by our camera id."""

    states: dict[str, CameraState] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    truths: dict[str, str] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, seen: Observation, outcome: Outcome) -> None:
        self.states[seen.camera_id] = outcome.state
        self.changes += [change for change in outcome.changes if change.aspect is Aspect.STATE]
        del self.changes[:-1000]
        self.news.set()


async def run(demo: Demo) -> int:
    """Until SIGINT, SIGTERM or the end of ``duration``; 0."""
    clock = SystemClock()
    async with Stopping() as stopping:
        with _folder(demo.data) as folder:
            port = _free_udp_port()
            if not demo.as_json:
                note(f"drawing {demo.cameras} virtual cameras ...")
            async with fleet(command(demo.cameras, port, _ports(folder))) as found:
                _keep_ports(folder, found)
                view = _View()
                async with running(demo_settings(found, folder, port), clock=clock, hears=view.hear) as service:
                    _greet(demo, found, service, folder)
                    await _watch(demo, stopping, view, service, Control(found, clock), found, clock)
    return 0


async def _watch(
    demo: Demo,
    stopping: Stopping,
    view: _View,
    service: Service,
    control: Control,
    found: DemoFleet,
    clock: Clock,
) -> None:
    planner = asyncio.create_task(_plan(view, control, len(found.cameras)), name="demo: plan")
    show = asyncio.create_task(_show(demo, view, service, control, found, clock), name="demo: view")
    asked = asyncio.create_task(stopping.wait(demo.duration), name="demo: wait")
    try:
        await asyncio.wait((asked, show, service.ended), return_when=asyncio.FIRST_COMPLETED)
        if show.done():
            show.result()
        if service.ended.done() and not stopping.asked:
            error = service.ended.result()
            if error is not None:
                raise error
    finally:
        for task in (planner, show, asked):
            task.cancel()
        await asyncio.gather(planner, show, asked, return_exceptions=True)


async def _plan(view: _View, control: Control, cameras: int) -> None:
    """Faults begin once every camera has an accepted reference."""
    try:
        async with asyncio.timeout(LEARNING_SECONDS):
            while not demo_table.ready(view.states, cameras):
                view.news.clear()
                await view.news.wait()
    except TimeoutError:
        log.warning("x not every camera has a reference yet; faults begin all the same")
    await control.begin_plan()


async def _show(demo: Demo, view: _View, service: Service, control: Control, found: DemoFleet, clock: Clock) -> None:
    terminal = sys.stdout.isatty() and not demo.as_json
    with _cursor(sys.stdout, terminal):
        while True:
            await clock.sleep(REDRAW_SECONDS)
            names = _names(service, found)
            try:
                truths = await control.truth()
            except XueliangError:
                truths = {}
            if demo.as_json:
                continue
            if terminal:
                _draw(demo, view, service, names, truths, clock)
            else:
                _tell(demo, view, names, truths)


def _draw(
    demo: Demo,
    view: _View,
    service: Service,
    names: dict[str, tuple[str, str]],
    truths: dict[str, str],
    clock: Clock,
) -> None:
    lines = [
        demo_table.Line(name, view.states.get(camera_id), truths.get(virtual, ""))
        for camera_id, (name, virtual) in names.items()
    ]
    head = f"xueliang demo  {service.url}  Ctrl-C {'结束' if demo.zh else 'ends it'}"
    height = shutil.get_terminal_size().lines
    sys.stdout.write(demo_table.HOME + demo_table.screen(lines, head, clock.now(), height, demo.zh) + "\n")
    sys.stdout.flush()


def _tell(demo: Demo, view: _View, names: dict[str, tuple[str, str]], truths: dict[str, str]) -> None:
    changes, view.changes = view.changes, []
    for change in changes:
        name, virtual = names.get(change.camera_id, (change.camera_id, ""))
        line(demo_table.change_line(name, change, truths.get(virtual, ""), demo.zh))
    sys.stdout.flush()


def _names(service: Service, found: DemoFleet) -> dict[str, tuple[str, str]]:
    """Our camera id -> its name and the virtual camera's id; the stream's address is what both know."""
    virtual = {camera.rtsp: camera.id for camera in found.cameras}
    return {
        camera.camera_id: (camera.camera_name, virtual.get(camera.main.url, "") if camera.main else "")
        for camera in service.app.book.cameras()
    }


def _greet(demo: Demo, found: DemoFleet, service: Service, folder: Path) -> None:
    if demo.as_json:
        simulator = {"url": found.control_url, "token": found.control_token.get_secret_value()}
        emit({"url": service.url, "data": str(folder), "cameras": len(found.cameras), "simulator": simulator})
        return
    note(f"{len(found.cameras)} cameras on {len(found.hosts)} devices; service {service.url}, data in {folder}")
    note("faster than in production:")
    for text in printed():
        note(f"  {text}")


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="xueliang-demo-") as folder:
        yield Path(folder)


def _ports(folder: Path) -> tuple[int, int] | None:
    """The ports of the run before: the virtual cameras keep their addresses, and so their history."""
    try:
        raw = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
        return int(raw["rtsp"]), int(raw["onvif"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep_ports(folder: Path, found: DemoFleet) -> None:
    rtsp, onvif = found.ports
    (folder / "demo.json").write_text(json.dumps({"rtsp": rtsp, "onvif": onvif}), encoding="utf-8")


def _free_udp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:  # free for TCP is free enough for UDP here
        return int(probe.getsockname()[1])


@contextmanager
def _cursor(out: TextIO, terminal: bool) -> Iterator[None]:
    if not terminal:
        yield
        return
    out.write(demo_table.HIDE)
    try:
        yield
    finally:
        out.write(demo_table.SHOW)
        out.flush()
