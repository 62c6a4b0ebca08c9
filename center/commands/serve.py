"""Edge: ``xueliang serve``: the service, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import os

from center import logs
from center.choices import add_settings, settings_of
from center.output import note
from center.service_manager import ServiceManager
from center.serving import Service, running, standing_still, status_line
from center.stopping import Stopping
from config.clock import SystemClock
from config.settings import Settings, split_listen

#: What the end needs beyond ``service.shutdown_seconds``: the database's last page and the interpreter's own end.
_LAST_SECONDS = 10.0


def add(parser: argparse.ArgumentParser) -> None:
    add_settings(parser)


async def run(arguments: argparse.Namespace) -> int:
    """0 after SIGTERM or SIGINT, 1 when it could not start or its watching ended by itself."""
    settings = settings_of(arguments)
    logs.start(settings.logging.level, settings.logging.format)
    faulthandler.enable()  # a watchdog ends us by SIGABRT: where each thread stood is then in the log
    _banner(settings)
    manager = ServiceManager(os.environ, SystemClock())
    async with Stopping() as stopping, running(settings) as service:
        await _until_told(service, stopping, manager)
        manager.stopping(settings.service.shutdown_seconds + _LAST_SECONDS)
        if service.ended.done() and not stopping.asked:
            error = service.ended.result()
            if error is not None:
                raise error
    return 0


async def _until_told(service: Service, stopping: Stopping, manager: ServiceManager) -> None:
    manager.ready(status_line(service))
    asked = asyncio.create_task(stopping.wait())
    watch = asyncio.create_task(manager.watch(lambda: standing_still(service), lambda: status_line(service)))
    try:
        await asyncio.wait((asked, watch, service.ended), return_when=asyncio.FIRST_COMPLETED)
        if watch.done():
            watch.result()
    finally:
        asked.cancel()
        watch.cancel()
        await asyncio.gather(asked, watch, return_exceptions=True)


def _banner(settings: Settings) -> None:
    host, _ = split_listen(settings.service.listen)
    if settings.service.insecure_http and not host.startswith("127.") and host != "::1":
        note(f"warning: insecure_http: tokens and states cross the network in the clear ({settings.service.listen})")
    if not settings.reach.networks:
        note("warning: reach.networks is empty: no camera can be contacted")
