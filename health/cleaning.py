"""Wiring: what is kept for its days only goes, a little at a time, and each run that deletes is on record."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, timedelta, tzinfo

from config.clock import Clock
from config.scope import Scope
from health import check_store, evidence_store, state_store
from health.evidence_keeper import EvidenceKeeper
from registry import change_feed_store
from registry.audit_store import append
from registry.database import Database


@dataclass(frozen=True, slots=True)
class CleaningSettings:
    """Days. Changes and intervals are what a month is reckoned from; evidence counts from the end of its fault.
    ``feed_days`` is the change feed's, of every room: a reader that was away for longer loads everything anew."""

    checks_days: int = 3
    changes_days: int = 1095
    evidence_days: int = 30
    feed_days: int = 30
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Cleaned:
    checks: int = 0
    changes: int = 0
    evidence: int = 0
    feed: int = 0

    @property
    def total(self) -> int:
        return self.checks + self.changes + self.evidence + self.feed


class Cleaning:
    def __init__(self, db: Database, clock: Clock, keeper: EvidenceKeeper, settings: CleaningSettings) -> None:
        self._db = db
        self._clock = clock
        self._keeper = keeper
        self._settings = settings
        self._scope = Scope.system("cleaning")

    async def run_once(self) -> Cleaned:
        """Everything that is over, in transactions of one day or a few thousand rows: checking goes on meanwhile."""
        now = self._clock.now()
        done = Cleaned(await self._checks(), await self._changes(), await self._evidence(), await self._feed())
        if done.total:
            async with self._db.write() as connection:
                day = now.date().isoformat()
                await append(self._scope, connection, "health.clean", "retention", day, details=asdict(done))
        return done

    async def _checks(self) -> int:
        first = check_store.oldest_kept(self._clock.now(), self._settings.checks_days, self._settings.zone)
        gone = 0
        while True:
            async with self._db.write() as connection:
                part = await check_store.forget(self._scope, connection, first)
            gone += part
            if not part:
                return gone

    async def _changes(self) -> int:
        before = self._clock.now() - timedelta(days=self._settings.changes_days)
        gone = 0
        while True:
            async with self._db.write() as connection:
                part = await state_store.forget(self._scope, connection, before)
            gone += part
            if not part:
                return gone

    async def _evidence(self) -> int:
        before = self._clock.now() - timedelta(days=self._settings.evidence_days)
        gone = 0
        while True:
            async with self._db.read() as connection:
                ids = await evidence_store.expired(self._scope, connection, before)
            if not ids:
                return gone
            await self._keeper.remove(ids)
            gone += len(ids)

    async def _feed(self) -> int:
        before = self._clock.now() - timedelta(days=self._settings.feed_days)
        gone = 0
        while True:
            async with self._db.write() as connection:
                part = await change_feed_store.forget(self._scope, connection, before)
            gone += part
            if not part:
                return gone
