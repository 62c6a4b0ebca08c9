"""Edge: what one's own live views are now, for the tiles of a screen: one question for all of them."""

from __future__ import annotations

from fastapi import APIRouter

from center.api.asked import Viewer
from center.api.shapes import Out
from streaming.ports import Shown
from streaming.view_state import Role, ViewState

router = APIRouter(prefix="/api/v1", tags=["live"])


class LiveOut(Out):
    """``state``: connecting, keyframe, live, stalled, offline (with ``cause``), codec. ``stream`` is the one that is
    shown, ``fell_back`` why it is not the one that was asked for. ``picture_age`` in seconds since the camera's newest
    picture; ``lost`` is the share of packets in the last report, ``round_trip`` seconds, ``bitrate`` bit/s."""

    view_id: str
    camera_id: str
    state: ViewState
    stream: Role
    fell_back: str | None
    codec: str | None
    cause: str | None
    picture_age: float | None
    seconds: float
    frames: int
    skipped: int
    lost: float
    round_trip: float | None
    bitrate: float


class LivesOut(Out):
    items: list[LiveOut]


@router.get("/views/live", summary="One's own live views")
async def list_live(asked: Viewer) -> LivesOut:
    """A view that is not here is over; the register says why."""
    views = asked.core.live_views
    mine = views.shown(asked.known.principal.id) if views is not None else []
    return LivesOut(items=[_out(one) for one in mine])


def _out(one: Shown) -> LiveOut:
    return LiveOut(
        view_id=one.view_id,
        camera_id=one.camera_id,
        state=one.state,
        stream=one.role,
        fell_back=one.fell_back,
        codec=one.codec,
        cause=one.cause,
        picture_age=None if one.picture_age is None else round(one.picture_age, 3),
        seconds=round(one.seconds, 1),
        frames=one.frames,
        skipped=one.skipped,
        lost=round(one.lost, 3),
        round_trip=None if one.round_trip is None else round(one.round_trip, 4),
        bitrate=round(one.bitrate),
    )
