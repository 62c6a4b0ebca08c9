"""Pure: a device (设备), one network box with an address, an identity and credentials."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from registry.lifecycle import Lifecycle


class DeviceKind(StrEnum):
    CAMERA = "camera"
    RECORDER = "recorder"  # NVR, DVR: hundreds of channels may sit behind one
    ENCODER = "encoder"
    BELL = "bell"  # 警铃
    LOUDSPEAKER = "loudspeaker"  # 平安大喇叭
    CHECKPOINT_UNIT = "checkpoint_unit"  # terminal server or control unit of a smart checkpoint
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Device:
    """``host`` is an IP address or name, ``port`` its ONVIF or RTSP port; ``unit_id`` is the unit that repairs it.

    ``identity_hold`` stands while facts readable without credentials differ from those accepted: until a person
    accepts them nothing authenticates to the device.
    """

    id: str
    name: str
    kind: DeviceKind
    host: str
    port: int
    area_id: str
    unit_id: str | None = None
    lifecycle: Lifecycle = Lifecycle.ADOPTED
    onvif_xaddr: str | None = None
    make: str | None = None
    model: str | None = None
    firmware: str | None = None
    serial: str | None = None
    mac: str | None = None
    endpoint_uuid: str | None = None
    gb_id: str | None = None
    identity_hold: bool = False
    access_path: tuple[dict[str, str], ...] = ()
    version: int = 1
