"""Edge: the register of views. No row, no view: a ticket exists only together with its row."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Extent, Permission, Scope
from registry.audit_chain import Act
from registry.audit_store import append_many
from registry.camera import Camera
from registry.database import Connection, clock_of
from registry.login_tables import sessions
from registry.nouns_store import CAMERA
from registry.rows_store import forbidden, load, not_found
from registry.scope_store import require_everywhere, visible
from registry.session import digest, new_secret
from registry.tables import cameras, principals
from registry.view import (
    NEEDS,
    OF_ALL,
    PER_PRINCIPAL,
    TICKET,
    TICKETED,
    Intent,
    OpenView,
    RegisterRow,
    Ticket,
    ViewKind,
    ViewMoment,
    check_intent,
    check_mask,
)
from registry.view_tables import view_register, view_tickets

#: A view whose end nobody wrote (a killed service) does not count against its account for ever.
_LONGEST = timedelta(hours=12)
_t, _r = view_tickets.c, view_register.c


async def viewable(scope: Scope, connection: Connection, camera_ids: Sequence[str], kind: ViewKind) -> list[Camera]:
    """The cameras, in the order asked for. Raises ``NOT_FOUND`` for one out of scope, ``FORBIDDEN`` for one that may
    be read but not looked at, and for one whose privacy mask is not in the picture."""
    may = sa.or_(*(_inside(scope, permission) for permission in NEEDS[kind]))
    query = sa.select(cameras, may.label("may")).where(
        cameras.c.id.in_(sorted(set(camera_ids))), sa.or_(may, _inside(scope, Permission.READ))
    )
    found = {row.id: row for row in await connection.execute(query)}
    shown: list[Camera] = []
    for camera_id in camera_ids:
        row = found.get(camera_id)
        if row is None:
            raise not_found("camera")
        if not row.may:
            raise forbidden(NEEDS[kind][0])
        camera = load(CAMERA, row)
        check_mask(camera, kind)
        shown.append(camera)
    return shown


async def begin(
    scope: Scope,
    connection: Connection,
    principal_id: str,
    asked: Sequence[Camera],
    intent: Intent,
    session_id: str | None = None,
) -> list[Ticket]:
    """A row and a single-use ticket for each camera of :func:`viewable`; they end with the session they are given to,
    a token's with the token. Raises ``INVALID`` and ``LIMIT``."""
    if intent.kind not in TICKETED:
        raise XueliangError(Kind.INVALID, f"a view of the kind {intent.kind.value} has no ticket", where="kind")
    check_intent(intent)
    now = clock_of(connection).now()
    await _require_room(connection, principal_id, len(asked), now)
    tickets = [Ticket(new_id(), camera.id, new_secret(), now + TICKET) for camera in asked]
    views = list(zip(tickets, asked, strict=True))
    await _write(scope, connection, [(t.view_id, c) for t, c in views], ViewMoment.BEGIN, intent)
    rows = [
        {
            "view_id": ticket.view_id,
            "digest": digest(ticket.secret),
            "principal_id": principal_id,
            "expires": ticket.expires,
            "session_id": session_id,
        }
        for ticket in tickets
    ]
    if rows:
        await connection.execute(sa.insert(view_tickets), rows)
    return tickets


async def shown(
    scope: Scope,
    connection: Connection,
    camera: Camera,
    intent: Intent,
    about: str | None = None,
    *,
    view_id: str | None = None,
) -> str:
    """The row of one still, written before it is handed out; the view's id, drawn here unless it is in the picture
    already. ``about``: which picture."""
    check_intent(intent)
    view_id = view_id or new_id()
    await _write(scope, connection, [(view_id, camera)], ViewMoment.SHOWN, intent, reason=about)
    return view_id


#: Built once: a wall redeems sixteen at once while its browser wants the processor for itself.
_TICKETS = (
    sa.select(view_register, _t.digest, _t.principal_id.label("holder"), _t.session_id)
    .join(view_tickets, sa.and_(_t.view_id == _r.view_id, _r.moment == ViewMoment.BEGIN))
    .where(_t.digest.in_(sa.bindparam("wanted", expanding=True)))
)
_USE = (
    sa.update(view_tickets)
    .where(
        _t.view_id.in_(sa.bindparam("views", expanding=True)),
        _t.used_at.is_(None),
        _t.ended_at.is_(None),
        _t.expires > sa.bindparam("now", type_=_t.expires.type),
        _t.principal_id.in_(sa.select(principals.c.id).where(principals.c.disabled.is_(False))),
        sa.or_(_t.session_id.is_(None), _t.session_id.in_(sa.select(sessions.c.id))),
    )
    .values(used_at=sa.bindparam("now", type_=_t.expires.type))
    .returning(_t.view_id)
)


async def redeem(scope: Scope, connection: Connection, secret: str, camera_id: str) -> tuple[RegisterRow, OpenView]:
    """Use a ticket: once, in time, for its own camera. ``scope`` is the service's. Raises ``FORBIDDEN``."""
    (found,) = await redeem_all(scope, connection, [(secret, camera_id)])
    if found is None:
        raise XueliangError(
            Kind.FORBIDDEN,
            "the ticket was used before, is over, or is for another camera",
            fix="Ask for a new view",
            facts={"code": "ticket"},
        )
    return found


async def redeem_all(
    scope: Scope, connection: Connection, asked: Sequence[tuple[str, str]]
) -> list[tuple[RegisterRow, OpenView] | None]:
    """As :func:`redeem`, of several (ticket, camera) in two statements; ``None`` for each that is refused."""
    require_everywhere(scope, Permission.SYSTEM)
    digests = [digest(secret) for secret, _ in asked]
    known = {}
    for row in await connection.execute(_TICKETS, {"wanted": list(set(digests))}):
        given = dict(row._mapping)
        its_digest, holder, session_id = given.pop("digest"), given.pop("holder"), given.pop("session_id")
        began = RegisterRow(**given)
        known[its_digest] = began, OpenView(began.view_id, holder, session_id, began.camera_id, began.kind)
    wanted = [known.get(one) for one in digests]
    fits = [
        one if one is not None and one[0].camera_id == camera_id else None
        for one, (_, camera_id) in zip(wanted, asked, strict=True)
    ]
    views = {one[0].view_id for one in fits if one is not None}
    if not views:
        return fits
    now = clock_of(connection).now()
    used = set((await connection.execute(_USE, {"views": sorted(views), "now": now})).scalars())
    found: list[tuple[RegisterRow, OpenView] | None] = []
    for one in fits:
        found.append(one if one is not None and one[0].view_id in used else None)
        if one is not None:
            used.discard(one[0].view_id)  # asked for twice at once, it opens one view
    return found


async def end(scope: Scope, connection: Connection, principal_id: str, view_id: str, reason: str = "ended") -> None:
    """The second row. Ending twice is ending once. Raises ``NOT_FOUND`` for a view of somebody else's."""
    mine = _t.view_id == view_id, _t.principal_id == principal_id
    if (await connection.execute(sa.select(_t.view_id).where(*mine))).first() is None:
        raise not_found("view")
    await _end(scope, connection, [view_id], reason)


async def end_mine(
    scope: Scope, connection: Connection, principal_id: str, view_ids: Sequence[str], reason: str = "ended"
) -> list[str]:
    """As :func:`end`, of a whole screen; the ids of those that are this principal's."""
    query = sa.select(_t.view_id).where(_t.view_id.in_(list(view_ids)), _t.principal_id == principal_id)
    mine = sorted((await connection.execute(query)).scalars())
    await _end(scope, connection, mine, reason)
    return mine


#: Asked every two seconds.
_OPEN = (
    sa.select(_t.view_id, _t.principal_id, _t.session_id, _r.camera_id, _r.kind)
    .join(view_register, sa.and_(_r.view_id == _t.view_id, _r.moment == ViewMoment.BEGIN))
    .where(_t.ended_at.is_(None))
    .order_by(_r.seq)
)


async def open_views(scope: Scope, connection: Connection) -> list[OpenView]:
    """What is under way or may still be opened, of everybody."""
    require_everywhere(scope, Permission.SYSTEM)
    return [OpenView(*row) for row in await connection.execute(_OPEN)]


@lru_cache(maxsize=1024)
def _seen(extents: tuple[Extent, ...]) -> sa.Select[Any]:
    """Those of some cameras that are in one of these extents."""
    inside = sa.or_(*(visible(extent, cameras.c.area_id, cameras.c.unit_id) for extent in extents))
    return sa.select(cameras).where(cameras.c.id.in_(sa.bindparam("ids", expanding=True)), inside)


async def seen_still(scope: Scope, connection: Connection, views: Sequence[OpenView]) -> set[str]:
    """The ids of those views whose camera may still be looked at in this scope, with its mask as it is now."""
    may: set[str] = set()
    for kind in {view.kind for view in views}:
        part = [view for view in views if view.kind is kind]
        query = _seen(tuple(scope.where(permission) for permission in NEEDS[kind]))
        shown_: set[str] = set()
        for row in await connection.execute(query, {"ids": sorted({view.camera_id for view in part})}):
            with suppress(XueliangError):
                check_mask(load(CAMERA, row), kind)
                shown_.add(row.id)
        may |= {view.view_id for view in part if view.camera_id in shown_}
    return may


async def end_views(scope: Scope, connection: Connection, ids: Sequence[str], reason: str) -> None:
    """What opened them was revoked: they are over. Those that ended before stay as they are."""
    require_everywhere(scope, Permission.SYSTEM)
    await _end(scope, connection, ids, reason)


async def end_begun(scope: Scope, connection: Connection, reason: str) -> int:
    """At the start of the service: what was under way when the one before was killed is over; how many."""
    require_everywhere(scope, Permission.SYSTEM)
    query = sa.select(_t.view_id).where(_t.used_at.is_not(None), _t.ended_at.is_(None))
    ids = list((await connection.execute(query)).scalars())
    await _end(scope, connection, ids, reason)
    return len(ids)


async def tidy(scope: Scope, connection: Connection, *, limit: int = 500) -> int:
    """Tickets that nobody used in time, and views nobody ended: their end is written; how many."""
    require_everywhere(scope, Permission.SYSTEM)
    now = clock_of(connection).now()
    unused = sa.and_(_t.used_at.is_(None), _t.expires <= now)
    left = sa.and_(_t.used_at.is_not(None), _t.used_at <= now - _LONGEST)
    ids: list[str] = []
    for condition, reason in ((unused, "not used"), (left, "longest")):
        query = sa.select(_t.view_id).where(_t.ended_at.is_(None), condition).order_by(_t.view_id).limit(limit)
        part = list((await connection.execute(query)).scalars())
        await _end(scope, connection, part, reason)
        ids += part
    await connection.execute(sa.delete(view_tickets).where(_t.ended_at <= now - _LONGEST))
    return len(ids)


async def page(
    scope: Scope,
    connection: Connection,
    *,
    before: Sequence[str] | None = None,
    limit: int = 100,
    camera_id: str | None = None,
    principal: str | None = None,
) -> tuple[list[RegisterRow], list[str] | None]:
    """The newest rows first, those in the scope of the permission *audit*; the second answer is ``before`` for the
    next page. It names a row of the asker's own, not its number among everybody's."""
    query = sa.select(view_register).where(visible(scope.where(Permission.AUDIT), _r.area_id, _r.unit_id))
    for column, wanted in ((_r.camera_id, camera_id), (_r.principal, principal)):
        if wanted is not None:
            query = query.where(column == wanted)
    if before is not None:
        view_id, moment = before
        last = sa.select(_r.seq).where(_r.view_id == view_id, _r.moment == ViewMoment(moment))
        query = query.where(_r.seq < last.scalar_subquery())
    limit = max(1, min(limit, 500))
    found = (await connection.execute(query.order_by(_r.seq.desc()).limit(limit + 1))).all()
    rows = [RegisterRow(**row._mapping) for row in found[:limit]]
    return rows, [rows[-1].view_id, rows[-1].moment.value] if len(found) > limit else None


async def forget(scope: Scope, connection: Connection, before: datetime, *, limit: int = 5000) -> int:
    """Delete some of the rows older than ``before``, the audit's row of the deletion with it; how many."""
    require_everywhere(scope, Permission.SYSTEM)
    old = sa.select(_r.seq).where(_r.at < before).order_by(_r.at).limit(limit)
    gone = await connection.execute(sa.delete(view_register).where(_r.seq.in_(old)))
    if gone.rowcount:
        details = {"rows": gone.rowcount, "before": before.isoformat()}
        await append_many(scope, connection, [Act("view.forget", "view", "-", None, None, details)])
    return gone.rowcount


def _inside(scope: Scope, permission: Permission) -> ColumnElement[bool]:
    return visible(scope.where(permission), cameras.c.area_id, cameras.c.unit_id)


async def _require_room(connection: Connection, principal_id: str, more: int, now: datetime) -> None:
    waiting = sa.or_(_t.used_at.is_not(None), _t.expires > now)
    query = sa.select(sa.func.count()).where(_t.ended_at.is_(None), waiting)
    for who, limit, where in (("account", PER_PRINCIPAL, [_t.principal_id == principal_id]), ("service", OF_ALL, [])):
        open_ = int((await connection.execute(query.where(*where))).scalar_one())
        if open_ + more > limit:
            raise XueliangError(
                Kind.LIMIT,
                f"too many views at once: {open_} of {limit} are open",
                where=who,
                fix="End some of them, or wait a minute for tickets that were not used",
                facts={
                    "code": "limit",
                    "who": who,
                    "open": open_,
                    "max": limit,
                    "retry_after": int(TICKET.total_seconds()),
                },
            )


async def _write(
    scope: Scope,
    connection: Connection,
    views: Sequence[tuple[str, Camera]],
    moment: ViewMoment,
    intent: Intent,
    *,
    reason: str | None = None,
) -> None:
    now = clock_of(connection).now()
    rows: list[dict[str, Any]] = [
        {
            "view_id": view_id,
            "moment": moment,
            "at": now,
            "principal": scope.principal[:200],
            "kind": intent.kind,
            "camera_id": camera.id,
            "area_id": camera.area_id,
            "unit_id": camera.unit_id,
            "purpose": intent.purpose.strip(),
            "reference": intent.reference,
            "reason": reason,
        }
        for view_id, camera in views
    ]
    await _append(scope, connection, rows)


async def _end(scope: Scope, connection: Connection, ids: Sequence[str], reason: str) -> None:
    now = clock_of(connection).now()
    open_ = sa.select(_t.view_id).where(_t.view_id.in_(list(ids)), _t.ended_at.is_(None))
    ending = list((await connection.execute(open_)).scalars())
    if not ending:
        return
    begun = sa.select(view_register).where(_r.view_id.in_(ending), _r.moment == ViewMoment.BEGIN).order_by(_r.seq)
    rows = [dict(row._mapping) for row in await connection.execute(begun)]
    for row in rows:
        del row["seq"]
        row |= {"moment": ViewMoment.END, "at": now, "reason": reason}
    await _append(scope, connection, rows)
    await connection.execute(sa.update(view_tickets).where(_t.view_id.in_(ending)).values(ended_at=now))


async def _append(scope: Scope, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Register and audit chain together: a row taken out of one is missed in the other."""
    if not rows:
        return
    await connection.execute(sa.insert(view_register), list(rows))
    acts = [
        Act(
            f"view.{row['moment'].value}",
            "camera",
            row["camera_id"],
            row["area_id"],
            row["unit_id"],
            {"view": row["view_id"], "kind": row["kind"].value, "purpose": row["purpose"]},
        )
        for row in rows
    ]
    await append_many(scope, connection, acts)
