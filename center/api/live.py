"""Edge: what goes on for longer than one answer (event streams, later pictures), ended when its login ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from config.clock import Clock
from config.errors import Kind, XueliangError
from config.scope import Scope
from registry.login_store import Known

log = logging.getLogger(__name__)

#: A right that is taken away ends what it opened within 5 s; half of that is spent waiting at most.
EVERY_SECONDS = 2.0
#: Streams of one login: a wall has 36 tiles, a browser one event stream.
AT_MOST = 64

#: The same login as it stands now, or ``None``.
Still = Callable[[Known], Awaitable[Known | None]]
#: Writes the ends of views whose login no longer opens them.
Views = Callable[[], Awaitable[None]]


@dataclass(eq=False, slots=True)
class LiveThing:
    """Something open under ``login``. Whoever holds it ends when ``ended`` is set; ``reason`` says why."""

    login: Known
    scope: Scope
    what: str
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = ""

    def end(self, reason: str) -> None:
        if not self.ended.is_set():
            self.reason = reason
            self.ended.set()


class LiveThings:
    """Looks every two seconds whether the logins of what is open still hold, with the very grants they had."""

    def __init__(self, still: Still, clock: Clock, views: Views | None = None) -> None:
        self._still = still
        self._views = views
        self._clock = clock
        self._open: set[LiveThing] = set()
        self._poked = asyncio.Event()

    def __len__(self) -> int:
        return len(self._open)

    @asynccontextmanager
    async def hold(self, login: Known, what: str) -> AsyncIterator[LiveThing]:
        """Register for as long as the body runs. Raises ``LIMIT`` for a login that holds too many."""
        mine = sum(1 for thing in self._open if _key(thing.login) == _key(login))
        if mine >= AT_MOST:
            raise XueliangError(Kind.LIMIT, f"{mine} streams are open under this login", facts={"retry_after": 5})
        thing = LiveThing(login, login.scope(self._clock.now()), what)
        self._open.add(thing)
        try:
            yield thing
        finally:
            self._open.discard(thing)

    def poke(self) -> None:
        """Rights were taken away here: look now, not at the next turn."""
        self._poked.set()

    async def run(self) -> None:
        """Until it is cancelled; then everything ends."""
        try:
            while True:
                await self._turn()
                await self.run_once()
        finally:
            for thing in self._open:
                thing.end("stopping")

    async def run_once(self) -> None:
        """End what no longer holds. If nobody can say whether it holds, it does not."""
        await self._end_things()
        if self._views is not None:
            try:
                await self._views()
            except XueliangError as error:
                log.warning("x views of ended logins wait for their row: %s", error)

    async def _end_things(self) -> None:
        now = self._clock.now()
        for key in {_key(thing.login) for thing in self._open}:
            things = [thing for thing in self._open if _key(thing.login) == key]
            try:
                found = await self._still(things[0].login)
            except XueliangError as error:
                log.warning("x open streams ended, their login cannot be looked up: %s", error)
                found = None
            for thing in things:
                if found is None:
                    thing.end("login_ended")
                elif found.scope(now) != thing.scope:
                    thing.end("rights_changed")

    async def _turn(self) -> None:
        waiting = asyncio.create_task(self._clock.sleep(EVERY_SECONDS))
        poked = asyncio.create_task(self._poked.wait())
        try:
            await asyncio.wait((waiting, poked), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (waiting, poked):
                task.cancel()
            await asyncio.gather(waiting, poked, return_exceptions=True)
        self._poked.clear()


def _key(login: Known) -> tuple[str, str]:
    return login.principal.id, login.session.id if login.session is not None else ""
