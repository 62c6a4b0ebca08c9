"""Edge: what was measured and what changed on one camera: raw checks of some days, changes, intervals."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from center.api.asked import Reader
from center.api.camera_shapes import CheckOut
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.problems import Problem
from center.api.shapes import Id, Listed, Moment, Out
from health import check_store, state_store
from health.state import Aspect

router = APIRouter(prefix="/api/v1/cameras", tags=["status"])

#: The longest period of one timeline.
LONGEST = timedelta(days=93)


class IntervalOut(Out):
    """``ends`` is null while it lasts. Gaps between intervals are time that nobody vouches for."""

    value: str
    cause: str
    starts: datetime
    ends: datetime | None


class Timeline(Out):
    aspect: Aspect
    start: datetime
    end: datetime
    items: list[IntervalOut]


@router.get("/{camera_id}/samples", summary="Raw picture checks of one camera")
async def list_samples(
    asked: Reader, camera_id: Id, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Listed[CheckOut]:
    """The newest first, kept for some days; every measure beside the threshold it was held against."""
    before = position(asked, cursor)
    moment = datetime.fromisoformat(before) if before else None
    async with asked.read() as connection:
        rows = await check_store.latest(asked.scope, connection, camera_id, before=moment, limit=limit)
    items = [CheckOut.read(row, row["at"]) for row in rows]
    more = items[-1].at.isoformat() if len(items) == limit else None
    return Listed(items=items, next_cursor=next_cursor(asked, more))


@router.get("/{camera_id}/timeline", summary="State intervals of one camera")
async def timeline(
    asked: Reader,
    camera_id: Id,
    start: Annotated[Moment | None, Query(description="24 h ago when left out")] = None,
    end: Annotated[Moment | None, Query(description="now when left out")] = None,
    aspect: Aspect = Aspect.STATE,
) -> Timeline:
    """The true time axis of a state bar: what held from when to when, at most 93 days."""
    until = end or asked.now
    since = start or until - timedelta(days=1)
    if not timedelta(0) < until - since <= LONGEST:
        raise Problem("invalid", where="start", what="a timeline covers more than nothing and at most 93 days")
    async with asked.read() as connection:
        found = await state_store.intervals_of(asked.scope, connection, camera_id, aspect, since, until)
    items = [IntervalOut(value=one.value, cause=one.cause, starts=one.start, ends=one.end) for one in found]
    return Timeline(aspect=aspect, start=since, end=until, items=items)
