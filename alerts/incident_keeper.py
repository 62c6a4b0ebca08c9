"""Wiring: every change of a camera's state passes here, in the transaction that writes it, and becomes incidents.

What is done follows from the state reached and from the rows that stand, never from the change alone or from memory:
a transaction repeated, a restart, or a change that was never told heals with the next one, or with :meth:`mend`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alerts import gap_store
from alerts import incident_rows_store as rows
from alerts.incident import Event, advance
from alerts.incident_rows_store import Step
from alerts.incident_turn import IncidentTurn
from alerts.suppression import Look, SuppressionRules, Topology
from config.scope import Scope
from health import state_store
from health.state import CameraState
from health.state_row import Moved
from registry.database import Connection, Database, clock_of

#: Cameras mended in one transaction: others want to write too.
_AT_ONCE = 500


class IncidentKeeper:
    """``topology`` gives the groups as they are now; ``destinations`` are the names of who is to be told."""

    def __init__(
        self, topology: Callable[[], Topology], destinations: Sequence[str], rules: SuppressionRules | None = None
    ) -> None:
        self.rules = rules or SuppressionRules()
        self._topology = topology
        self._destinations = tuple(destinations)
        self._scope = Scope.system("alerts")

    async def on_changes(self, connection: Connection, moved: Sequence[Moved], look: Look) -> None:
        """The incidents after changes of many cameras. ``look`` tells the state of any camera."""
        for states in _rounds(moved):
            await self._turn(connection, look).run(states)

    async def mend(self, db: Database, look: Look) -> int:
        """Bring incidents and states that are on the disk together; how often they were apart.

        A camera that was down before there were incidents gets one, with its true start; an incident whose camera is
        well, or no longer watched, ends, and so does that of a group of which half is over. Nothing is left to do the
        second time. Raises ``UNAVAILABLE``.
        """
        async with db.read() as connection:
            apart = await gap_store.cameras_apart(connection)
        for ids in rows.chunks(apart, _AT_ONCE):
            async with db.write() as connection:
                known = await state_store.load_some(self._scope, connection, ids)
                await self._turn(connection, look).run([one.state for one in known])
        return len(apart) + await self._tidy(db, look) + await self._lift(db, look)

    async def _tidy(self, db: Database, look: Look) -> int:
        """End what stands of cameras that left the list."""
        ended = 0
        async with db.read() as connection:
            some = bool(await gap_store.find_left(connection, 1))
        while some:
            async with db.write() as connection:
                left = await gap_store.find_left(connection, _AT_ONCE)
                now = clock_of(connection).now()
                steps = [Step(one, advance(one, Event.LEAVE, now), "removed") for one in left]
                await self._turn(connection, look).end(steps)
            ended += len(left)
            some = len(left) == _AT_ONCE
        return ended

    async def _lift(self, db: Database, look: Look) -> int:
        async with db.read() as connection:
            hollow = await gap_store.find_hollow(connection, _AT_ONCE)
        if hollow:
            async with db.write() as connection:
                await self._turn(connection, look).lift(hollow)
        return len(hollow)

    def _turn(self, connection: Connection, look: Look) -> IncidentTurn:
        now = clock_of(connection).now()
        return IncidentTurn(self._scope, connection, now, self._topology(), look, self.rules, self._destinations)


def _rounds(moved: Sequence[Moved]) -> list[list[CameraState]]:
    """In order, each with a camera at most once."""
    rounds: list[dict[str, CameraState]] = []
    for one in moved:
        state = one.known.state
        place = next((r for r in rounds if state.camera_id not in r), None)
        if place is None:
            rounds.append(place := {})
        place[state.camera_id] = state
    return [list(states.values()) for states in rounds]
