"""Pure: a point (点位), a place with its archive record (一机一档), and what held for it when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from registry.lifecycle import Lifecycle


@dataclass(frozen=True, slots=True)
class Point:
    """Fields and numbers follow the catalogue item of GB/T 28181-2022; ``gb_id`` is an attribute, never a key.

    ``point_class`` 1, 2, 3 class, 4 internal, 9 other; ``room`` 1 outdoor 2 indoor; ``light`` 1 none 2 IR 3 white
    4 laser 9 other; ``direction`` 1 E 2 W 3 S 4 N 5 SE 6 NE 7 SW 8 NW 9 all round; ``mount`` 1 pole 2 borrowed pole
    3 wall; longitude and latitude in degrees, WGS-84; ``field_angle`` in degrees; ``view_distance`` in metres.
    ``unit_id`` manages the point, ``maintenance_unit_id`` repairs it. ``access_path`` goes from the camera towards
    the centre, each step ``{"kind": "recorder|switch|link", "id": ..., "name": ...}``.
    """

    id: str
    name: str
    area_id: str
    unit_id: str | None = None
    maintenance_unit_id: str | None = None
    point_class: int | None = None
    lifecycle: Lifecycle = Lifecycle.ADOPTED
    gb_id: str | None = None
    code: str | None = None
    common_name: str | None = None
    civil_code: str | None = None
    block: str | None = None
    address: str | None = None
    parent_gb_ids: tuple[str, ...] = ()
    longitude: float | None = None
    latitude: float | None = None
    network: str | None = None
    position_kind: str | None = None
    industry: str | None = None
    room: int | None = None
    light: int | None = None
    direction: int | None = None
    mount: int | None = None
    field_angle: float | None = None
    view_distance: float | None = None
    install_date: date | None = None
    warranty_end: date | None = None
    contacts: str | None = None
    recording_days: int | None = None
    access_path: tuple[dict[str, str], ...] = ()
    key_place: str | None = None
    key_road: str | None = None
    tags: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Placement:
    """Area, units and class of a point from ``since`` (inclusive) to ``until`` (exclusive; ``None`` is now)."""

    id: str
    point_id: str
    since: datetime
    until: datetime | None
    area_id: str
    unit_id: str | None
    maintenance_unit_id: str | None
    point_class: int | None
