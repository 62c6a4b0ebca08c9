"""Edge: one try at a time with one account of one device, over RTSP, HTTP and ONVIF together.

:class:`DeviceMemory` writes each try down; the gate only makes the others wait, so that sixty-four channels of a
recorder with a wrong password cost one try and sixty-three answers *locked*, and with the right one none of them
is told *locked* because a neighbour's try was still on its way.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from camera_gateway.memory import AccountKey, DeviceMemory

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


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class AttemptGate:
    """Shared by everything that authenticates towards cameras in one process."""

    def __init__(self, memory: DeviceMemory) -> None:
        self._memory = memory
        self._turns: dict[AccountKey, _Turn] = {}
        self._proved: OrderedDict[AccountKey, None] = OrderedDict()

    def attempt(self, key: AccountKey) -> AbstractAsyncContextManager[Attempt]:
        """One try: enter it just before the credentials are sent, mark it as soon as the answer is known.

        Entering raises ``LOCKED`` while a refused or unfinished try of the same key holds.
        """
        return _Try(self, key)

    async def enter(self, key: AccountKey) -> None:
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            await turn.lock.acquire()
            try:
                await self._memory.before_attempt(key)
            except BaseException:
                turn.lock.release()
                raise
        except BaseException:
            self._leave(key, turn)
            raise

    async def leave(self, key: AccountKey, attempt: Attempt) -> None:
        turn = self._turns[key]
        try:
            await self._record(key, attempt)
        finally:
            turn.lock.release()
            self._leave(key, turn)

    def _leave(self, key: AccountKey, turn: _Turn) -> None:
        turn.users -= 1
        if turn.users == 0:
            self._turns.pop(key, None)

    async def _record(self, key: AccountKey, attempt: Attempt) -> None:
        if attempt.outcome is False:
            self._proved.pop(key, None)
            await self._memory.attempt_failed(key)
        elif attempt.outcome and key not in self._proved:
            await self._memory.attempt_succeeded(key)
            self._proved[key] = None
            if len(self._proved) > PROVED_KEYS:
                self._proved.popitem(last=False)


class _Try(AbstractAsyncContextManager[Attempt]):
    """A class, because a generator that stands for one costs every keyframe of the fleet a little."""

    __slots__ = ("_attempt", "_gate", "_key")

    def __init__(self, gate: AttemptGate, key: AccountKey) -> None:
        self._gate = gate
        self._key = key
        self._attempt = Attempt()

    async def __aenter__(self) -> Attempt:
        await self._gate.enter(self._key)
        return self._attempt

    async def __aexit__(self, *exc: object) -> None:
        await self._gate.leave(self._key, self._attempt)
