"""Wiring: incidents that are over and what was told of them are kept for their days only; each run is on record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from alerts import past_store
from config.scope import Scope
from registry.audit_store import append
from registry.database import Connection, Database

HOUR = 3600.0
Forget = Callable[[Scope, Connection, datetime], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class KeptDays:
    """Of incidents since they were over, with their story; of messages since their incident was over."""

    incidents: int = 1095
    messages: int = 90


@dataclass(frozen=True, slots=True)
class Cleaned:
    messages: int = 0
    incidents: int = 0


class Cleaning:
    def __init__(self, db: Database, days: KeptDays) -> None:
        self._db = db
        self._days = days
        self._scope = Scope.system("cleaning")
        self._cleaned: float | None = None

    async def run_hourly(self) -> None:
        """Called more often, it does nothing."""
        now = self._db.clock.monotonic()
        if self._cleaned is None or now - self._cleaned >= HOUR:
            await self.run_once()
            self._cleaned = now

    async def run_once(self) -> Cleaned:
        """In transactions of a few hundred incidents. Raises ``UNAVAILABLE``; what is left goes the next time."""
        messages = await self._all(past_store.forget_messages, self._days.messages)
        done = Cleaned(messages, await self._all(past_store.forget_incidents, self._days.incidents))
        if done.messages or done.incidents:
            async with self._db.write() as connection:
                day = self._db.clock.now().date().isoformat()
                await append(self._scope, connection, "alerts.clean", "retention", day, details=asdict(done))
        return done

    async def _all(self, forget: Forget, days: int) -> int:
        before = self._db.clock.now() - timedelta(days=days)
        gone = 0
        while True:
            async with self._db.write() as connection:
                part = await forget(self._scope, connection, before)
            gone += part
            if not part:
                return gone
