"""Edge: the change feed as the API hands it out: in scope, in order, under positions that reveal nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from center.api import feed_position
from center.api.problems import Problem
from center.api.shapes import Out
from config.errors import Kind, XueliangError
from config.scope import Permission, Scope
from registry import change_feed_store
from registry.change_feed import Change, Head
from registry.database import Database
from registry.keys import KeyRing

#: Told to those who may manage accounts and to nobody else.
_OF_ACCOUNTS = frozenset({"principal"})


class ChangeOut(Out):
    """``kind``: the noun (camera, point, device, area, unit, proposal, state, incident ...); ``change``: what of it,
    such as ``{"act": "added"}`` or the new state with its cause and since. ``after``: go on from here."""

    after: str
    at: datetime
    kind: str
    object_id: str
    area_id: str | None
    unit_id: str | None
    change: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """``upto`` is where to go on from; ``more`` says to ask again at once."""

    items: list[ChangeOut]
    upto: Head
    more: bool


class Feed:
    """Bound to nobody: every call takes the asker's scope."""

    def __init__(self, db: Database, keys: KeyRing) -> None:
        self._db = db
        self._keys = keys

    async def head(self, scope: Scope) -> Head:
        async with self._db.read() as connection:
            return await change_feed_store.head(scope, connection)

    def word(self, head: Head) -> str:
        return feed_position.sealed(self._keys, head)

    def place(self, word: str) -> Head:
        """Raises ``cursor`` for a word that is none of ours."""
        found = feed_position.opened(self._keys, word)
        if found is None:
            raise Problem("cursor", where="after", fix="Load everything anew, then follow from the present position")
        return found

    async def after(self, scope: Scope, place: Head, limit: int) -> Part:
        """Raises ``gone``, with ``resync``: what to load, and where to go on from afterwards."""
        try:
            async with self._db.read() as connection:
                part = await change_feed_store.after(scope, connection, place.position, limit, epoch=place.epoch)
        except XueliangError as error:
            if error.kind is not Kind.GONE:
                raise
            raise await self._gone(scope, error) from error
        hidden = frozenset() if scope.where(Permission.USERS).everywhere else _OF_ACCOUNTS
        items = [self._out(part.epoch, one) for one in part.changes if one.kind not in hidden]
        return Part(items, Head(part.epoch, part.upto), part.more)

    async def _gone(self, scope: Scope, error: XueliangError) -> Problem:
        after = self.word(await self.head(scope))
        load = ["/api/v1/areas", "/api/v1/cameras", "/api/v1/status", "/api/v1/incidents"]
        return Problem("gone", what=error.what, where="after", facts={"after": after, "resync": load})

    def _out(self, epoch: str, one: Change) -> ChangeOut:
        return ChangeOut(
            after=self.word(Head(epoch, one.position)),
            at=one.at,
            kind=one.kind,
            object_id=one.object_id,
            area_id=one.area_id,
            unit_id=one.unit_id,
            change=one.payload,
        )
