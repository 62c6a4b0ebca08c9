"""Wiring: a district whose cameras fail when a test says so, with states and incidents in a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

from alerts import incident_store, outbox_store
from alerts.incident import Incident, IncidentState
from alerts.incident_keeper import IncidentKeeper
from alerts.incident_store import Shown, Wanted
from alerts.message import Message
from alerts.suppression import SuppressionRules, Topology
from config.clock import ManualClock
from config.ids import new_id
from config.scope import Scope
from health.confirm import ConfirmSettings
from health.observation import Layer, Link, Observation, Picture, Tier
from health.sink import EmbeddedSink, SinkSettings
from health.state import StateSettings
from registry import camera_list_store
from registry.database import Database

SYSTEM = Scope.system("test")
T = TypeVar("T")
#: One look is enough: what it takes to confirm is health's own test.
AT_ONCE = StateSettings(ConfirmSettings(1, 1, 1), ConfirmSettings(1, 1, 1))
STANDING = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)


class World:
    """``topology`` is the registry's, read when :meth:`begin` is called."""

    def __init__(
        self,
        db: Database,
        clock: ManualClock,
        destinations: tuple[str, ...] = ("hook",),
        rules: SuppressionRules | None = None,
    ) -> None:
        self.db, self.clock = db, clock
        self.topology = Topology()
        self.keeper = IncidentKeeper(lambda: self.topology, destinations, rules)
        self.sink = EmbeddedSink(db, clock, SinkSettings(AT_ONCE), self.keeper.on_changes)
        self.ids: tuple[str, ...] = ()

    async def begin(self) -> World:
        async with self.db.read() as connection:
            cameras = await camera_list_store.rows(SYSTEM, connection, None)
        self.topology = Topology.of(cameras)
        self.ids = tuple(c.camera_id for c in cameras)
        await self.sink.load()
        await self.sink.watch(self.ids)
        await self.up(self.ids)
        return self

    async def settle(self, what: Awaitable[T]) -> T:
        """Wait for something that waits for a group commit, while no time passes."""
        task = asyncio.ensure_future(what)
        while not task.done():
            await self.db.batch.flush()
            await asyncio.sleep(0)
        return task.result()

    async def _see(self, ids: Iterable[str], link: Link, picture: Picture | None, cause: str) -> None:
        layer = Layer.PICTURE if link is Link.UP else Layer.STREAM if link is Link.DOWN else Layer.NONE
        at = self.clock.now()
        seen = [Observation(c, new_id(), Tier.LIVENESS, at, link, layer, picture, cause) for c in ids]
        await self.settle(asyncio.gather(*(self.sink.submit(one) for one in seen)))
        self.clock.step(0.001)  # two looks are never at the same moment

    async def up(self, ids: Iterable[str]) -> None:
        await self._see(ids, Link.UP, Picture.GOOD, "")

    async def down(self, ids: Iterable[str], cause: str = "timeout") -> None:
        await self._see(ids, Link.DOWN, None, cause)

    async def bad(self, ids: Iterable[str], cause: str = "covered") -> None:
        await self._see(ids, Link.UP, Picture.BAD, cause)

    async def unknown(self, ids: Iterable[str]) -> None:
        await self._see(ids, Link.UNKNOWN, None, "own_uplink")

    async def unjudged(self, ids: Iterable[str]) -> None:
        await self._see(ids, Link.UP, Picture.CANNOT_JUDGE, "dusk")

    async def maintenance(self, ids: Iterable[str], active: bool) -> None:
        await self.settle(self.sink.set_maintenance(dict.fromkeys(ids, active)))
        self.clock.step(0.001)

    async def mend(self) -> int:
        return await self.settle(self.keeper.mend(self.db, self.sink.state))

    def later(self, seconds: float) -> None:
        self.clock.step(seconds)

    async def shown(self, scope: Scope = SYSTEM, **filters: Any) -> list[Shown]:
        async with self.db.read() as connection:
            found, _ = await incident_store.list_incidents(scope, connection, Wanted(**filters), limit=500)
        return found

    async def standing(self, **filters: Any) -> list[Incident]:
        return [s.incident for s in await self.shown(states=STANDING, **filters)]

    async def told(self, incident_id: str) -> list[Message]:
        async with self.db.read() as connection:
            return await outbox_store.told(SYSTEM, connection, incident_id)

    async def due(self, destination: str = "hook") -> Message | None:
        """What would be sent now."""
        async with self.db.read() as connection:
            return await outbox_store.head(SYSTEM, connection, destination, self.clock.now())

    def soon(self) -> None:
        """Past the wait of a firing."""
        self.later(timedelta(seconds=self.keeper.rules.wait_seconds + 1).total_seconds())
