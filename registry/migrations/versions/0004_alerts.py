"""Edge: alerts' tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.database import Json, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STANDING: sa.TextClause = sa.text("state IN ('open', 'acknowledged')")


def upgrade() -> None:
    _incidents()
    _incident_entries()
    _outbox()


def _serial() -> sa.Column[int]:
    return sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False)


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("camera_id", sa.String(36)),
        sa.Column("group_kind", sa.String(40)),
        sa.Column("group_id", sa.String(200)),
        sa.Column("group_name", sa.String(200)),
        sa.Column("area_id", sa.String(36)),
        sa.Column("unit_id", sa.String(36)),
        sa.Column("cameras", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.String(36)),
        sa.Column("recovered_at", UtcTime()),
        sa.Column("resolved_at", UtcTime()),
        sa.Column("acknowledged_by", sa.String(200)),
        sa.Column("acknowledged_at", UtcTime()),
        sa.Column("closing", sa.String(40)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_incidents_camera_id"),
        sa.ForeignKeyConstraint(["parent_id"], ["incidents.id"], name="fk_incidents_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_camera_id", "incidents", ["camera_id"])
    op.create_index("ix_incidents_parent_id", "incidents", ["parent_id"])
    op.create_index("ix_incidents_since_id", "incidents", ["since", "id"])
    op.create_index("ix_incidents_state_since", "incidents", ["state", "since"])
    for name, columns in (("camera", ["camera_id", "kind"]), ("group", ["group_kind", "group_id"])):
        op.create_index(
            f"uq_incidents_standing_{name}",
            "incidents",
            columns,
            unique=True,
            sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        )


def _incident_entries() -> None:
    op.create_table(
        "incident_entries",
        _serial(),
        sa.Column("incident_id", sa.String(36), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("principal", sa.String(200), nullable=False),
        sa.Column("act", sa.String(40), nullable=False),
        sa.Column("text", sa.String(2000), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="fk_incident_entries_incident_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_incident_entries"),
    )
    op.create_index("ix_incident_entries_incident_id_seq", "incident_entries", ["incident_id", "seq"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        _serial(),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("destination", sa.String(64), nullable=False),
        sa.Column("incident_id", sa.String(36), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("held_for", sa.String(40), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_at", UtcTime()),
        sa.Column("last_at", UtcTime()),
        sa.Column("delivered_at", UtcTime()),
        sa.Column("answer", sa.Integer()),
        sa.Column("error", sa.String(400), nullable=False),
        sa.Column("body", Json),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="fk_outbox_incident_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_outbox"),
        sa.UniqueConstraint("id", name="uq_outbox_id"),
        sa.UniqueConstraint("incident_id", "destination", "event", name="uq_outbox_incident_id_destination_event"),
    )
    op.create_index("ix_outbox_destination_status_seq", "outbox", ["destination", "status", "seq"])
