"""Wiring: the service's life: everything started in order, kept running, and ended in order within its time."""

from __future__ import annotations

import asyncio
import logging
import random
import resource
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from center import console_files
from center.alerting import Topologies
from center.api.app import core_of
from center.api.asked import Core
from center.app import App, build, end
from center.control import ControlServer, Handler
from center.first_admin import make_first_admin
from center.listener import Listener, Listening
from center.live_views import LiveViews
from center.metrics import Metrics
from center.operations import offered
from center.output import note
from center.storage import Storage, opened
from center.web import build as build_web
from center.web import build_metrics
from config.clock import Clock
from config.errors import Kind, XueliangError
from config.settings import Settings
from health.engine import Listener as Hears

log = logging.getLogger(__name__)

#: A camera session is one socket, a check at most three; listeners and the database need a hundred.
FILES = 65_536
#: Checking that stands still for so long does not come back by itself: rounds are of seconds, and the longest wait for
#: a disk that anybody saw was half a minute.
STANDSTILL_SECONDS = 120.0


@dataclass(slots=True)
class Service:
    """A running service. ``ended`` resolves, with the reason, should its watching end by itself."""

    app: App
    core: Core
    url: str = ""
    missing: dict[str, str] = field(default_factory=dict)
    ended: asyncio.Future[XueliangError | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock | None = None,
    rng: random.Random | None = None,
    hears: Hears | None = None,
    demo: bool = False,
) -> AsyncIterator[Service]:
    """The whole service until the body ends; then it is stopped in order, within ``service.shutdown_seconds``. With
    ``demo`` it says of itself that what it watches is virtual.

    Raises what its parts raise at the start; a start that fails lets go of all that was begun.
    """
    _raise_files()
    async with opened(settings, clock) as storage:
        service = _service(storage, build(storage, rng or random.Random(), hears))
        service.core.demo = demo
        async with AsyncExitStack() as stack:
            try:
                await _start(service, stack)
                yield service
            finally:
                service.missing["service"] = "stopping"
                await _stop(stack, settings.service.shutdown_seconds)


def _service(storage: Storage, app: App) -> Service:
    core = core_of(storage, app.pool)
    core.app, core.missing, core.topology = app, {"engine": "starting"}, Topologies(app.book)
    return Service(app, core, missing=core.missing)


async def _start(service: Service, stack: AsyncExitStack) -> None:
    """What is pushed last ends first: discovery, then checking, then camera sessions, workers, socket, listeners."""
    app = service.app
    settings = app.storage.settings
    core = service.core
    metrics = Metrics(app, core)
    await make_first_admin(app.storage.db, core.logins.passwords, core.first, note if sys.stderr.isatty() else None)
    await core.logins.recall()
    _keep_running(service, stack, core.live.run(), "live")
    _keep_running(service, stack, app.upkeep.run(), "upkeep")
    for listener in _listeners(service, metrics):
        await listener.start()
        stack.push_async_callback(listener.close)
        service.url = service.url or listener.url
    control = ControlServer(app.storage.folder.control, _offered(service))
    await control.start()
    stack.push_async_callback(control.close)
    stack.push_async_callback(app.close)
    await app.pool.start()
    engine = asyncio.create_task(app.engine.run(), name="engine")
    engine.add_done_callback(lambda task: _tell_end(service, task))
    stack.push_async_callback(_end_engine, app, engine)
    await _ready(app, engine)
    service.missing.pop("engine")
    views = LiveViews(settings, app.hub, app.book, app.storage.db, random.Random())
    await views.start()
    stack.push_async_callback(views.close)
    core.live_views, core.views.on_end = views, views.revoked
    _keep_running(service, stack, app.delivery.run(), "delivery")
    if app.finding is not None:
        _keep_running(service, stack, app.finding.run(), "discovery")
    log.info("- serving %s, data in %s", service.url, settings.service.data_dir)


def not_ready(service: Service) -> dict[str, str]:
    """What is not ready, and why: what has not started or is ending, and a database that takes no writes."""
    trouble = service.app.storage.db.trouble
    return {**service.missing, "database": trouble} if trouble else dict(service.missing)


def _offered(service: Service) -> dict[str, Handler]:
    """What commands ask of an installation, and whether this service is well."""

    async def ready(_: Mapping[str, Any]) -> Mapping[str, Any]:
        missing = not_ready(service)
        return {"ready": not missing, "missing": missing, "status": status_line(service)}

    return {**offered(service.app.storage, service.core.live.poke), "ready": ready}


def standing_still(service: Service) -> str:
    """What does not turn any more; empty while everything does. Asked by the watchdog: a new start is the only help,
    so what a new start cannot help (a full disk, a network that is gone) is not in it."""
    behind = service.app.engine.behind()
    return f"checking is {behind:.0f} s behind" if behind > STANDSTILL_SECONDS else ""


def status_line(service: Service) -> str:
    """For whoever asks the service manager how we are."""
    missing = ", ".join(f"{part}: {why}" for part, why in not_ready(service).items())
    return f"not ready: {missing}" if missing else f"serving {service.url}"


def _listeners(service: Service, metrics: Metrics) -> list[Listener]:
    settings = service.app.storage.settings
    own = settings.service
    token, console = settings.metrics.token, console_files.found()
    app = build_web(lambda: not_ready(service), metrics.exposition, token, service.core, console)
    proxies = tuple(own.trusted_proxies)
    found = [Listener(app, Listening(own.listen, own.tls_cert_file, own.tls_key_file, proxies))]
    if settings.metrics.listen:
        found.append(Listener(build_metrics(metrics.exposition), Listening(settings.metrics.listen)))
    return found


def _keep_running(service: Service, stack: AsyncExitStack, loop: Coroutine[Any, Any, None], name: str) -> None:
    """Until the stack ends it; should it end by itself, the service says so."""
    task = asyncio.create_task(loop, name=name)
    task.add_done_callback(lambda ended: _tell_end(service, ended))
    stack.push_async_callback(end, task)


async def _ready(app: App, engine: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(app.engine.ready())
    await asyncio.wait((waiting, engine), return_when=asyncio.FIRST_COMPLETED)
    await end(waiting)
    if engine.done():
        engine.result()


def _tell_end(service: Service, task: asyncio.Task[None]) -> None:
    if service.ended.done():
        return
    error = None if task.cancelled() else task.exception()
    if error is None:
        service.ended.set_result(None)
        return
    log.error("x %s ended", task.get_name(), exc_info=error)
    what = error.what if isinstance(error, XueliangError) else type(error).__name__
    service.ended.set_result(XueliangError(Kind.INTERNAL, f"{task.get_name()} ended: {what}", fix="See the log"))


async def _end_engine(app: App, engine: asyncio.Task[None]) -> None:
    await app.engine.stop()
    await asyncio.gather(engine, return_exceptions=True)


async def _stop(stack: AsyncExitStack, seconds: float) -> None:
    """In time or not at all: a camera that holds its TEARDOWN must not hold the service."""
    ending = asyncio.create_task(stack.aclose(), name="stop")
    await asyncio.wait((ending,), timeout=seconds)
    if not ending.done():
        log.error("x not everything was ended within %g s", seconds)
        ending.cancel()
        return
    ending.result()


def _raise_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
