"""Wiring: what the service does for its own records: views that nobody ended, anchors, and rows after their time."""

from __future__ import annotations

import logging
from datetime import timedelta

from center.anchors import Anchors
from config.errors import XueliangError
from config.scope import Scope
from registry import audit_store, view_register_store
from registry.database import Database

log = logging.getLogger(__name__)

#: A ticket waits 60 s; that it was not used is on record a minute later.
EVERY_SECONDS = 60.0
#: Old rows go once an hour, like all else that has its days.
CLEANING_SECONDS = 3600.0
OURS = Scope.system("upkeep")


class Upkeep:
    """``run`` for ever, ``run_once`` for one round."""

    def __init__(self, db: Database, anchors: Anchors, days: int) -> None:
        self.anchors = anchors
        self._db = db
        self._days = timedelta(days=days)
        self._cleaned: float | None = None

    async def run(self) -> None:
        while True:
            try:
                await self.run_once()
            except XueliangError as error:
                log.warning("x upkeep: %s", error)
            await self._db.clock.sleep(EVERY_SECONDS)

    async def run_once(self) -> None:
        """Raises what the database raises; the next round tries again."""
        async with self._db.write() as connection:
            await view_register_store.tidy(OURS, connection)
        await self.anchors.run_once()
        now = self._db.clock.monotonic()
        if self._cleaned is None or now - self._cleaned >= CLEANING_SECONDS:
            await self._clean()
            self._cleaned = now

    async def _clean(self) -> None:
        """Some thousand rows at a time, so that others can write between."""
        before = self._db.clock.now() - self._days
        for forget in (view_register_store.forget, audit_store.forget):
            while True:
                async with self._db.write() as connection:
                    gone = await forget(OURS, connection, before)
                if not gone:
                    break
