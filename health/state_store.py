"""Edge: the tables of states, their changes and their intervals. Changes go to the feed in the same transaction."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam

from config.scope import Permission, Scope
from health.availability import Interval
from health.state import Aspect, CameraState, Change
from health.state_row import Known, Moved, from_row, to_row
from health.tables import camera_states, state_changes, state_intervals
from registry.batch_store import Joint
from registry.change_feed import Told
from registry.change_feed_store import record_many
from registry.database import Connection, Database
from registry.rows_store import not_found
from registry.scope_store import require_everywhere, visible
from registry.tables import cameras

MAX_PAGE = 500
_CHUNK = 500
_KEYS = [c.name for c in camera_states.c if c.name != "camera_id"]
_UPDATE = (
    sa.update(camera_states)
    .where(camera_states.c.camera_id == bindparam("b_camera_id"))
    .values({name: bindparam(f"b_{name}") for name in _KEYS})
)

_i = state_intervals.c
_OPEN = sa.and_(
    _i.camera_id == bindparam("b_camera_id"),
    _i.aspect == bindparam("b_aspect", type_=_i.aspect.type),
    _i.ends.is_(None),
)
_DROP_INTERVAL = sa.delete(state_intervals).where(_OPEN, _i.starts >= bindparam("b_starts", type_=_i.starts.type))
_CLOSE_INTERVAL = sa.update(state_intervals).where(_OPEN).values(ends=bindparam("b_starts", type_=_i.starts.type))


def in_scope(scope: Scope, permission: Permission = Permission.READ) -> ColumnElement[bool]:
    """For statements that join ``cameras``: the camera's area and unit say whose its states are."""
    return visible(scope.where(permission), cameras.c.area_id, cameras.c.unit_id)


async def load_all(scope: Scope, connection: Connection) -> dict[str, Known]:
    """Every stored state in scope, by camera id; for the service's own start."""
    query = sa.select(camera_states).join(cameras, cameras.c.id == camera_states.c.camera_id).where(in_scope(scope))
    return {row.camera_id: from_row(dict(row._mapping)) for row in await connection.execute(query)}


async def load_some(scope: Scope, connection: Connection, camera_ids: Iterable[str]) -> list[Known]:
    """The stored states of these cameras, those in scope."""
    ids, found = sorted(camera_ids), []
    query = sa.select(camera_states).join(cameras, cameras.c.id == camera_states.c.camera_id).where(in_scope(scope))
    for start in range(0, len(ids), _CHUNK):
        part = query.where(camera_states.c.camera_id.in_(ids[start : start + _CHUNK]))
        found += [from_row(dict(row._mapping)) for row in await connection.execute(part)]
    return found


async def begin(scope: Scope, connection: Connection, known: Iterable[Known]) -> None:
    """First rows of cameras that are watched from now on; those that have one keep it."""
    require_everywhere(scope, Permission.SYSTEM)
    rows = [to_row(k) for k in known]
    ids = [row["camera_id"] for row in rows]
    stand: set[str] = set()
    for start in range(0, len(ids), 500):
        part = sa.select(camera_states.c.camera_id).where(camera_states.c.camera_id.in_(ids[start : start + 500]))
        stand.update((await connection.execute(part)).scalars())
    new = [row for row in rows if row["camera_id"] not in stand]
    if not new:
        return
    await connection.execute(sa.insert(camera_states), new)
    await connection.execute(sa.insert(state_intervals), [i for row in new for i in _first_intervals(row)])


async def save(scope: Scope, connection: Connection, known: Sequence[Known]) -> None:
    """The present rows of cameras that :func:`begin` has begun."""
    require_everywhere(scope, Permission.SYSTEM)
    rows = [{f"b_{name}": value for name, value in to_row(k).items()} for k in known]
    if rows:
        await connection.execute(_UPDATE, rows)


async def save_changes(scope: Scope, connection: Connection, state: CameraState, changes: Sequence[Change]) -> None:
    """Changes of one camera, the intervals they close and open, and the feed's row for the derived state."""
    await save_moved(scope, connection, [Moved(Known(state), tuple(changes))])


async def save_moved(scope: Scope, connection: Connection, moved: Iterable[Moved]) -> None:
    """As :func:`save_changes`, of many cameras in the order given."""
    require_everywhere(scope, Permission.SYSTEM)
    made = [(one.known.state, change) for one in moved for change in one.changes]
    if not made:
        return
    rows = [
        {
            "camera_id": c.camera_id,
            "aspect": c.aspect,
            "old": c.old,
            "new": c.new,
            "cause": c.cause,
            "since": c.since,
            "at": c.at,
            "probe_id": c.probe_id[:120],
        }
        for _, c in made
    ]
    await connection.execute(sa.insert(state_changes), rows)
    # Of one aspect each interval closes the one before it: rounds, each with at most one change of an aspect.
    for turn in _rounds([change for _, change in made]):
        await _turn_intervals(connection, turn)
    await _tell(connection, [one for one in made if one[1].aspect is Aspect.STATE])


def _rounds(changes: Sequence[Change]) -> list[list[Change]]:
    rounds: list[list[Change]] = []
    seen: Counter[tuple[str, Aspect]] = Counter()
    for change in changes:
        number = seen[change.camera_id, change.aspect]
        seen[change.camera_id, change.aspect] += 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(change)
    return rounds


async def _turn_intervals(connection: Connection, changes: Sequence[Change]) -> None:
    rows = [
        {
            "b_camera_id": c.camera_id,
            "b_aspect": c.aspect,
            # The same value with another cause: what was said before stays said until it was known better.
            "b_starts": c.at if c.old == c.new else c.since,
        }
        for c in changes
    ]
    # One with no length, or that would begin after its successor (a clock set back), never was.
    await connection.execute(_DROP_INTERVAL, rows)
    await connection.execute(_CLOSE_INTERVAL, rows)
    new = [
        {
            "camera_id": c.camera_id,
            "aspect": c.aspect,
            "value": c.new,
            "cause": c.cause,
            "starts": row["b_starts"],
        }
        for c, row in zip(changes, rows, strict=True)
    ]
    await connection.execute(sa.insert(state_intervals), new)


async def _tell(connection: Connection, made: Sequence[tuple[CameraState, Change]]) -> None:
    places: dict[str, sa.Row[Any]] = {}
    ids = sorted({change.camera_id for _, change in made})
    for start in range(0, len(ids), _CHUNK):
        query = sa.select(cameras.c.id, cameras.c.area_id, cameras.c.unit_id)
        part = query.where(cameras.c.id.in_(ids[start : start + _CHUNK]))
        places.update({row.id: row for row in await connection.execute(part)})
    told = []
    for state, change in made:
        place = places[change.camera_id]
        payload = {
            "state": change.new,
            "old": change.old,
            "cause": change.cause,
            "since": change.since.isoformat(),
            "at": change.at.isoformat(),
            "link": state.link_value.value,
            "picture": state.picture_value.value,
        }
        told.append(Told("state", change.camera_id, place.area_id, place.unit_id, payload))
    if told:
        await record_many(connection, told)


def _first_intervals(row: dict[str, Any]) -> list[dict[str, Any]]:
    shown = {
        Aspect.STATE: (row["state"], row["cause"], row["since"]),
        Aspect.LINK: (row["link"], row["link_cause"], row["link_since"]),
        Aspect.PICTURE: (row["picture"], row["picture_cause"], row["picture_since"]),
    }
    return [
        {"camera_id": row["camera_id"], "aspect": a, "value": str(v), "cause": c, "starts": t}
        for a, (v, c, t) in shown.items()
    ]


async def changes_of(
    scope: Scope, connection: Connection, camera_id: str, *, after: int = 0, limit: int = 100
) -> list[tuple[int, Change]]:
    """The changes of one camera after a sequence number, oldest first. Raises ``NOT_FOUND`` out of scope."""
    await require_camera(scope, connection, camera_id)
    c = state_changes.c
    query = sa.select(state_changes).where(c.camera_id == camera_id, c.seq > after)
    query = query.order_by(c.seq).limit(max(1, min(limit, MAX_PAGE)))
    return [
        (r.seq, Change(r.camera_id, r.aspect, r.old, r.new, r.cause, r.since, r.at, r.probe_id))
        for r in await connection.execute(query)
    ]


async def intervals_of(
    scope: Scope, connection: Connection, camera_id: str, aspect: Aspect, start: datetime, end: datetime
) -> list[Interval]:
    """The intervals of one aspect that touch the period, oldest first. Raises ``NOT_FOUND`` out of scope."""
    await require_camera(scope, connection, camera_id)
    c = state_intervals.c
    query = (
        sa.select(state_intervals)
        .where(c.camera_id == camera_id, c.aspect == aspect, c.starts < end, sa.or_(c.ends.is_(None), c.ends > start))
        .order_by(c.starts, c.seq)
    )
    return [Interval(r.value, r.starts, r.ends, r.cause) for r in await connection.execute(query)]


async def intervals_of_many(
    scope: Scope,
    connection: Connection,
    camera_ids: Sequence[str],
    aspect: Aspect,
    start: datetime,
    end: datetime,
    *,
    most: int = 20_000,
) -> tuple[dict[str, list[Interval]], set[str]]:
    """As :func:`intervals_of` for the bars of many rows; what is not in scope is left out. The second answer names
    the cameras whose intervals no longer went into ``most`` rows: they have none in the first."""
    i, ids = state_intervals.c, sorted(set(camera_ids))
    seen = sa.select(cameras.c.id).where(cameras.c.id.in_(ids), in_scope(scope))
    found: dict[str, list[Interval]] = {camera_id: [] for camera_id in (await connection.execute(seen)).scalars()}
    query = (
        sa.select(i.camera_id, i.value, i.starts, i.ends, i.cause)
        .where(
            i.camera_id.in_(sorted(found)), i.aspect == aspect, i.starts < end, sa.or_(i.ends.is_(None), i.ends > start)
        )
        .order_by(i.camera_id, i.starts, i.seq)
        .limit(most + 1)
    )
    rows = (await connection.execute(query)).all()
    for row in rows:
        found[row.camera_id].append(Interval(row.value, row.starts, row.ends, row.cause))
    beyond = {camera_id for camera_id in found if len(rows) > most and camera_id >= rows[-1].camera_id}
    return {camera_id: parts for camera_id, parts in found.items() if camera_id not in beyond}, beyond


async def forget(scope: Scope, connection: Connection, before: datetime, *, limit: int = 5000) -> int:
    """Delete changes and closed intervals older than ``before``, at most ``limit`` of each; how many went."""
    require_everywhere(scope, Permission.SYSTEM)
    gone = 0
    for table, condition in (
        (state_changes, state_changes.c.at < before),
        (state_intervals, state_intervals.c.ends < before),
    ):
        ids = sa.select(table.c.seq).where(condition).order_by(table.c.seq).limit(limit)
        gone += (await connection.execute(sa.delete(table).where(table.c.seq.in_(ids)))).rowcount
    return gone


def writer(scope: Scope, then: Callable[[Connection, Sequence[Moved]], Awaitable[None]] | None = None) -> Joint:
    """For :meth:`Batch.add_joint`: writes new states with their changes, of many cameras at once, and what ``then``
    writes of those that changed. A group commit takes together only what was queued with the same writer."""
    require_everywhere(scope, Permission.SYSTEM)

    async def work(connection: Connection, moved: Sequence[Moved]) -> None:
        await save(scope, connection, [one.known for one in moved])
        await save_moved(scope, connection, moved)
        changed = [one for one in moved if one.changes]
        if then is not None and changed:
            await then(connection, changed)

    return work


async def queue_rows(db: Database, scope: Scope, known: Sequence[Known]) -> asyncio.Future[None]:
    """Group commit of rows in which only times and counters changed, in order with what was queued before."""

    async def work(connection: Connection) -> None:
        await save(scope, connection, known)

    return await db.batch.add_work(work)


async def require_camera(
    scope: Scope, connection: Connection, camera_id: str, permission: Permission = Permission.READ
) -> None:
    """Raises ``NOT_FOUND`` for what does not exist and for what is not in scope alike."""
    query = sa.select(cameras.c.id).where(cameras.c.id == camera_id, in_scope(scope, permission))
    if (await connection.execute(query)).first() is None:
        raise not_found("camera")
