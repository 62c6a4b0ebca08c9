"""Wiring: the demo: a district of virtual cameras, the service on it, faults that come and go, and a live view."""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from center import demo_table
from center.demo_district import DISTRICT, LOGINS, place
from center.demo_fleet import Control, DemoFleet, command, fleet
from center.demo_logins import Kept, make_logins
from center.demo_registry import Ground, lay_out, settle
from center.demo_settings import demo_settings, printed
from center.output import emit, line, note
from center.serving import Service, running
from center.stopping import Stopping
from center.storage import opened
from config.clock import Clock, SystemClock
from config.errors import Kind, XueliangError
from config.settings import Settings
from health.observation import Observation
from health.ports import Outcome
from health.state import Aspect, CameraState, Change

log = logging.getLogger(__name__)

#: Name and password.
Logins = Sequence[tuple[str, str]]

#: Faults begin at the latest then, with whatever cameras are known by it.
LEARNING_SECONDS = 120.0
#: Nobody waits longer for the next camera to be found: those of a folder that is used again may have been taken out.
FINDING_SECONDS = 40.0
LOOK_SECONDS = 0.25
REDRAW_SECONDS = 1.0
PORT = 8080


@dataclass(frozen=True, slots=True)
class Demo:
    """``data`` ``None``: a folder that goes with the demo. ``duration`` in seconds from being ready, ``None``: until
    told to stop. ``port`` 0: any free one. ``faults``: planned ones come and go; else only those switched by hand."""

    cameras: int = 24
    port: int = PORT
    data: Path | None = None
    duration: float | None = None
    as_json: bool = False
    zh: bool = False
    faults: bool = True


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
    """Until SIGINT, SIGTERM or the end of ``duration``; 0. Raises ``UNAVAILABLE`` for a port that is taken."""
    _check_port(demo.port)
    async with Stopping() as stopping:
        living = asyncio.create_task(_live(demo, stopping), name="demo")
        asked = asyncio.create_task(stopping.wait(), name="demo: wait")
        await asyncio.wait((living, asked), return_when=asyncio.FIRST_COMPLETED)
        for task in (living, asked):
            task.cancel()
        await asyncio.gather(living, asked, return_exceptions=True)
        if not living.cancelled() and not stopping.asked:
            living.result()
    return 0


async def _live(demo: Demo, stopping: Stopping) -> None:
    clock = SystemClock()
    with _folder(demo.data) as folder:
        kept, port = Kept.read(folder), _free_udp_port()
        if not demo.as_json:
            note(
                f"正在绘制 {demo.cameras} 路虚拟摄像机……" if demo.zh else f"drawing {demo.cameras} virtual cameras ..."
            )
        ports = kept.ports or (_free_ports() if demo.data is not None else None)
        words = command(demo.cameras, port, ports, district=True)
        async with fleet(words) as found:
            settings = demo_settings(found, folder, port, port=demo.port, area=str(DISTRICT))
            kept = replace(kept, ports=found.ports)
            kept.write(folder)  # from now on it is a demo's
            kept, ground = await _lay_out(settings, kept, clock)
            kept.write(folder)
            view, control = _View(), Control(found, clock)
            async with running(settings, clock=clock, hears=view.hear, demo=True) as service:
                await _settle(demo, service, control, ground, clock)
                logins = [(login.name, kept.passwords[login.name].get_secret_value()) for login in LOGINS]
                _greet(demo, found, service, folder, kept, logins)
                await _watch(demo, stopping, view, service, control, found, clock, logins)


async def _lay_out(settings: Settings, kept: Kept, clock: Clock) -> tuple[Kept, Ground]:
    """District and logins, before the service starts: it then has no first administrator to make."""
    async with opened(settings, clock) as storage:
        ground = await lay_out(storage)
        return await make_logins(storage, kept, ground.areas, ground.units), ground


async def _settle(demo: Demo, service: Service, control: Control, ground: Ground, clock: Clock) -> None:
    """Every camera found, adopted by rule and given its place."""
    storage, placed = service.app.storage, place(await control.boxes())
    known, since = -1, clock.monotonic()
    while clock.monotonic() - since < FINDING_SECONDS:
        watched = service.app.book.cameras()
        await settle(storage, ground, placed, watched)
        standing = sum(camera.area_id != ground.district for camera in watched)
        if standing >= demo.cameras:
            return
        if standing > known:
            known, since = standing, clock.monotonic()
        if service.ended.done():
            return
        await clock.sleep(LOOK_SECONDS)
    log.warning("x %d of %d cameras are known; going on with them", known, demo.cameras)


async def _watch(
    demo: Demo,
    stopping: Stopping,
    view: _View,
    service: Service,
    control: Control,
    found: DemoFleet,
    clock: Clock,
    logins: Logins,
) -> None:
    plan = _plan(view, control, len(found.cameras)) if demo.faults else asyncio.sleep(0)
    planner = asyncio.create_task(plan, name="demo: plan")
    show = asyncio.create_task(_show(demo, view, service, control, found, clock, logins), name="demo: view")
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


async def _show(
    demo: Demo,
    view: _View,
    service: Service,
    control: Control,
    found: DemoFleet,
    clock: Clock,
    logins: Logins,
) -> None:
    if demo.as_json:
        await asyncio.wait((service.ended,))  # nothing is shown
        return
    terminal = sys.stdout.isatty()
    head = demo_table.head(service.url, logins, shutil.get_terminal_size().columns, demo.zh)
    with _cursor(sys.stdout, terminal):
        while True:
            await clock.sleep(REDRAW_SECONDS)
            names = _names(service, found)
            try:
                truths = await control.truth()
            except XueliangError:
                truths = {}
            if terminal:
                _draw(demo, view, head, names, truths, clock)
            else:
                _tell(demo, view, names, truths)


def _draw(
    demo: Demo,
    view: _View,
    head: list[str],
    names: dict[str, tuple[str, str]],
    truths: dict[str, str],
    clock: Clock,
) -> None:
    lines = [
        demo_table.Line(name, view.states.get(camera_id), truths.get(virtual, ""))
        for camera_id, (name, virtual) in names.items()
    ]
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


def _greet(demo: Demo, found: DemoFleet, service: Service, folder: Path, kept: Kept, logins: Logins) -> None:
    if demo.as_json:
        simulator = {"url": found.control_url, "token": found.control_token.get_secret_value()}
        users = [{"name": name, "password": password, "role": name} for name, password in logins]
        token = kept.token.get_secret_value() if kept.token is not None else ""
        emit(
            {
                "url": service.url,
                "token": token,
                "users": users,
                "cameras": len(found.cameras),
                "simulator": simulator,
            }
        )
        return
    numbers = len(found.cameras), len(found.hosts)
    if demo.zh:
        note("{} 路摄像机，{} 台设备；数据在 {}\n比正式运行时快：".format(*numbers, folder))
    else:
        note("{} cameras on {} devices; data in {}\nfaster than in production:".format(*numbers, folder))
    for text in printed():
        note(f"  {text}")
    for text in demo_table.greeting(service.url, logins, demo.zh):
        line(text)
    for stranger in found.strangers:
        line(demo_table.stranger(stranger.host, stranger.user, stranger.password.get_secret_value(), demo.zh))
    sys.stdout.flush()


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(data.iterdir()) and not Kept.stands(data):
            raise XueliangError(
                Kind.CONFLICT,
                "this folder holds something else than a demo",
                where=str(data),
                fix="Name an empty folder: the demo makes areas, cameras and logins of its own",
            )
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="xueliang-demo-") as folder:
        yield Path(folder)


def _check_port(port: int) -> None:
    """Before anything is drawn. Raises ``UNAVAILABLE``."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise XueliangError(
            Kind.UNAVAILABLE,
            f"cannot listen: {error.strerror}",
            where=f"127.0.0.1:{port}",
            fix="Stop what listens there, or choose another port with --port (0: any free one)",
        ) from error


def _free_ports() -> tuple[int, int]:
    """For RTSP and ONVIF of a network whose data stay: its addresses follow from the port, so that is chosen first."""
    with socket.create_server(("127.0.0.1", 0)) as rtsp, socket.create_server(("127.0.0.1", 0)) as onvif:
        return int(rtsp.getsockname()[1]), int(onvif.getsockname()[1])


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
