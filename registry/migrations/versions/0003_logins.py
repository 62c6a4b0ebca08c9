"""Edge: accounts, sessions, API tokens, and the answers kept for repeated requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.database import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _accounts()
    _answers()
    _sessions()
    _tokens()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("principal_id", sa.String(36), nullable=False),
        sa.Column("login", sa.String(200), nullable=False),
        sa.Column("password_hash", sa.String(400), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("password_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["principal_id"], ["principals.id"], name="fk_accounts_principal_id"),
        sa.PrimaryKeyConstraint("principal_id", name="pk_accounts"),
        sa.UniqueConstraint("login", name="uq_accounts_login"),
    )


def _answers() -> None:
    op.create_table(
        "answers",
        sa.Column("principal_id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["principal_id"], ["principals.id"], name="fk_answers_principal_id"),
        sa.PrimaryKeyConstraint("principal_id", "key", name="pk_answers"),
    )
    op.create_index("ix_answers_principal_id_at", "answers", ["principal_id", "at"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("principal_id", sa.String(36), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("last_seen", UtcTime(), nullable=False),
        sa.Column("expires", UtcTime(), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(["principal_id"], ["principals.id"], name="fk_sessions_principal_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("digest", name="uq_sessions_digest"),
    )
    op.create_index("ix_sessions_expires", "sessions", ["expires"])
    op.create_index("ix_sessions_principal_id", "sessions", ["principal_id"])


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("principal_id", sa.String(36), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(200), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("made_by", sa.String(200), nullable=False),
        sa.Column("expires", UtcTime(), nullable=False),
        sa.Column("last_seen", UtcTime()),
        sa.ForeignKeyConstraint(["principal_id"], ["principals.id"], name="fk_tokens_principal_id"),
        sa.PrimaryKeyConstraint("principal_id", name="pk_tokens"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
    )
