"""Edge: the register of views and its tickets; an index that lists of cameras read instead of whole rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.database import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _register()
    _tickets()
    op.create_index("ix_camera_states_camera_id_state_since", "camera_states", ["camera_id", "state", "since"])


def _register() -> None:
    op.create_table(
        "view_register",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("view_id", sa.String(36), nullable=False),
        sa.Column("moment", sa.String(40), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("principal", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("camera_id", sa.String(36), nullable=False),
        sa.Column("area_id", sa.String(36), nullable=False),
        sa.Column("unit_id", sa.String(36), nullable=True),
        sa.Column("purpose", sa.String(200), nullable=False),
        sa.Column("reference", sa.String(200), nullable=True),
        sa.Column("reason", sa.String(200), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_view_register"),
    )
    op.create_index("ix_view_register_area_id", "view_register", ["area_id"])
    op.create_index("ix_view_register_at", "view_register", ["at"])
    op.create_index("ix_view_register_camera_id_seq", "view_register", ["camera_id", "seq"])
    op.create_index("ix_view_register_principal_seq", "view_register", ["principal", "seq"])
    op.create_index("ix_view_register_unit_id", "view_register", ["unit_id"])
    op.create_index("uq_view_register_view_id_moment", "view_register", ["view_id", "moment"], unique=True)


def _tickets() -> None:
    op.create_table(
        "view_tickets",
        sa.Column("view_id", sa.String(36), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("principal_id", sa.String(36), nullable=False),
        sa.Column("expires", UtcTime(), nullable=False),
        sa.Column("used_at", UtcTime(), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["principal_id"], ["principals.id"], name="fk_view_tickets_principal_id"),
        sa.PrimaryKeyConstraint("view_id", name="pk_view_tickets"),
        sa.UniqueConstraint("digest", name="uq_view_tickets_digest"),
    )
    op.create_index("ix_view_tickets_ended_at", "view_tickets", ["ended_at"])
    op.create_index("ix_view_tickets_principal_id", "view_tickets", ["principal_id"])
