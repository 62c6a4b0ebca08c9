"""Edge: sd_notify(3): what systemd, or a container's engine, is told over the datagram socket of ``$NOTIFY_SOCKET``.

Nothing here raises: a service manager that does not listen must not end a service that works.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import closing

from config.clock import Clock

log = logging.getLogger(__name__)

#: So many times in the span that systemd allows: one that is late or lost ends nothing.
PINGS = 3
_MAX_STATUS = 300


class ServiceManager:
    """Silent where no manager asks to be told, or where it asked another process."""

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._clock = clock
        #: Seconds from one ping to the next; 0: nobody waits for any.
        self.ping_seconds = _watchdog_seconds(environment) / PINGS if self._address else 0.0

    def ready(self, status: str) -> None:
        """The start is over."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def stopping(self, seconds: float) -> None:
        """The end has begun; it may take ``seconds``, whatever the unit says."""
        self._send(f"STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    async def watch(self, standing: Callable[[], str], status: Callable[[], str]) -> None:
        """Until cancelled: a ping as long as ``standing`` says nothing. It names what stands still; then the pings
        stay away, and the manager ends and starts the service anew."""
        before = ""
        while self.ping_seconds:
            still = standing()
            if still and still != before:
                log.error("x standing still, the watchdog is not told otherwise: %s", still)
            self._send(f"STATUS=standing still: {_line(still)}" if still else f"WATCHDOG=1\nSTATUS={_line(status())}")
            before = still
            await self._clock.sleep(self.ping_seconds)
        await asyncio.get_running_loop().create_future()

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # A name that begins with @ is one of Linux' abstract addresses: no file, and a zero byte instead.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)) as out:
                out.setblocking(False)
                out.sendto(text.encode(), address)
        except (OSError, ValueError) as error:
            log.warning("x the service manager hears nothing at %s: %s", self._address, error)


def _watchdog_seconds(environment: Mapping[str, str]) -> float:
    """What ``WatchdogSec=`` gives us; 0 where it is not set, or meant for another process."""
    span, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not span.isdecimal() or (process and process != str(os.getpid())):
        return 0.0
    return int(span) / 1_000_000


def _line(text: str) -> str:
    """One line: what follows a line break would be another message."""
    return " ".join(text.split())[:_MAX_STATUS]
