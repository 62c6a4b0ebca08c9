"""Edge: what changed since a position: registry, states and incidents in one order without gaps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from center.api.asked import Reader
from center.api.feed import ChangeOut, Feed
from center.api.feed_position import MAX_POSITION
from center.api.shapes import Stamped, rendered

router = APIRouter(prefix="/api/v1", tags=["changes"])


class ChangesOut(Stamped):
    """``after`` is where to go on from; ``more``: ask again at once. ``epoch`` changes when the database was
    restored; positions of another epoch are answered with 410 ``gone``."""

    items: list[ChangeOut]
    after: str
    more: bool
    epoch: str


@router.get("/changes", response_model=ChangesOut, summary="Changes after a position")
async def list_changes(
    asked: Reader,
    after: Annotated[
        str | None, Query(max_length=MAX_POSITION, description="from the answer before; nothing: where the feed stands")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> Response:
    """Every change in your areas exactly once and in order. Take the present position first, then load everything,
    then follow: what changes meanwhile is then told, not missed. 410 `gone` says what to load and where to go on."""
    feed = Feed(asked.db, asked.core.storage.keys)
    if after is None:
        head = await feed.head(asked.scope)
        return rendered(ChangesOut(items=[], after=feed.word(head), more=False, epoch=head.epoch, as_of=asked.now))
    part = await feed.after(asked.scope, feed.place(after), limit)
    after = feed.word(part.upto)
    return rendered(ChangesOut(items=part.items, after=after, more=part.more, epoch=part.upto.epoch, as_of=asked.now))
