"""Pure: an area (行政区划), a node of the tree that bounds who sees what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Area:
    """``code`` is the civil code of 2, 4, 6 or 8 digits; digits 7-8 are assigned locally. ``until`` closes an area
    that was merged or renamed away: months before are reckoned with it."""

    id: str
    name: str
    parent_id: str | None = None
    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    version: int = 1
