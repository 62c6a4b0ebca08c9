"""Edge: views whose login, grant or camera no longer allows them: their end is written, and their tickets are void."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from center.api.logins import Logins
from config.clock import Clock
from config.errors import Kind, XueliangError
from config.scope import Scope
from registry import view_register_store
from registry.database import Connection, Database
from registry.login_store import Known
from registry.view import OpenView, RegisterRow

log = logging.getLogger(__name__)

OURS = Scope.system("views")


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A view that begins now, and who looks: hold what shows it in ``LiveThings`` under ``known``."""

    row: RegisterRow
    known: Known


@dataclass(eq=False, slots=True)
class _Asked:
    """One ticket that somebody shows, and what became of it."""

    secret: str = field(repr=False)
    camera_id: str
    redeemed: Redeemed | None = None
    refused: str = ""


class OpenViews:
    """``on_end`` hears at once of those that were taken away, whoever writes their rows."""

    def __init__(self, db: Database, logins: Logins, clock: Clock) -> None:
        self.on_end: Callable[[list[str]], None] = lambda view_ids: None
        self._db = db
        self._logins = logins
        self._clock = clock
        self._joint = self._redeem  # one object: what is queued with it is done together

    async def redeem(self, secret: str, camera_id: str) -> Redeemed:
        """Use a ticket: once, in time, for its camera, while its login still may look at it. Raises ``FORBIDDEN``.

        A wall asks for sixteen at once: they share a commit, and the questions in it. One that is refused is refused
        alone.
        """
        asked = _Asked(secret, camera_id)
        await (await self._db.soon.add_joint(self._joint, asked))
        if asked.redeemed is None:
            raise XueliangError(Kind.FORBIDDEN, asked.refused, fix="Ask for a new view", facts={"code": "ticket"})
        return asked.redeemed

    async def _redeem(self, connection: Connection, asked: Sequence[_Asked]) -> None:
        """A ticket whose right was taken away stays used; the next look at everybody's ends its view."""
        found = await view_register_store.redeem_all(OURS, connection, [(one.secret, one.camera_id) for one in asked])
        by_login: dict[tuple[str, str | None], list[tuple[_Asked, RegisterRow, OpenView]]] = {}
        for one, used in zip(asked, found, strict=True):
            one.redeemed, one.refused = None, "the ticket was used before, is over, or is for another camera"
            if used is not None:
                row, view = used
                by_login.setdefault((view.principal_id, view.session_id), []).append((one, row, view))
        for login, theirs in by_login.items():
            known = await self._logins.holder(connection, *login)
            scope = None if known is None else known.scope(self._clock.now())
            may: set[str] = set()
            if scope is not None:
                may = await view_register_store.seen_still(scope, connection, [view for _, _, view in theirs])
            for one, row, view in theirs:
                if known is not None and view.view_id in may:
                    one.redeemed = Redeemed(row, known)
                else:
                    one.refused = "the right to look was taken away since the ticket was given"

    async def run_once(self) -> None:
        """One look at everybody's. Raises what the database raises; what could not be written is tried again."""
        ending: dict[str, list[str]] = {}
        async with self._db.read() as connection:
            found = await view_register_store.open_views(OURS, connection)
            by_login: dict[tuple[str, str | None], list[OpenView]] = {}
            for view in found:
                by_login.setdefault((view.principal_id, view.session_id), []).append(view)
            for login, views in by_login.items():
                known = await self._logins.holder(connection, *login)
                if known is None:
                    ending.setdefault("login_ended", []).extend(view.view_id for view in views)
                    continue
                scope = known.scope(self._clock.now())
                may = await view_register_store.seen_still(scope, connection, views)
                gone = [view.view_id for view in views if view.view_id not in may]
                ending.setdefault("rights_changed", []).extend(gone)
        for reason, ids in ending.items():
            if ids:
                self.on_end(ids)
                async with self._db.write() as connection:
                    await view_register_store.end_views(OURS, connection, ids, reason)
                log.info("- %d views ended: %s", len(ids), reason)
