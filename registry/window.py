"""Pure: spans of time that checking is planned by: maintenance filed beforehand (报备) and guard periods (特护期)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WindowKind(StrEnum):
    MAINTENANCE = "maintenance"
    GUARD = "guard"


@dataclass(frozen=True, slots=True)
class Window:
    """Over one camera, one device, or everything of an area (with what is below it) that ``unit_id``, if given,
    repairs. From ``starts`` to ``ends`` (exclusive), UTC. Only an approved maintenance window leaves the figures."""

    id: str
    kind: WindowKind
    reason: str
    area_id: str
    starts: datetime
    ends: datetime
    unit_id: str | None = None
    device_id: str | None = None
    camera_id: str | None = None
    filed_by: str = ""
    approved_by: str | None = None
    cancelled: bool = False
    version: int = 1


def standing(windows: Iterable[Window], kind: WindowKind, at: datetime) -> Window | None:
    """The window of ``kind`` that holds at ``at`` and ends last, if any."""
    held = [w for w in windows if w.kind is kind and not w.cancelled and w.starts <= at < w.ends]
    return max(held, key=lambda w: (w.ends, w.id), default=None)
