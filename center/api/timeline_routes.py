"""Edge: the state bars of a screenful of rows, in one answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from center.api.asked import Reader
from center.api.problems import Problem
from center.api.sample_routes import IntervalOut
from center.api.shapes import IdText, Moment, Out, Stamped, rendered
from health import state_store
from health.state import Aspect

router = APIRouter(prefix="/api/v1/timelines", tags=["status"])

#: Rows of one screen, with some to either side.
MOST = 100
LONGEST = timedelta(days=8)


class RowTimeline(Out):
    camera_id: str
    items: list[IntervalOut]


class Timelines(Stamped):
    """In the order asked for, without those that are not found in your areas. ``left_out``: cameras with so many
    intervals that they no longer went into this answer; ask for these alone."""

    aspect: Aspect
    start: datetime
    end: datetime
    items: list[RowTimeline]
    left_out: list[str]


@router.get("", response_model=Timelines, summary="State intervals of several cameras")
async def list_timelines(
    asked: Reader,
    camera: Annotated[list[IdText], Query(min_length=1, max_length=MOST, description="up to 100 of these")],
    start: Annotated[Moment | None, Query(description="24 h ago when left out")] = None,
    end: Annotated[Moment | None, Query(description="now when left out")] = None,
    aspect: Aspect = Aspect.STATE,
) -> Response:
    """What held from when to when, for the bars of a list, at most 8 days. Gaps are time that nobody vouches for."""
    now = asked.now
    until = end or now
    since = start or until - timedelta(days=1)
    if not timedelta(0) < until - since <= LONGEST:
        raise Problem("invalid", where="start", what="these timelines cover more than nothing and at most 8 days")
    ids = list(dict.fromkeys(camera))
    async with asked.read() as connection:
        found, beyond = await state_store.intervals_of_many(asked.scope, connection, ids, aspect, since, until)
    items = [
        RowTimeline(
            camera_id=one,
            items=[IntervalOut(value=i.value, cause=i.cause, starts=i.start, ends=i.end) for i in found[one]],
        )
        for one in ids
        if one in found
    ]
    left_out = [one for one in ids if one in beyond]
    return rendered(Timelines(aspect=aspect, start=since, end=until, items=items, left_out=left_out, as_of=now))
