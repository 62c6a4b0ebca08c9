"""Edge: the tables of logins: accounts, their sessions, API tokens, and the answers kept for repeated requests."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table

from registry.database import UtcTime, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("principal_id", String(36), ForeignKey("principals.id"), primary_key=True),
    # The name as it is compared: one spelling for all that look alike.
    Column("login", String(200), nullable=False, unique=True),
    Column("password_hash", String(400), nullable=False),
    Column("must_change", sa.Boolean, nullable=False),
    Column("password_at", UtcTime(), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("digest", sa.LargeBinary, nullable=False, unique=True),
    Column("principal_id", String(36), ForeignKey("principals.id"), nullable=False, index=True),
    Column("made", UtcTime(), nullable=False),
    Column("last_seen", UtcTime(), nullable=False),
    Column("expires", UtcTime(), nullable=False, index=True),
    Column("address", String(64), nullable=False),
    Column("agent", String(200), nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("principal_id", String(36), ForeignKey("principals.id"), primary_key=True),
    Column("digest", sa.LargeBinary, nullable=False, unique=True),
    Column("purpose", String(200), nullable=False),
    Column("made", UtcTime(), nullable=False),
    Column("made_by", String(200), nullable=False),
    Column("expires", UtcTime(), nullable=False),
    Column("last_seen", UtcTime(), nullable=True),
)

answers = Table(
    "answers",
    metadata,
    Column("principal_id", String(36), ForeignKey("principals.id"), primary_key=True),
    Column("key", String(100), primary_key=True),
    Column("fingerprint", sa.LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", sa.Text, nullable=False),
    Column("body", sa.Text, nullable=False),
    Column("at", UtcTime(), nullable=False),
    Index(None, "principal_id", "at"),
)
