"""Edge: the tables of what is sealed: data keys, secrets, credentials; and what devices were found to take."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Integer, String, Table

from camera_gateway.memory import AccountState
from registry.database import UtcTime, Word, metadata
from registry.keys import Purpose

data_keys = Table(
    "data_keys",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("purpose", Word(Purpose), nullable=False),
    Column("retired", sa.Boolean, nullable=False),
    Column("made", UtcTime(), nullable=False),
    Column("algorithm", String(40), nullable=False),
    Column("master_key_id", String(36), nullable=False),
    Column("nonce", sa.LargeBinary, nullable=False),
    Column("ciphertext", sa.LargeBinary, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("algorithm", String(40), nullable=False),
    Column("key_id", String(36), nullable=False, index=True),
    Column("nonce", sa.LargeBinary, nullable=False),
    Column("ciphertext", sa.LargeBinary, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("device_id", String(36), ForeignKey("devices.id"), primary_key=True),
    Column("secret_id", String(36), ForeignKey("secrets.id"), nullable=False, index=True),
    Column("account", String(200), nullable=False),
    Column("allow_clear", sa.Boolean, nullable=False),
    Column("version", Integer, nullable=False, default=1),
)

device_accounts = Table(
    "device_accounts",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("account", String(200), primary_key=True),
    Column("fingerprint", String(120), primary_key=True),
    Column("state", Word(AccountState), nullable=False),
    Column("until", UtcTime(), nullable=True),
)

device_facts = Table(
    "device_facts",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("auth_rung", String(20), nullable=True),
    Column("keyframe_method", String(20), nullable=True),
    Column("transport", String(20), nullable=True),
    Column("keepalive", String(20), nullable=True),
    Column("clock_offset", sa.Float(53), nullable=True),
    Column("identity", String(2000), nullable=True),
)
