"""Edge: the tables of the register of views: who was shown which camera, when and why; and the tickets to do so."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, String, Table

from registry.database import Serial, UtcTime, Word, metadata
from registry.view import ViewKind, ViewMoment

# Rows are only ever added: the end of a view is a row of its own. No foreign keys: the register outlives what it names.
view_register = Table(
    "view_register",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("view_id", String(36), nullable=False),
    Column("moment", Word(ViewMoment), nullable=False),
    Column("at", UtcTime(), nullable=False, index=True),
    Column("principal", String(200), nullable=False),
    Column("kind", Word(ViewKind), nullable=False),
    Column("camera_id", String(36), nullable=False),
    Column("area_id", String(36), nullable=False, index=True),
    Column("unit_id", String(36), nullable=True, index=True),
    Column("purpose", String(200), nullable=False),
    Column("reference", String(200), nullable=True),
    Column("reason", String(200), nullable=True),
    Index("uq_view_register_view_id_moment", "view_id", "moment", unique=True),
    Index(None, "camera_id", "seq"),
    Index(None, "principal", "seq"),
)

view_tickets = Table(
    "view_tickets",
    metadata,
    Column("view_id", String(36), primary_key=True),
    Column("digest", sa.LargeBinary, nullable=False, unique=True),
    Column("principal_id", String(36), ForeignKey("principals.id"), nullable=False, index=True),
    Column("expires", UtcTime(), nullable=False),
    Column("used_at", UtcTime(), nullable=True),
    Column("ended_at", UtcTime(), nullable=True),
    # The session it was given to; none for a token. The session's row goes when it ends, the ticket's stays.
    Column("session_id", String(36), nullable=True),
    Index(None, "ended_at"),
)
