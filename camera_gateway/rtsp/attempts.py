"""Pure: one login try at a time for one account of one device, whoever asks, over all channels and protocols."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from camera_gateway.memory import AccountKey, DeviceMemory


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


@dataclass(slots=True)
class Attempts:
    """Share one of these between all clients that use the same memory: 64 channels with one wrong password then
    make one try, because the other 63 wait for its outcome before they ask for theirs."""

    memory: DeviceMemory
    _turns: dict[AccountKey, _Turn] = field(default_factory=dict)

    @asynccontextmanager
    async def trial(self, key: AccountKey) -> AsyncIterator[None]:
        """Holds the turn of ``key``; the try is written down before the body runs, which must report how it went
        to the memory. A try that was never answered stays written down: it may have counted.

        Raises ``LOCKED`` while an earlier try holds.
        """
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                await self.memory.before_attempt(key)
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                self._turns.pop(key, None)
