"""Edge: where a shortened audit log begins, where its anchors went, and the session that a ticket was given to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.database import UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_cut",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("public_key", sa.String(64), nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_cut"),
    )
    op.create_table(
        "audit_anchors",
        sa.Column("place", sa.String(80), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("place", name="pk_audit_anchors"),
    )
    op.add_column("view_tickets", sa.Column("session_id", sa.String(36), nullable=True))
