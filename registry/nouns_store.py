"""Edge: the table of nouns: which value lives in which table, and how its rows are kept to their readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from config.scope import Extent, Permission
from registry import tables
from registry.area import Area
from registry.camera import Camera
from registry.checkpoint import Checkpoint
from registry.device import Device
from registry.point import Point
from registry.principal import Principal
from registry.proposal import Proposal
from registry.rows_store import Noun
from registry.scope_store import areas_visible, units_visible, visible
from registry.unit import Unit
from registry.window import Window


def _by(table: sa.Table, *units: str) -> Callable[[Extent], ColumnElement[bool]]:
    columns = [table.c[name] for name in units or ("unit_id",)]
    return lambda extent: visible(extent, table.c.area_id, *columns)


def _everywhere(extent: Extent) -> ColumnElement[bool]:
    return sa.true() if extent.everywhere else sa.false()


def _place(value: Any) -> tuple[str | None, str | None]:
    return value.area_id, value.unit_id


def _point_place(point: Point) -> tuple[str | None, str | None]:
    """Its changes go to those who repair it; those who manage it read its area."""
    return point.area_id, point.maintenance_unit_id or point.unit_id


AREA = Noun("area", Area, tables.areas, areas_visible, lambda area: (area.id, None))
UNIT = Noun("unit", Unit, tables.units, units_visible, lambda unit: (None, unit.id))
POINT = Noun("point", Point, tables.points, _by(tables.points, "unit_id", "maintenance_unit_id"), _point_place)
DEVICE = Noun("device", Device, tables.devices, _by(tables.devices), _place)
CAMERA = Noun("camera", Camera, tables.cameras, _by(tables.cameras), _place)
WINDOW = Noun("window", Window, tables.windows, _by(tables.windows), _place)
CHECKPOINT = Noun("checkpoint", Checkpoint, tables.checkpoints, _by(tables.checkpoints), _place)
PROPOSAL = Noun("proposal", Proposal, tables.proposals, _by(tables.proposals), _place, Permission.ADOPT)
PRINCIPAL = Noun(
    "principal", Principal, tables.principals, _everywhere, lambda principal: (None, None), Permission.USERS
)
