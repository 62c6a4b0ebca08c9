"""Edge: ``xueliang serve``: the service, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio

from center import logs
from center.choices import add_settings, settings_of
from center.output import note
from center.serving import running
from center.stopping import Stopping
from config.settings import Settings, split_listen


def add(parser: argparse.ArgumentParser) -> None:
    add_settings(parser)


async def run(arguments: argparse.Namespace) -> int:
    """0 after SIGTERM or SIGINT, 1 when it could not start or its watching ended by itself."""
    settings = settings_of(arguments)
    logs.start(settings.logging.level, settings.logging.format)
    _banner(settings)
    async with Stopping() as stopping, running(settings) as service:
        asked = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait((asked, service.ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        if service.ended.done() and not stopping.asked:
            error = service.ended.result()
            if error is not None:
                raise error
    return 0


def _banner(settings: Settings) -> None:
    host, _ = split_listen(settings.service.listen)
    if settings.service.insecure_http and not host.startswith("127.") and host != "::1":
        note(f"warning: insecure_http: tokens and states cross the network in the clear ({settings.service.listen})")
    if not settings.reach.networks:
        note("warning: reach.networks is empty: no camera can be contacted")
