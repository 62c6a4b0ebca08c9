"""Edge: SIGTERM and SIGINT: the first asks to stop, the second ends at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopping:
    """``async with Stopping() as stopping: await stopping.wait()``."""

    def __init__(self, leave: Callable[[int], None] = os._exit) -> None:
        self._event = asyncio.Event()
        self._leave = leave
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    async def __aenter__(self) -> Stopping:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            self._before[number] = signal.getsignal(number)
            loop.add_signal_handler(number, self.ask)
        return self

    async def __aexit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number, handler in self._before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)

    def ask(self) -> None:
        if self._event.is_set():
            self._leave(1)
        self._event.set()

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    async def wait(self, seconds: float | None = None) -> None:
        """Until somebody asks, or for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
