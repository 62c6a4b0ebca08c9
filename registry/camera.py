"""Pure: a camera (摄像机), one video channel of a device; the unit of probe, verdict, view and availability."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from registry.lifecycle import Lifecycle


class MaskBy(StrEnum):
    """Who burns the privacy mask in."""

    NOBODY = "nobody"
    CAMERA = "camera"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Camera:
    """``token`` names the channel on its device (ONVIF video source token, or the channel number as text).

    ``mask`` holds polygons in picture shares (0..1). ``ptz_type`` 1 dome 2 half-dome 3 fixed 4 PTZ box
    5 PTZ half-dome 6 panorama 7 split (GB/T 28181-2022). ``unit_id`` is the unit that repairs it.
    """

    id: str
    device_id: str
    token: str
    name: str
    area_id: str
    unit_id: str | None = None
    channel: int = 1
    lifecycle: Lifecycle = Lifecycle.ADOPTED
    gb_id: str | None = None
    ptz_type: int | None = None
    mask: tuple[tuple[tuple[float, float], ...], ...] = ()
    mask_by: MaskBy = MaskBy.NOBODY
    version: int = 1


@dataclass(frozen=True, slots=True)
class Binding:
    """Which camera serves which point, from ``since`` to ``until`` (exclusive; ``None`` is still).

    A swap of cameras closes one binding and opens another; history stays with the point.
    """

    id: str
    camera_id: str
    point_id: str
    since: datetime
    until: datetime | None = None
