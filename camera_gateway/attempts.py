"""Edge: one try at a time with one account of one device, over RTSP, HTTP and ONVIF together.

:class:`DeviceMemory` writes each try down; the gate only makes the others wait, so that sixty-four channels of a
recorder with a wrong password cost one try and sixty-three answers *locked*, and with the right one none of them
is told *locked* because a neighbour's try was still on its way.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from camera_gateway.memory import AccountKey, DeviceMemory
from camera_gateway.rtsp.attempts import Attempts

#: Keys remembered as proved in this process; a network of 100,000 devices has rarely more than one account each.
PROVED_KEYS = 100_000


@dataclass(slots=True)
class Attempt:
    """What came of the try; left open (a time-out, a lost connection) it stays written down as unfinished."""

    outcome: bool | None = None

    def succeeded(self) -> None:
        self.outcome = True

    def failed(self) -> None:
        self.outcome = False


class AttemptGate:
    """Shared by everything that authenticates towards cameras in one process.

    ``attempts`` holds the turns: hand ``gate.attempts`` to ``RtspClient`` and the gate to ``DeviceHttp``.
    """

    def __init__(self, memory: DeviceMemory, attempts: Attempts | None = None) -> None:
        self._memory = memory
        self.attempts = attempts or Attempts(memory)
        self._proved: OrderedDict[AccountKey, None] = OrderedDict()

    @asynccontextmanager
    async def attempt(self, key: AccountKey) -> AsyncIterator[Attempt]:
        """One try: enter it just before the credentials are sent, mark it as soon as the answer is known.

        Raises ``LOCKED`` while a refused or unfinished try of the same key holds.
        """
        async with self.attempts.trial(key):
            attempt = Attempt()
            try:
                yield attempt
            finally:
                await self._record(key, attempt)

    async def _record(self, key: AccountKey, attempt: Attempt) -> None:
        if attempt.outcome is False:
            self._proved.pop(key, None)
            await self._memory.attempt_failed(key)
        elif attempt.outcome and key not in self._proved:
            await self._memory.attempt_succeeded(key)
            self._proved[key] = None
            if len(self._proved) > PROVED_KEYS:
                self._proved.popitem(last=False)
