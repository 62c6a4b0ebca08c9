"""Edge: one narrow row a camera for lists, search and counts. ``registry.migrations.listing`` keeps it true."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.database import UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "camera_listing",
        sa.Column("camera_id", sa.String(36), nullable=False),
        sa.Column("lifecycle", sa.String(40), nullable=False),
        sa.Column("area_id", sa.String(36), nullable=False),
        sa.Column("unit_id", sa.String(36), nullable=True),
        sa.Column("device_id", sa.String(36), nullable=False),
        sa.Column("gb_id", sa.String(40), nullable=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("found_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_camera_listing_camera_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("camera_id", name="pk_camera_listing"),
    )
    wide = ["lifecycle", "area_id", "state", "unit_id", "since", "name", "camera_id"]
    op.create_index("ix_camera_listing_wide", "camera_listing", wide)
    op.create_index("ix_camera_listing_device_id", "camera_listing", ["device_id"])
    op.create_index("ix_camera_listing_gb_id", "camera_listing", ["gb_id"])
    # Lists read the narrow rows now.
    op.drop_index("ix_camera_states_camera_id_state_since", "camera_states")
