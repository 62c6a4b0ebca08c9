"""Edge: alerts' tables: incidents, what happened to each, and the messages about them (outbox)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from alerts.incident import ClosingCause, IncidentKind, IncidentState
from alerts.message import MessageEvent, MessageStatus
from registry.database import Json, Serial, UtcTime, Word, metadata


def _time(name: str, *, null: bool = True) -> Column[Any]:
    return Column(name, UtcTime(), nullable=null)


def _incident(name: str = "incident_id", *, null: bool = False, index: bool = True) -> Column[str]:
    return Column(name, String(36), ForeignKey("incidents.id"), nullable=null, index=index)


_standing = sa.text("state IN ('open', 'acknowledged')")
incidents = Table(
    "incidents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", Word(IncidentKind), nullable=False),
    Column("state", Word(IncidentState), nullable=False),
    Column("cause", String(40), nullable=False),
    _time("since", null=False),
    _time("opened_at", null=False),
    Column("camera_id", String(36), ForeignKey("cameras.id"), nullable=True, index=True),
    Column("group_kind", String(40), nullable=True),
    Column("group_id", String(200), nullable=True),
    Column("group_name", String(200), nullable=True),
    # Where a group lies. A camera's incident lies where its camera is now.
    Column("area_id", String(36), nullable=True),
    Column("unit_id", String(36), nullable=True),
    Column("cameras", Integer, nullable=False),
    _incident("parent_id", null=True),
    _time("recovered_at"),
    _time("resolved_at"),
    Column("acknowledged_by", String(200), nullable=True),
    _time("acknowledged_at"),
    Column("closing", Word(ClosingCause), nullable=True),
    Column("version", Integer, nullable=False),
    Index(None, "state", "since"),
    Index(None, "since", "id"),
    Index(
        "uq_incidents_standing_camera",
        "camera_id",
        "kind",
        unique=True,
        sqlite_where=_standing,
        postgresql_where=_standing,
    ),
    Index(
        "uq_incidents_standing_group",
        "group_kind",
        "group_id",
        unique=True,
        sqlite_where=_standing,
        postgresql_where=_standing,
    ),
)

incident_entries = Table(
    "incident_entries",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    _incident(index=False),
    _time("at", null=False),
    Column("principal", String(200), nullable=False),
    Column("act", String(40), nullable=False),
    Column("text", String(2000), nullable=False),
    Index(None, "incident_id", "seq"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("destination", String(64), nullable=False),
    _incident(index=False),
    Column("event", Word(MessageEvent), nullable=False),
    Column("status", Word(MessageStatus), nullable=False),
    Column("held_for", String(40), nullable=False),
    _time("made_at", null=False),
    _time("due_at", null=False),
    Column("attempts", Integer, nullable=False),
    _time("first_at"),
    _time("last_at"),
    _time("delivered_at"),
    Column("answer", Integer, nullable=True),
    Column("error", String(400), nullable=False),
    # What is sent, as it was at the first try: every further try sends the same.
    Column("body", Json, nullable=True),
    UniqueConstraint("incident_id", "destination", "event"),
    Index(None, "destination", "status", "seq"),
)
