"""Edge: where observations become states. In memory at once, on the disk within a second, whatever must not be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta, tzinfo

from config.clock import Clock
from config.errors import XueliangError
from config.scope import Scope
from health import check_store, state, state_store
from health.observation import Link, Observation, Picture, Tier
from health.ports import ChangeHook, Outcome
from health.state import CameraState, Change, StateSettings
from health.state_row import RECENT, Known, Moved, liveness_summary, picture_summary
from registry.database import Connection, Database

#: Changes of one camera that wait for a disk that does not take them.
_MOST_OWED = 200
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """``zone`` is the district's: its days name the partitions of raw checks."""

    states: StateSettings
    zone: tzinfo = UTC


class EmbeddedSink:
    """The keeper of all states of this process. Liveness writes no row: its rows are told by :meth:`flush`."""

    def __init__(
        self, db: Database, clock: Clock, settings: SinkSettings, on_changes: ChangeHook | None = None
    ) -> None:
        self.settings = settings
        self._on_changes = on_changes
        self._db = db
        self._clock = clock
        self._scope = Scope.system("health")
        self._writer = state_store.writer(self._scope, self._tell)
        self._known: dict[str, Known] = {}
        self._dirty: set[str] = set()
        self._owed: dict[str, tuple[Change, ...]] = {}
        self._late: dict[str, tuple[Change, ...]] = {}
        self._landing: dict[str, asyncio.Future[None]] = {}

    async def load(self) -> None:
        """What was known when the service last ran. What nobody vouches for since is unknown from then on."""
        async with self._db.read() as connection:
            self._known = await state_store.load_all(self._scope, connection)

    async def watch(self, camera_ids: Iterable[str]) -> None:
        """Begin rows for cameras not known yet, and close the gap since those known were last seen."""
        now = self._clock.now()
        new = [Known(state.begin(c, now)) for c in camera_ids if c not in self._known]
        for start in range(0, len(new), 500):
            part = new[start : start + 500]
            async with self._db.write() as connection:
                await state_store.begin(self._scope, connection, part)
            self._known.update({k.state.camera_id: k for k in part})

    def state(self, camera_id: str) -> CameraState | None:
        known = self._known.get(camera_id)
        return known.state if known else None

    def known(self, camera_id: str) -> Known | None:
        return self._known.get(camera_id)

    async def submit(self, seen: Observation, next_in: float | None = None) -> Outcome:
        """Raises ``UNAVAILABLE`` where the disk did not take it; the state in memory goes on all the same.

        What the disk took only later is told with the first outcome after that, before its own changes.
        """
        known = self._known[seen.camera_id]
        if seen.probe_id in known.recent:
            return Outcome(False, known.state)
        after, changes = state.advance(known.state, seen, self.settings.states)
        failed = seen.link is Link.DOWN or seen.picture is Picture.BAD
        told = Known(
            after,
            known.checks + 1,
            known.failures + failed,
            (*known.recent, seen.probe_id)[-RECENT:],
            picture_summary(seen) if seen.tier is Tier.PICTURE else known.last_picture,
            liveness_summary(seen) if seen.tier is Tier.LIVENESS else known.last_liveness,
            known.next_check_at if next_in is None else self._clock.now() + timedelta(seconds=next_in),
        )
        self._known[seen.camera_id] = told
        outcome = Outcome(True, after, changes, state.wants_burst(after, seen))
        await self._store(known, told, seen, changes)
        late = self._late.pop(seen.camera_id, ())
        return replace(outcome, changes=(*late, *changes)) if late else outcome

    async def _store(self, before: Known, after: Known, seen: Observation, changes: tuple[Change, ...]) -> None:
        # A run under way is part of what a restart must not forget; timestamps and counters can wait.
        moved = bool(changes) or _runs(before.state) != _runs(after.state)
        earlier = self._landing.get(seen.camera_id)
        landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if moved:
            self._landing[seen.camera_id] = landed
        try:
            await self._put(after, seen, changes, moved=moved)
            # Two looks at once: the second rests on the state of the first, and is not told before that is on the disk.
            if earlier is not None:
                await asyncio.wait((earlier,))
        finally:
            landed.set_result(None)
            if self._landing.get(seen.camera_id) is landed:
                del self._landing[seen.camera_id]

    async def _put(self, after: Known, seen: Observation, changes: tuple[Change, ...], *, moved: bool) -> None:
        check = None
        if seen.tier is Tier.PICTURE:
            check = await check_store.queue(self._db, self._scope, seen, self.settings.zone)
        if moved:
            await self._write(after, changes, check)
        else:
            self._dirty.add(seen.camera_id)
            if check is not None:
                await check

    async def set_maintenance(self, active: Mapping[str, bool]) -> list[Change]:
        """Lay maintenance over cameras, or take it away; those that stand as said are left alone."""
        now = self._clock.now()
        moved = []
        for camera_id, wanted in active.items():
            known = self._known.get(camera_id)
            if known is not None and known.state.maintenance != wanted:
                moved.append((known, *state.set_maintenance(known.state, wanted, now)))
        return await self._move(moved)

    async def expire(self) -> list[Change]:
        """Turn states that nobody vouches for any more into unknown; called every few seconds."""
        now, settings = self._clock.now(), self.settings.states
        moved = [(known, *state.expire(known.state, now, settings)) for known in self._known.values()]
        return await self._move([m for m in moved if m[2]])

    def plan_next(self, camera_id: str, seconds: float | None) -> None:
        """When it is looked at next, for the status of a camera; written with the next flush."""
        known = self._known.get(camera_id)
        if known is None:
            return
        at = None if seconds is None else self._clock.now() + timedelta(seconds=seconds)
        self._known[camera_id] = replace(known, next_check_at=at)
        self._dirty.add(camera_id)

    async def flush(self) -> None:
        """Write the rows that only their times and counters changed in."""
        dirty = [self._known[c] for c in sorted(self._dirty) if c in self._known]
        self._dirty.clear()
        for start in range(0, len(dirty), 500):
            part = dirty[start : start + 500]
            try:
                await (await state_store.queue_rows(self._db, self._scope, part))
            except XueliangError:
                self._dirty.update(k.state.camera_id for k in dirty[start:])
                raise
        owed = [c for c in self._owed if c in self._known]
        for start in range(0, len(owed), _AT_ONCE):
            await _all(self._write(self._known[c], ()) for c in owed[start : start + _AT_ONCE])

    async def _move(self, moved: Sequence[tuple[Known, CameraState, tuple[Change, ...]]]) -> list[Change]:
        """Many at once (a fleet after a gap) share their group commits instead of waiting for one each."""
        for known, after, _ in moved:
            self._known[after.camera_id] = replace(known, state=after)
        for start in range(0, len(moved), _AT_ONCE):
            part = moved[start : start + _AT_ONCE]
            await _all(self._write(self._known[after.camera_id], changes) for _, after, changes in part)
        return [change for _, _, changes in moved for change in changes]

    async def _write(
        self, known: Known, changes: tuple[Change, ...], check: asyncio.Future[None] | None = None
    ) -> None:
        """What the disk would not take is owed and goes with the next write of that camera, in order."""
        camera_id = known.state.camera_id
        owed = self._owed.pop(camera_id, ())
        due = (*owed, *changes)
        self._dirty.discard(camera_id)
        try:
            # Somebody looks at the page that shows it.
            ack = await self._db.batch.add_joint(self._writer, Moved(known, due), soon=bool(due))
            if check is not None:
                await check
            await ack
        except XueliangError:
            self._dirty.add(camera_id)
            if due:
                self._owed[camera_id] = (*due, *self._owed.get(camera_id, ()))[-_MOST_OWED:]
            raise
        if owed:
            self._late[camera_id] = (*self._late.get(camera_id, ()), *owed)[-_MOST_OWED:]

    async def _tell(self, connection: Connection, moved: Sequence[Moved]) -> None:
        if self._on_changes is not None:
            await self._on_changes(connection, moved, self.state)


async def _all(writes: Iterable[Awaitable[None]]) -> None:
    """Together, so that they share a group commit; raises the first failure once all have ended."""
    failed = [e for e in await asyncio.gather(*writes, return_exceptions=True) if e is not None]
    if failed:
        raise failed[0]


def _runs(of: CameraState) -> tuple[object, ...]:
    return of.link.window, of.picture.window, of.link.proved, of.picture.proved, of.picture.doubts
