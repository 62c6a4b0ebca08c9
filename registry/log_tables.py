"""Edge: the tables of what happened: the feed of changes, the audit log and its anchors, the imports."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, Integer, String, Table

from registry.database import Json, UtcTime, metadata

change_counter = Table(
    "change_counter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", String(36), nullable=False),
    Column("position", sa.BigInteger, nullable=False),
    # Positions up to this one were deleted after their days of keeping.
    Column("forgotten", sa.BigInteger, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime(), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("object_id", String(80), nullable=False),
    # No foreign keys: the feed outlives what it tells of.
    Column("area_id", String(36), nullable=True, index=True),
    Column("unit_id", String(36), nullable=True, index=True),
    Column("payload", Json, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime(), nullable=False, index=True),
    Column("principal", String(200), nullable=False),
    Column("act", String(80), nullable=False),
    Column("object_kind", String(40), nullable=False),
    Column("object_id", String(80), nullable=False, index=True),
    Column("area_id", String(36), nullable=True, index=True),
    Column("unit_id", String(36), nullable=True, index=True),
    Column("details", sa.Text, nullable=False),
    Column("key_id", String(36), nullable=False),
    Column("mac", sa.LargeBinary, nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("rows", sa.BigInteger, nullable=False),
    Column("mac", sa.LargeBinary, nullable=False),
)

# Where a log begins whose oldest rows went after their time: the last row that went, signed (Ed25519).
audit_cut = Table(
    "audit_cut",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("rows", sa.BigInteger, nullable=False),
    Column("mac", sa.LargeBinary, nullable=False),
    Column("at", String(40), nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
)

# The newest anchor that each place outside has taken.
audit_anchors = Table(
    "audit_anchors",
    metadata,
    Column("place", String(80), primary_key=True),
    Column("rows", sa.BigInteger, nullable=False),
    Column("at", UtcTime(), nullable=False),
)

imports = Table(
    "imports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", UtcTime(), nullable=False),
    Column("principal", String(200), nullable=False),
    Column("file_digest", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
)
