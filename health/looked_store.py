"""Edge: was a camera looked at in time? One rule for the counts of an overview and for the lists that they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam

from health.tables import camera_listing, camera_states
from registry.tables import areas, windows
from registry.window import WindowKind

_l, _s, _w = camera_listing.c, camera_states.c, windows.c


class Look(StrEnum):
    """``late``: not within the allowed age; those ``never`` looked at are among them."""

    IN_TIME = "in_time"
    LATE = "late"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Allowed:
    """How old a look may be; in a guard period it is ``guarded``."""

    usual: timedelta
    guarded: timedelta

    def values(self, now: datetime) -> dict[str, datetime]:
        """What statements with :data:`IN_TIME` or :data:`LOOKS` are run with."""
        return {"look_now": now, "look_usual": now - self.usual, "look_guarded": now - self.guarded}


@dataclass(frozen=True, slots=True)
class Looking:
    """The filter of a list: cameras whose last look was ``which`` at ``now``."""

    which: Look
    allowed: Allowed
    now: datetime

    def values(self) -> dict[str, Any]:
        return {self.which.value: True, **self.allowed.values(self.now)}


def _moment(name: str) -> sa.BindParameter[datetime]:
    return bindparam(name, type_=_s.last_at.type)


def _guarded() -> ColumnElement[bool]:
    """Rows of the listing that a guard period covers. Nothing here looks at the row from within: each set is found
    once for a statement, not once for a camera."""
    now = _moment("look_now")
    standing = sa.and_(_w.kind == WindowKind.GUARD, _w.cancelled.is_(False), _w.starts <= now, _w.ends > now)
    of_areas = sa.and_(standing, _w.camera_id.is_(None), _w.device_id.is_(None))
    tree = sa.select(_w.area_id.label("area_id"), _w.unit_id.label("unit_id")).where(of_areas)
    held = tree.cte("guarded", recursive=True)
    held = held.union(sa.select(areas.c.id, held.c.unit_id).join(held, areas.c.parent_id == held.c.area_id))
    return sa.or_(
        _l.camera_id.in_(sa.select(_w.camera_id).where(standing, _w.camera_id.is_not(None))),
        _l.device_id.in_(sa.select(_w.device_id).where(standing, _w.device_id.is_not(None))),
        _l.area_id.in_(sa.select(held.c.area_id).where(held.c.unit_id.is_(None))),
        sa.tuple_(_l.area_id, _l.unit_id).in_(sa.select(held.c.area_id, held.c.unit_id)),
    )


#: Of a row of the listing and its row of states: looked at within the allowed age.
IN_TIME: ColumnElement[bool] = _s.last_at >= sa.case((_guarded(), _moment("look_guarded")), else_=_moment("look_usual"))


def _known(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    found = sa.select(_s.camera_id).where(_s.camera_id == _l.camera_id, condition)
    return found.correlate(camera_listing).exists()


#: Of a row of the listing alone.
LOOKS: dict[Look, ColumnElement[bool]] = {
    Look.IN_TIME: _known(IN_TIME),
    Look.LATE: sa.not_(_known(IN_TIME)),
    Look.NEVER: sa.not_(_known(_s.last_at.is_not(None))),
}
