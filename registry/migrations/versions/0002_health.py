"""Edge: health's tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.database import Json, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _camera_states()
    _evidence()
    _picture_checks()
    _state_changes()
    _state_intervals()


def _camera_states() -> None:
    op.create_table(
        "camera_states",
        sa.Column("camera_id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("link", sa.String(40), nullable=False),
        sa.Column("link_since", UtcTime(), nullable=False),
        sa.Column("link_cause", sa.String(40), nullable=False),
        sa.Column("picture", sa.String(40), nullable=False),
        sa.Column("picture_since", UtcTime(), nullable=False),
        sa.Column("picture_cause", sa.String(40), nullable=False),
        sa.Column("last_at", UtcTime()),
        sa.Column("last_good_at", UtcTime()),
        sa.Column("checks", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("memory", Json, nullable=False),
        sa.Column("last_picture", Json),
        sa.Column("last_liveness", Json),
        sa.Column("next_check_at", UtcTime()),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_camera_states_camera_id"),
        sa.PrimaryKeyConstraint("camera_id", name="pk_camera_states"),
    )
    op.create_index("ix_camera_states_state", "camera_states", ["state"])


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("camera_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("taken_at", UtcTime(), nullable=False),
        sa.Column("filed_at", UtcTime(), nullable=False),
        sa.Column("closed_at", UtcTime()),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_evidence_camera_id"),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
    )
    op.create_index("ix_evidence_camera_id_filed_at", "evidence", ["camera_id", "filed_at"])
    op.create_index("ix_evidence_closed_at", "evidence", ["closed_at"])


def _picture_checks() -> None:
    op.create_table(
        "picture_checks",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("camera_id", sa.String(36), nullable=False),
        sa.Column("probe_id", sa.String(120), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("link", sa.String(40)),
        sa.Column("picture", sa.String(40)),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("also", Json, nullable=False),
        sa.Column("detail", sa.String(400), nullable=False),
        sa.Column("delays", Json, nullable=False),
        sa.Column("measures", Json, nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_picture_checks_camera_id"),
        sa.PrimaryKeyConstraint("day", "camera_id", "probe_id", name="pk_picture_checks"),
    )
    op.create_index("ix_picture_checks_camera_id_at", "picture_checks", ["camera_id", "at"])


def _state_changes() -> None:
    op.create_table(
        "state_changes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("camera_id", sa.String(36), nullable=False),
        sa.Column("aspect", sa.String(40), nullable=False),
        sa.Column("old", sa.String(40), nullable=False),
        sa.Column("new", sa.String(40), nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("probe_id", sa.String(120), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_state_changes_camera_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_state_changes"),
    )
    op.create_index("ix_state_changes_at", "state_changes", ["at"])
    op.create_index("ix_state_changes_camera_id_seq", "state_changes", ["camera_id", "seq"])


def _state_intervals() -> None:
    op.create_table(
        "state_intervals",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("camera_id", sa.String(36), nullable=False),
        sa.Column("aspect", sa.String(40), nullable=False),
        sa.Column("value", sa.String(40), nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("starts", UtcTime(), nullable=False),
        sa.Column("ends", UtcTime()),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_state_intervals_camera_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_state_intervals"),
    )
    op.create_index("ix_state_intervals_camera_id_aspect_starts", "state_intervals", ["camera_id", "aspect", "starts"])
    op.create_index("ix_state_intervals_ends", "state_intervals", ["ends"])
    op.create_index(
        "uq_state_intervals_open",
        "state_intervals",
        ["camera_id", "aspect"],
        unique=True,
        sqlite_where=sa.text("ends IS NULL"),
        postgresql_where=sa.text("ends IS NULL"),
    )
