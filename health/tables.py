"""Edge: health's tables. What a camera is now, every change of it, and raw picture checks for some days."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from health.observation import Link, Picture
from health.state import Aspect, State
from registry.database import Json, Serial, UtcTime, Word, metadata
from registry.lifecycle import Lifecycle


def _camera(*, primary_key: bool = False, index: bool = False) -> Column[str]:
    reference = ForeignKey("cameras.id")
    return Column("camera_id", String(36), reference, primary_key=primary_key, nullable=False, index=index)


def _time(name: str, *, null: bool = True) -> Column[Any]:
    return Column(name, UtcTime(), nullable=null)


def _cause(name: str = "cause") -> Column[str]:
    return Column(name, String(40), nullable=False)


camera_states = Table(
    "camera_states",
    metadata,
    _camera(primary_key=True),
    Column("state", Word(State), nullable=False, index=True),
    _time("since", null=False),
    _cause(),
    Column("link", Word(Link), nullable=False),
    _time("link_since", null=False),
    _cause("link_cause"),
    Column("picture", Word(Picture), nullable=False),
    _time("picture_since", null=False),
    _cause("picture_cause"),
    _time("last_at"),
    _time("last_good_at"),
    Column("checks", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    # Confirmation runs, what was proved, the last probe ids: what a restart must not forget.
    Column("memory", Json, nullable=False),
    # The last picture check whole, and the last liveness in short, for the status of one camera.
    Column("last_picture", Json, nullable=True),
    Column("last_liveness", Json, nullable=True),
    Column("next_check_at", UtcTime(), nullable=True),
)

#: What lists, search and counts read: a narrow row a camera, kept by triggers (``registry.migrations.listing``) in the
#: transaction that changes it. Rows of states carry kilobytes beside what is filtered and sorted by, and a search over
#: five joined tables takes ten times as long.
camera_listing = Table(
    "camera_listing",
    metadata,
    Column("camera_id", String(36), ForeignKey("cameras.id", ondelete="CASCADE"), primary_key=True),
    Column("lifecycle", Word(Lifecycle), nullable=False),
    Column("area_id", String(36), nullable=False),
    Column("unit_id", String(36), nullable=True),
    Column("device_id", String(36), nullable=False, index=True),
    Column("gb_id", String(40), nullable=True, index=True),
    Column("name", String(200), nullable=False),
    Column("state", Word(State), nullable=False),
    # 1970 where nothing was concluded yet.
    _time("since", null=False),
    # Name, GB/T id, address, point and its code: folded, a line each.
    Column("found_by", sa.Text, nullable=False),
    # Lists and counts are read from it alone, searches find their rows by its beginning.
    Index("ix_camera_listing_wide", "lifecycle", "area_id", "state", "unit_id", "since", "name", "camera_id"),
)

state_changes = Table(
    "state_changes",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    _camera(),
    Column("aspect", Word(Aspect), nullable=False),
    Column("old", String(40), nullable=False),
    Column("new", String(40), nullable=False),
    _cause(),
    _time("since", null=False),
    _time("at", null=False),
    Column("probe_id", String(120), nullable=False),
    Index(None, "camera_id", "seq"),
    Index(None, "at"),
)

_open = sa.text("ends IS NULL")
state_intervals = Table(
    "state_intervals",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    _camera(),
    Column("aspect", Word(Aspect), nullable=False),
    Column("value", String(40), nullable=False),
    _cause(),
    _time("starts", null=False),
    _time("ends"),
    Index(None, "camera_id", "aspect", "starts"),
    Index("uq_state_intervals_open", "camera_id", "aspect", unique=True, sqlite_where=_open, postgresql_where=_open),
    Index(None, "ends"),
)

picture_checks = Table(
    "picture_checks",
    metadata,
    Column("day", sa.Date, primary_key=True),
    _camera(primary_key=True),
    Column("probe_id", String(120), primary_key=True),
    _time("at", null=False),
    Column("link", String(40), nullable=True),
    Column("picture", String(40), nullable=True),
    _cause(),
    Column("also", Json, nullable=False),
    Column("detail", String(400), nullable=False),
    Column("delays", Json, nullable=False),
    Column("measures", Json, nullable=False),
    Index(None, "camera_id", "at"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", String(36), primary_key=True),
    _camera(),
    Column("kind", String(40), nullable=False),
    _cause(),
    _time("taken_at", null=False),
    _time("filed_at", null=False),
    # When the fault it belongs to ended; counted from here it is kept for its days.
    _time("closed_at"),
    Column("size", Integer, nullable=False),
    Index(None, "camera_id", "filed_at"),
    Index(None, "closed_at"),
)
