"""Pure: a smart checkpoint (智能卡口) as equipment: a site with lanes and parts. No data of traffic."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from registry.lifecycle import Lifecycle


class PartKind(StrEnum):
    CAPTURE_FRONT = "capture_front"
    CAPTURE_REAR = "capture_rear"
    TERMINAL_SERVER = "terminal_server"
    CONTROL_UNIT = "control_unit"
    STROBE = "strobe"
    LED = "led"
    RADAR = "radar"
    LOOP = "loop"
    PANORAMA = "panorama"
    CABINET_DOOR = "cabinet_door"
    GPS_TIME = "gps_time"


@dataclass(frozen=True, slots=True)
class Lane:
    id: str
    checkpoint_id: str
    number: int
    name: str | None = None
    direction: int | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the checkpoint; ``device_id`` or ``camera_id`` where it is also one of ours."""

    id: str
    checkpoint_id: str
    kind: PartKind
    name: str
    lane_id: str | None = None
    device_id: str | None = None
    camera_id: str | None = None
    lifecycle: Lifecycle = Lifecycle.ADOPTED
    version: int = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``code`` is the checkpoint's own 18-digit code, ``gb_id`` its GB/T 28181 id (type 121); both attributes."""

    id: str
    name: str
    area_id: str
    unit_id: str | None = None
    lifecycle: Lifecycle = Lifecycle.ADOPTED
    code: str | None = None
    gb_id: str | None = None
    direction: int | None = None
    longitude: float | None = None
    latitude: float | None = None
    version: int = 1
