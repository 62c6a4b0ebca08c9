"""Edge: the tables of nouns. Every row that people edit carries ``version``; ids are ours (UUIDv7), times UTC."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

import registry.log_tables
import registry.login_tables
import registry.secret_tables
import registry.view_tables  # noqa: F401 - these four register theirs on the one MetaData
from registry.camera import MaskBy
from registry.checkpoint import PartKind
from registry.database import Json, UtcTime, Word, metadata
from registry.device import DeviceKind
from registry.lifecycle import Lifecycle
from registry.principal import PrincipalKind
from registry.proposal import ProposalStatus
from registry.stream import StreamRole, Transport
from registry.unit import UnitKind
from registry.window import WindowKind


def _id() -> Column[str]:
    return Column("id", String(36), primary_key=True)


def _ref(name: str, target: str, *, null: bool = False, index: bool = True, **options: Any) -> Column[str]:
    return Column(name, String(36), ForeignKey(f"{target}.id"), nullable=null, index=index, **options)


def _text(name: str, length: int = 200, *, null: bool = True) -> Column[str]:
    return Column(name, String(length), nullable=null)


def _int(name: str) -> Column[int]:
    return Column(name, Integer, nullable=True)


def _float(name: str) -> Column[float]:
    return Column(name, sa.Float(53), nullable=True)


def _time(name: str, *, null: bool = True, index: bool = False) -> Column[Any]:
    return Column(name, UtcTime(), nullable=null, index=index)


def _json(name: str) -> Column[Any]:
    return Column(name, Json, nullable=False)


def _version() -> Column[int]:
    return Column("version", Integer, nullable=False, default=1)


def _lifecycle() -> Column[Any]:
    return Column("lifecycle", Word(Lifecycle), nullable=False)


areas = Table(
    "areas",
    metadata,
    _id(),
    _ref("parent_id", "areas", null=True),
    _text("name", null=False),
    _text("code", 20),
    _time("since"),
    _time("until"),
    _version(),
)

units = Table(
    "units",
    metadata,
    _id(),
    _text("name", null=False),
    Column("kind", Word(UnitKind), nullable=False),
    _text("contact"),
    _version(),
)

points = Table(
    "points",
    metadata,
    _id(),
    _text("name", null=False),
    _ref("area_id", "areas"),
    _ref("unit_id", "units", null=True),
    _ref("maintenance_unit_id", "units", null=True),
    _int("point_class"),
    _lifecycle(),
    Column("gb_id", String(40), nullable=True, index=True),
    Column("code", String(80), nullable=True, index=True),
    _text("common_name"),
    _text("civil_code", 20),
    _text("block", 80),
    _text("address", 400),
    _json("parent_gb_ids"),
    _float("longitude"),
    _float("latitude"),
    _text("network", 80),
    _text("position_kind", 80),
    _text("industry", 20),
    _int("room"),
    _int("light"),
    _int("direction"),
    _int("mount"),
    _float("field_angle"),
    _float("view_distance"),
    Column("install_date", sa.Date, nullable=True),
    Column("warranty_end", sa.Date, nullable=True),
    _text("contacts", 400),
    _int("recording_days"),
    _json("access_path"),
    _text("key_place"),
    _text("key_road"),
    _json("tags"),
    _json("extra"),
    _version(),
)

placements = Table(
    "placements",
    metadata,
    _id(),
    _ref("point_id", "points"),
    _time("since", null=False),
    _time("until"),
    _ref("area_id", "areas"),
    _ref("unit_id", "units", null=True, index=False),
    _ref("maintenance_unit_id", "units", null=True, index=False),
    _int("point_class"),
)

devices = Table(
    "devices",
    metadata,
    _id(),
    _text("name", null=False),
    Column("kind", Word(DeviceKind), nullable=False),
    _text("host", 255, null=False),
    Column("port", Integer, nullable=False),
    _ref("area_id", "areas"),
    _ref("unit_id", "units", null=True),
    _lifecycle(),
    _text("onvif_xaddr", 1024),
    _text("make"),
    _text("model"),
    _text("firmware"),
    Column("serial", String(200), nullable=True, index=True),
    Column("mac", String(20), nullable=True, index=True),
    Column("endpoint_uuid", String(80), nullable=True, index=True),
    _text("gb_id", 40),
    Column("identity_hold", sa.Boolean, nullable=False),
    _json("access_path"),
    _version(),
    Index(None, "host", "port"),
)

cameras = Table(
    "cameras",
    metadata,
    _id(),
    _ref("device_id", "devices"),
    _text("token", 256, null=False),
    _text("name", null=False),
    _ref("area_id", "areas"),
    _ref("unit_id", "units", null=True),
    Column("channel", Integer, nullable=False),
    _lifecycle(),
    Column("gb_id", String(40), nullable=True, index=True),
    _int("ptz_type"),
    _json("mask"),
    Column("mask_by", Word(MaskBy), nullable=False),
    _version(),
    UniqueConstraint("device_id", "token"),
)

_still = sa.text("until IS NULL")
bindings = Table(
    "bindings",
    metadata,
    _id(),
    _ref("camera_id", "cameras"),
    _ref("point_id", "points"),
    _time("since", null=False),
    _time("until"),
    # A camera serves one point at a time.
    Index("uq_bindings_camera_id_still", "camera_id", unique=True, sqlite_where=_still, postgresql_where=_still),
)

streams = Table(
    "streams",
    metadata,
    _id(),
    _ref("camera_id", "cameras"),
    Column("role", Word(StreamRole), nullable=False),
    _text("url", 2048, null=False),
    Column("transport", Word(Transport), nullable=False),
    Column("gop_seconds", sa.Float(53), nullable=False),
    _text("codec", 20),
    _int("width"),
    _int("height"),
    _float("fps"),
    _text("profile_token", 256),
    _version(),
    UniqueConstraint("camera_id", "role"),
)

windows = Table(
    "windows",
    metadata,
    _id(),
    Column("kind", Word(WindowKind), nullable=False),
    _text("reason", 400, null=False),
    _ref("area_id", "areas"),
    _time("starts", null=False),
    _time("ends", null=False, index=True),
    _ref("unit_id", "units", null=True),
    _ref("device_id", "devices", null=True),
    _ref("camera_id", "cameras", null=True),
    _text("filed_by", null=False),
    _text("approved_by"),
    Column("cancelled", sa.Boolean, nullable=False),
    _version(),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    _id(),
    _text("name", null=False),
    _ref("area_id", "areas"),
    _ref("unit_id", "units", null=True),
    _lifecycle(),
    _text("code", 40),
    _text("gb_id", 40),
    _int("direction"),
    _float("longitude"),
    _float("latitude"),
    _version(),
)

checkpoint_lanes = Table(
    "checkpoint_lanes",
    metadata,
    _id(),
    _ref("checkpoint_id", "checkpoints"),
    Column("number", Integer, nullable=False),
    _text("name"),
    _int("direction"),
    _version(),
    UniqueConstraint("checkpoint_id", "number"),
)

checkpoint_parts = Table(
    "checkpoint_parts",
    metadata,
    _id(),
    _ref("checkpoint_id", "checkpoints"),
    Column("kind", Word(PartKind), nullable=False),
    _text("name", null=False),
    _ref("lane_id", "checkpoint_lanes", null=True),
    _ref("device_id", "devices", null=True),
    _ref("camera_id", "cameras", null=True),
    _lifecycle(),
    _version(),
)

proposals = Table(
    "proposals",
    metadata,
    _id(),
    _text("host", 255, null=False),
    Column("port", Integer, nullable=False),
    Column("status", Word(ProposalStatus), nullable=False, index=True),
    _text("how", 40, null=False),
    _time("first_seen", null=False),
    _time("last_seen", null=False),
    Column("serial", String(200), nullable=True, index=True),
    Column("mac", String(20), nullable=True, index=True),
    Column("endpoint_uuid", String(80), nullable=True, index=True),
    _json("facts"),
    _json("conflicts"),
    _ref("area_id", "areas", null=True),
    _ref("unit_id", "units", null=True),
    _ref("device_id", "devices", null=True),
    _text("reason", 400),
    _version(),
    Index(None, "host", "port"),
)

principals = Table(
    "principals",
    metadata,
    _id(),
    Column("name", String(200), nullable=False, unique=True),
    Column("kind", Word(PrincipalKind), nullable=False),
    Column("disabled", sa.Boolean, nullable=False),
    _version(),
)

grants = Table(
    "grants",
    metadata,
    _id(),
    _ref("principal_id", "principals"),
    _json("permissions"),
    _ref("area_id", "areas", null=True),
    _ref("unit_id", "units", null=True),
    _time("until"),
    _version(),
)


def metadata_tables() -> list[Table]:
    """Every table of every room that was imported so far, in an order in which references hold."""
    return list(metadata.sorted_tables)
