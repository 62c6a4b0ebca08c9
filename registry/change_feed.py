"""Pure: the ordered feed of what changed: positions without gaps, in the order of the commits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: A change says what changed and where it stands now; pictures and reports are fetched, not carried.
MAX_PAYLOAD = 16 * 1024


@dataclass(frozen=True, slots=True)
class Change:
    """``kind`` is the noun (camera, point, state, incident ...); ``payload`` never holds a secret."""

    position: int
    at: datetime
    kind: str
    object_id: str
    area_id: str | None
    unit_id: str | None
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A change before it has its position."""

    kind: str
    object_id: str
    area_id: str | None
    unit_id: str | None
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """``epoch`` changes when the database was restored: positions of another epoch mean nothing."""

    epoch: str
    position: int


@dataclass(frozen=True, slots=True)
class Slice:
    """``upto`` is where to go on from: everything in scope up to it is in ``changes``; ``more`` says to ask again."""

    epoch: str
    upto: int
    changes: tuple[Change, ...]
    more: bool
