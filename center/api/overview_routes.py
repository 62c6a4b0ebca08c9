"""Edge: the page that is looked at all day: how many are how, how fresh that is, and what changed lately."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from alerts import incident_store
from alerts.incident import IncidentState
from alerts.incident_store import Wanted
from center.api.asked import Asked, Reader
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.shapes import IdText, Listed, Moment, Out, Stamped, rendered
from center.api.status_routes import allowed_age
from health import overview_store
from health.overview_store import Lately, Looked
from health.state import State
from registry import area_store
from registry.database import Connection

router = APIRouter(prefix="/api/v1", tags=["overview"])

#: A flood (ISA-18.2): more new incidents than this in ten minutes, and a person no longer reads each.
FLOOD = 10
FLOOD_TIME = timedelta(minutes=10)
LATELY = timedelta(hours=1)
#: States that are online, and those that are of the online rate at all: unknown and maintenance leave it.
ONLINE = (State.OK, State.FAULT, State.CANNOT_JUDGE)


class PartOut(Out):
    """``part`` of ``whole``; ``share`` is not rounded, and null of nothing."""

    part: int
    whole: int
    share: float | None


class LookedOut(Out):
    """Of ``cameras``, ``in_time`` were looked at within one and a half planned intervals, ``late`` not, ``never`` of
    these not once. ``oldest_at``: the longest ago that any of the others was looked at; ``oldest_age`` in seconds."""

    cameras: int
    in_time: int
    late: int
    never: int
    oldest_at: datetime | None
    oldest_age: float | None


class FreshArea(LookedOut):
    """An area with everything below it. A parent outside your areas is null."""

    id: str
    name: str
    parent_id: str | None
    counts: dict[State, int]


class IncidentCounts(Out):
    """Without those that are part of a bigger one. ``standing`` are open or acknowledged, ``unacknowledged`` stand
    and nobody took them, ``recovered`` are over and nobody saw them; ``new`` began to be known in the last ten
    minutes, which is a ``flood`` when they are more than ten."""

    standing: int
    unacknowledged: int
    recovered: int
    new: int
    flood: bool


class OverviewOut(Stamped):
    """``online``: ok, fault and cannot judge, of these and offline. ``picture_good``: ok, of what is online. Unknown
    and maintenance are in neither; ``counts`` shows them. ``changed``: states that changed in the last hour."""

    total: int
    counts: dict[State, int]
    checked: LookedOut
    online: PartOut
    picture_good: PartOut
    areas: list[FreshArea]
    incidents: IncidentCounts
    changed: int


class TurnOut(Out):
    """``since``: when it truly began; ``at``: when that was known. ``lasted``: for how many seconds it had been
    ``old``; null where that is not kept any more."""

    camera_id: str
    camera_name: str
    area_id: str
    unit_id: str | None
    old: State
    new: State
    cause: str
    since: datetime
    at: datetime
    lasted: float | None


class TurnPage(Listed[TurnOut]):
    as_of: datetime
    total: int


@router.get("/overview", response_model=OverviewOut, summary="How everything stands")
async def overview(asked: Reader) -> Response:
    """Watched cameras in your areas: by state, how fresh, how many online, what stands, all of one moment."""
    now = asked.now
    async with asked.read() as connection:
        looked, whole = await overview_store.looked_by_area(asked.scope, connection, allowed_age(asked.core), now)
        areas = await area_store.list_areas(asked.scope, connection)
        incidents = await _incidents(asked, connection, now)
        changed = await overview_store.count_turned(asked.scope, connection, Lately(now - LATELY))
    known = {area.id for area in areas}
    counts = _counts(whole)
    online = sum(counts[state] for state in ONLINE)
    out = OverviewOut(
        total=sum(counts.values()),
        counts=counts,
        checked=LookedOut(**_looked(whole, now)),
        online=_part(online, online + counts[State.OFFLINE]),
        picture_good=_part(counts[State.OK], online),
        areas=[
            FreshArea(
                id=area.id,
                name=area.name,
                parent_id=area.parent_id if area.parent_id in known else None,
                counts=_counts(one),
                **_looked(one, now),
            )
            for area, one in ((area, looked.get(area.id) or Looked()) for area in areas)
        ],
        incidents=incidents,
        changed=changed,
        as_of=now,
    )
    return rendered(out)


@router.get("/turns", response_model=TurnPage, summary="Cameras whose state changed")
async def list_turns(
    asked: Reader,
    since: Annotated[Moment | None, Query(description="known at or after; an hour ago when left out")] = None,
    until: Annotated[Moment | None, Query(description="known before")] = None,
    camera: IdText | None = None,
    area: Annotated[IdText | None, Query(description="in this area or below it")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """The newest first, with the camera's name. Kept as long as `retention.changes_days`."""
    query = {"since": since, "until": until, "camera": camera, "area": area}
    before = position(asked, cursor, **query)
    # Further pages go on from the moment that the first one was asked at.
    start = since or (datetime.fromisoformat(before[1]) if before else asked.now - LATELY)
    lately = Lately(start, until, camera, area)
    async with asked.read() as connection:
        rows, last = await overview_store.turned(
            asked.scope, connection, lately, before=before[0] if before else None, limit=limit
        )
        total = await overview_store.count_turned(asked.scope, connection, lately)
    items = [
        TurnOut(
            **{name: getattr(row, name) for name in TurnOut.model_fields if name != "lasted"},
            lasted=None if row.before_since is None else max(0.0, (row.since - row.before_since).total_seconds()),
        )
        for row in rows
    ]
    after = next_cursor(asked, [last, start.isoformat()] if last else None, **query)
    return rendered(TurnPage(items=items, next_cursor=after, as_of=asked.now, total=total))


async def _incidents(asked: Asked, connection: Connection, now: datetime) -> IncidentCounts:
    """Those that are part of a bigger one are left out."""
    states = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.RECOVERED)
    found = await incident_store.count_by_state(asked.scope, connection, Wanted(states, top=True))
    lately = Wanted(top=True, known_since=now - FLOOD_TIME)
    new = await incident_store.count_incidents(asked.scope, connection, lately)
    opened, taken, over = (found.get(state, 0) for state in states)
    return IncidentCounts(standing=opened + taken, unacknowledged=opened, recovered=over, new=new, flood=new > FLOOD)


def _counts(one: Looked) -> dict[State, int]:
    return {state: one.states.get(state, 0) for state in State}


def _looked(one: Looked, now: datetime) -> dict[str, object]:
    return {
        "cameras": one.cameras,
        "in_time": one.in_time,
        "late": one.late,
        "never": one.never,
        "oldest_at": one.oldest,
        "oldest_age": None if one.oldest is None else max(0.0, (now - one.oldest).total_seconds()),
    }


def _part(part: int, whole: int) -> PartOut:
    return PartOut(part=part, whole=whole, share=part / whole if whole else None)
