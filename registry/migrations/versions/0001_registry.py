"""Edge: the registry's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.ids import new_id
from registry.database import Json, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _areas()
    _audit()
    _audit_head()
    _change_counter()
    _changes()
    _data_keys()
    _device_accounts()
    _device_facts()
    _imports()
    _principals()
    _secrets()
    _units()
    _checkpoints()
    _devices()
    _grants()
    _points()
    _cameras()
    _checkpoint_lanes()
    _credentials()
    _placements()
    _proposals()
    _bindings()
    _checkpoint_parts()
    _streams()
    _windows()
    _first_rows()


def _areas() -> None:
    op.create_table(
        "areas",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("parent_id", sa.String(36)),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("code", sa.String(20)),
        sa.Column("since", UtcTime()),
        sa.Column("until", UtcTime()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["areas.id"], name="fk_areas_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_areas"),
    )
    op.create_index("ix_areas_parent_id", "areas", ["parent_id"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("principal", sa.String(200), nullable=False),
        sa.Column("act", sa.String(80), nullable=False),
        sa.Column("object_kind", sa.String(40), nullable=False),
        sa.Column("object_id", sa.String(80), nullable=False),
        sa.Column("area_id", sa.String(36)),
        sa.Column("unit_id", sa.String(36)),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(36), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_area_id", "audit", ["area_id"])
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_object_id", "audit", ["object_id"])
    op.create_index("ix_audit_unit_id", "audit", ["unit_id"])


def _audit_head() -> None:
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )


def _change_counter() -> None:
    op.create_table(
        "change_counter",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.String(36), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("forgotten", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_change_counter"),
    )


def _changes() -> None:
    op.create_table(
        "changes",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("object_id", sa.String(80), nullable=False),
        sa.Column("area_id", sa.String(36)),
        sa.Column("unit_id", sa.String(36)),
        sa.Column("payload", Json, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_changes"),
    )
    op.create_index("ix_changes_area_id", "changes", ["area_id"])
    op.create_index("ix_changes_unit_id", "changes", ["unit_id"])


def _data_keys() -> None:
    op.create_table(
        "data_keys",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("made", UtcTime(), nullable=False),
        sa.Column("algorithm", sa.String(40), nullable=False),
        sa.Column("master_key_id", sa.String(36), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_data_keys"),
    )


def _device_accounts() -> None:
    op.create_table(
        "device_accounts",
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("fingerprint", sa.String(120), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("until", UtcTime()),
        sa.PrimaryKeyConstraint("host", "account", "fingerprint", name="pk_device_accounts"),
    )


def _device_facts() -> None:
    op.create_table(
        "device_facts",
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("auth_rung", sa.String(20)),
        sa.Column("keyframe_method", sa.String(20)),
        sa.Column("transport", sa.String(20)),
        sa.Column("keepalive", sa.String(20)),
        sa.Column("clock_offset", sa.Float(53)),
        sa.Column("identity", sa.String(2000)),
        sa.PrimaryKeyConstraint("host", name="pk_device_facts"),
    )


def _imports() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("principal", sa.String(200), nullable=False),
        sa.Column("file_digest", sa.String(64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
    )


def _principals() -> None:
    op.create_table(
        "principals",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_principals"),
        sa.UniqueConstraint("name", name="uq_principals_name"),
    )


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("algorithm", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(36), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_secrets"),
    )
    op.create_index("ix_secrets_key_id", "secrets", ["key_id"])


def _units() -> None:
    op.create_table(
        "units",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("contact", sa.String(200)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_units"),
    )


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("area_id", sa.String(36), nullable=False),
        sa.Column("unit_id", sa.String(36)),
        sa.Column("lifecycle", sa.String(40), nullable=False),
        sa.Column("code", sa.String(40)),
        sa.Column("gb_id", sa.String(40)),
        sa.Column("direction", sa.Integer()),
        sa.Column("longitude", sa.Float(53)),
        sa.Column("latitude", sa.Float(53)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name="fk_checkpoints_area_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name="fk_checkpoints_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_checkpoints"),
    )
    op.create_index("ix_checkpoints_area_id", "checkpoints", ["area_id"])
    op.create_index("ix_checkpoints_unit_id", "checkpoints", ["unit_id"])


def _devices() -> None:
    op.create_table(
        "devices",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("area_id", sa.String(36), nullable=False),
        sa.Column("unit_id", sa.String(36)),
        sa.Column("lifecycle", sa.String(40), nullable=False),
        sa.Column("onvif_xaddr", sa.String(1024)),
        sa.Column("make", sa.String(200)),
        sa.Column("model", sa.String(200)),
        sa.Column("firmware", sa.String(200)),
        sa.Column("serial", sa.String(200)),
        sa.Column("mac", sa.String(20)),
        sa.Column("endpoint_uuid", sa.String(80)),
        sa.Column("gb_id", sa.String(40)),
        sa.Column("identity_hold", sa.Boolean(), nullable=False),
        sa.Column("access_path", Json, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name="fk_devices_area_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name="fk_devices_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_devices"),
    )
    op.create_index("ix_devices_area_id", "devices", ["area_id"])
    op.create_index("ix_devices_endpoint_uuid", "devices", ["endpoint_uuid"])
    op.create_index("ix_devices_host_port", "devices", ["host", "port"])
    op.create_index("ix_devices_mac", "devices", ["mac"])
    op.create_index("ix_devices_serial", "devices", ["serial"])
    op.create_index("ix_devices_unit_id", "devices", ["unit_id"])


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("principal_id", sa.String(36), nullable=False),
        sa.Column("permissions", Json, nullable=False),
        sa.Column("area_id", sa.String(36)),
        sa.Column("unit_id", sa.String(36)),
        sa.Column("until", UtcTime()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name="fk_grants_area_id"),
        sa.ForeignKeyConstraint(["principal_id"], ["principals.id"], name="fk_grants_principal_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name="fk_grants_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
    )
    op.create_index("ix_grants_area_id", "grants", ["area_id"])
    op.create_index("ix_grants_principal_id", "grants", ["principal_id"])
    op.create_index("ix_grants_unit_id", "grants", ["unit_id"])


def _points() -> None:
    op.create_table(
        "points",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("area_id", sa.String(36), nullable=False),
        sa.Column("unit_id", sa.String(36)),
        sa.Column("maintenance_unit_id", sa.String(36)),
        sa.Column("point_class", sa.Integer()),
        sa.Column("lifecycle", sa.String(40), nullable=False),
        sa.Column("gb_id", sa.String(40)),
        sa.Column("code", sa.String(80)),
        sa.Column("common_name", sa.String(200)),
        sa.Column("civil_code", sa.String(20)),
        sa.Column("block", sa.String(80)),
        sa.Column("address", sa.String(400)),
        sa.Column("parent_gb_ids", Json, nullable=False),
        sa.Column("longitude", sa.Float(53)),
        sa.Column("latitude", sa.Float(53)),
        sa.Column("network", sa.String(80)),
        sa.Column("position_kind", sa.String(80)),
        sa.Column("industry", sa.String(20)),
        sa.Column("room", sa.Integer()),
        sa.Column("light", sa.Integer()),
        sa.Column("direction", sa.Integer()),
        sa.Column("mount", sa.Integer()),
        sa.Column("field_angle", sa.Float(53)),
        sa.Column("view_distance", sa.Float(53)),
        sa.Column("install_date", sa.Date()),
        sa.Column("warranty_end", sa.Date()),
        sa.Column("contacts", sa.String(400)),
        sa.Column("recording_days", sa.Integer()),
        sa.Column("access_path", Json, nullable=False),
        sa.Column("key_place", sa.String(200)),
        sa.Column("key_road", sa.String(200)),
        sa.Column("tags", Json, nullable=False),
        sa.Column("extra", Json, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name="fk_points_area_id"),
        sa.ForeignKeyConstraint(["maintenance_unit_id"], ["units.id"], name="fk_points_maintenance_unit_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name="fk_points_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_points"),
    )
    op.create_index("ix_points_area_id", "points", ["area_id"])
    op.create_index("ix_points_code", "points", ["code"])
    op.create_index("ix_points_gb_id", "points", ["gb_id"])
    op.create_index("ix_points_maintenance_unit_id", "points", ["maintenance_unit_id"])
    op.create_index("ix_points_unit_id", "points", ["unit_id"])


def _cameras() -> None:
    op.create_table(
        "cameras",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("device_id", sa.String(36), nullable=False),
        sa.Column("token", sa.String(256), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("area_id", sa.String(36), nullable=False),
        sa.Column("unit_id", sa.String(36)),
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("lifecycle", sa.String(40), nullable=False),
        sa.Column("gb_id", sa.String(40)),
        sa.Column("ptz_type", sa.Integer()),
        sa.Column("mask", Json, nullable=False),
        sa.Column("mask_by", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name="fk_cameras_area_id"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_cameras_device_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name="fk_cameras_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cameras"),
        sa.UniqueConstraint("device_id", "token", name="uq_cameras_device_id_token"),
    )
    op.create_index("ix_cameras_area_id", "cameras", ["area_id"])
    op.create_index("ix_cameras_device_id", "cameras", ["device_id"])
    op.create_index("ix_cameras_gb_id", "cameras", ["gb_id"])
    op.create_index("ix_cameras_unit_id", "cameras", ["unit_id"])


def _checkpoint_lanes() -> None:
    op.create_table(
        "checkpoint_lanes",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("checkpoint_id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("direction", sa.Integer()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoints.id"], name="fk_checkpoint_lanes_checkpoint_id"),
        sa.PrimaryKeyConstraint("id", name="pk_checkpoint_lanes"),
        sa.UniqueConstraint("checkpoint_id", "number", name="uq_checkpoint_lanes_checkpoint_id_number"),
    )
    op.create_index("ix_checkpoint_lanes_checkpoint_id", "checkpoint_lanes", ["checkpoint_id"])


def _credentials() -> None:
    op.create_table(
        "credentials",
        sa.Column("device_id", sa.String(36), nullable=False),
        sa.Column("secret_id", sa.String(36), nullable=False),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("allow_clear", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_credentials_device_id"),
        sa.ForeignKeyConstraint(["secret_id"], ["secrets.id"], name="fk_credentials_secret_id"),
        sa.PrimaryKeyConstraint("device_id", name="pk_credentials"),
    )
    op.create_index("ix_credentials_secret_id", "credentials", ["secret_id"])


def _placements() -> None:
    op.create_table(
        "placements",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("point_id", sa.String(36), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("until", UtcTime()),
        sa.Column("area_id", sa.String(36), nullable=False),
        sa.Column("unit_id", sa.String(36)),
        sa.Column("maintenance_unit_id", sa.String(36)),
        sa.Column("point_class", sa.Integer()),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name="fk_placements_area_id"),
        sa.ForeignKeyConstraint(["maintenance_unit_id"], ["units.id"], name="fk_placements_maintenance_unit_id"),
        sa.ForeignKeyConstraint(["point_id"], ["points.id"], name="fk_placements_point_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name="fk_placements_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_placements"),
    )
    op.create_index("ix_placements_area_id", "placements", ["area_id"])
    op.create_index("ix_placements_point_id", "placements", ["point_id"])


def _proposals() -> None:
    op.create_table(
        "proposals",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("how", sa.String(40), nullable=False),
        sa.Column("first_seen", UtcTime(), nullable=False),
        sa.Column("last_seen", UtcTime(), nullable=False),
        sa.Column("serial", sa.String(200)),
        sa.Column("mac", sa.String(20)),
        sa.Column("endpoint_uuid", sa.String(80)),
        sa.Column("facts", Json, nullable=False),
        sa.Column("conflicts", Json, nullable=False),
        sa.Column("area_id", sa.String(36)),
        sa.Column("unit_id", sa.String(36)),
        sa.Column("device_id", sa.String(36)),
        sa.Column("reason", sa.String(400)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name="fk_proposals_area_id"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_proposals_device_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name="fk_proposals_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_proposals"),
    )
    op.create_index("ix_proposals_area_id", "proposals", ["area_id"])
    op.create_index("ix_proposals_device_id", "proposals", ["device_id"])
    op.create_index("ix_proposals_endpoint_uuid", "proposals", ["endpoint_uuid"])
    op.create_index("ix_proposals_host_port", "proposals", ["host", "port"])
    op.create_index("ix_proposals_mac", "proposals", ["mac"])
    op.create_index("ix_proposals_serial", "proposals", ["serial"])
    op.create_index("ix_proposals_status", "proposals", ["status"])
    op.create_index("ix_proposals_unit_id", "proposals", ["unit_id"])


def _bindings() -> None:
    op.create_table(
        "bindings",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("camera_id", sa.String(36), nullable=False),
        sa.Column("point_id", sa.String(36), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("until", UtcTime()),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_bindings_camera_id"),
        sa.ForeignKeyConstraint(["point_id"], ["points.id"], name="fk_bindings_point_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bindings"),
    )
    op.create_index("ix_bindings_camera_id", "bindings", ["camera_id"])
    op.create_index("ix_bindings_point_id", "bindings", ["point_id"])
    op.create_index(
        "uq_bindings_camera_id_still",
        "bindings",
        ["camera_id"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )


def _checkpoint_parts() -> None:
    op.create_table(
        "checkpoint_parts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("checkpoint_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("lane_id", sa.String(36)),
        sa.Column("device_id", sa.String(36)),
        sa.Column("camera_id", sa.String(36)),
        sa.Column("lifecycle", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_checkpoint_parts_camera_id"),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoints.id"], name="fk_checkpoint_parts_checkpoint_id"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_checkpoint_parts_device_id"),
        sa.ForeignKeyConstraint(["lane_id"], ["checkpoint_lanes.id"], name="fk_checkpoint_parts_lane_id"),
        sa.PrimaryKeyConstraint("id", name="pk_checkpoint_parts"),
    )
    op.create_index("ix_checkpoint_parts_camera_id", "checkpoint_parts", ["camera_id"])
    op.create_index("ix_checkpoint_parts_checkpoint_id", "checkpoint_parts", ["checkpoint_id"])
    op.create_index("ix_checkpoint_parts_device_id", "checkpoint_parts", ["device_id"])
    op.create_index("ix_checkpoint_parts_lane_id", "checkpoint_parts", ["lane_id"])


def _streams() -> None:
    op.create_table(
        "streams",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("camera_id", sa.String(36), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("transport", sa.String(40), nullable=False),
        sa.Column("gop_seconds", sa.Float(53), nullable=False),
        sa.Column("codec", sa.String(20)),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        sa.Column("fps", sa.Float(53)),
        sa.Column("profile_token", sa.String(256)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_streams_camera_id"),
        sa.PrimaryKeyConstraint("id", name="pk_streams"),
        sa.UniqueConstraint("camera_id", "role", name="uq_streams_camera_id_role"),
    )
    op.create_index("ix_streams_camera_id", "streams", ["camera_id"])


def _windows() -> None:
    op.create_table(
        "windows",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("area_id", sa.String(36), nullable=False),
        sa.Column("starts", UtcTime(), nullable=False),
        sa.Column("ends", UtcTime(), nullable=False),
        sa.Column("unit_id", sa.String(36)),
        sa.Column("device_id", sa.String(36)),
        sa.Column("camera_id", sa.String(36)),
        sa.Column("filed_by", sa.String(200), nullable=False),
        sa.Column("approved_by", sa.String(200)),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name="fk_windows_area_id"),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_windows_camera_id"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_windows_device_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name="fk_windows_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_windows"),
    )
    op.create_index("ix_windows_area_id", "windows", ["area_id"])
    op.create_index("ix_windows_camera_id", "windows", ["camera_id"])
    op.create_index("ix_windows_device_id", "windows", ["device_id"])
    op.create_index("ix_windows_ends", "windows", ["ends"])
    op.create_index("ix_windows_unit_id", "windows", ["unit_id"])


def _first_rows() -> None:
    counter = sa.text("INSERT INTO change_counter (id, epoch, position, forgotten) VALUES (1, :epoch, 0, 0)")
    op.get_bind().execute(counter, {"epoch": new_id()})
    op.get_bind().execute(sa.text("INSERT INTO audit_head (id, rows, mac) VALUES (1, 0, :mac)"), {"mac": b""})
