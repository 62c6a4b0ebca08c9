"""Edge: devices, the network boxes: their record, and their credentials, which are written and never read."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field, SecretStr

from center.api.asked import Asked, CredentialWriter, Editor, Reader
from center.api.etag import IfMatch, edited, tagged, version_of
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.point_routes import Step
from center.api.shapes import Id, IdText, In, Line, Listed, Out
from registry import camera_store, credential_store, device_store, rows_store
from registry.device import Device, DeviceKind
from registry.found_device import FoundDevice
from registry.lifecycle import Lifecycle

router = APIRouter(prefix="/api/v1/devices", tags=["devices"])


class DeviceOut(Out):
    """``identity_hold``: it answers as another device than the one accepted, and gets no password until a person
    accepts it (see proposals)."""

    id: str
    name: str
    kind: DeviceKind
    host: str
    port: int
    area_id: str
    unit_id: str | None
    lifecycle: Lifecycle
    onvif_xaddr: str | None
    make: str | None
    model: str | None
    firmware: str | None
    serial: str | None
    mac: str | None
    gb_id: str | None
    identity_hold: bool
    access_path: list[dict[str, str]]
    version: int


class OneDevice(DeviceOut):
    """``account``: the name it is logged in to by; null where there are no credentials. ``cameras``: its channels
    in your areas."""

    account: str | None
    cameras: list[str]


class DeviceEdit(In):
    """Only the members that are sent are changed. A host outside the camera networks is never contacted."""

    name: Line = Field(default_factory=str)
    kind: DeviceKind = DeviceKind.CAMERA
    host: Line = Field(default_factory=str, max_length=255, pattern=r"^[A-Za-z0-9.:_-]+$")
    port: int = Field(80, ge=1, le=65535)
    area_id: IdText = Field(default_factory=str)
    unit_id: IdText | None = None
    lifecycle: Lifecycle = Lifecycle.IN_USE
    make: Line | None = None
    model: Line | None = None
    gb_id: Line | None = Field(None, max_length=40)
    access_path: list[Step] = Field(default_factory=list, max_length=10)


class CredentialsIn(In):
    """``allow_clear``: this device may be sent the password readable (HTTP Basic), where it knows nothing better."""

    account: Line
    password: SecretStr = Field(min_length=1, max_length=200)
    allow_clear: bool = False


@router.get("", summary="Devices")
async def list_devices(asked: Reader, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Listed[DeviceOut]:
    """In the order of making."""
    after = position(asked, cursor)
    async with asked.read() as connection:
        page = await device_store.list_devices(asked.scope, connection, after=after, limit=limit)
    items = [DeviceOut.model_validate(device) for device in page.items]
    return Listed(items=items, next_cursor=next_cursor(asked, page.after))


@router.get("/{device_id}", response_model=OneDevice, summary="One device with its channels")
async def get_device(asked: Reader, device_id: Id) -> Response:
    out = await _load(asked, device_id)
    return tagged(asked, out, out.version)


@router.patch("/{device_id}", response_model=OneDevice, summary="Edit a device")
async def edit_device(asked: Editor, device_id: Id, body: DeviceEdit, if_match: IfMatch = None) -> Response:
    """Needs `If-Match`; 412 shows both versions."""
    fields: dict[str, Any] = body.model_dump(exclude_unset=True)
    if "access_path" in fields:
        fields["access_path"] = tuple(fields["access_path"])

    async def change() -> Device:
        version = version_of(if_match)
        async with asked.write() as connection:
            await rows_store.require_unit(asked.scope, connection, fields.get("unit_id"))
            return await device_store.change_device(asked.scope, connection, device_id, version, **fields)

    await edited(change(), lambda: _load(asked, device_id), body.model_dump(exclude_unset=True, mode="json"))
    out = await _load(asked, device_id)
    return tagged(asked, out, out.version)


@router.put("/{device_id}/credentials", status_code=204, summary="Set a device's account and password")
async def set_credentials(asked: CredentialWriter, device_id: Id, body: CredentialsIn) -> Response:
    """Written, never read. A new password is tried at once, and once only if it is refused."""
    vault = asked.core.storage.vault
    async with asked.write() as connection:
        await credential_store.set_credentials(
            asked.scope, connection, vault, device_id, body.account, body.password, allow_clear=body.allow_clear
        )
        device = await device_store.get_device(asked.scope, connection, device_id)
        channels = await camera_store.cameras_of(asked.scope, connection, device_id)
    if asked.core.app is not None and device.onvif_xaddr and not channels:
        # Adopted before it had a password: now it tells its channels.
        found = FoundDevice(device.host, device.port, "hand", device.kind, onvif_xaddr=device.onvif_xaddr)
        asked.core.app.adopting.read_soon([(device.id, found)])
    return Response(status_code=204)


@router.delete("/{device_id}/credentials", status_code=204, summary="Take a device's password away")
async def drop_credentials(asked: CredentialWriter, device_id: Id) -> Response:
    async with asked.write() as connection:
        await credential_store.drop_credentials(asked.scope, connection, device_id)
    return Response(status_code=204)


async def _load(asked: Asked, device_id: str) -> OneDevice:
    async with asked.read() as connection:
        device = await device_store.get_device(asked.scope, connection, device_id)
        account = await credential_store.has_credentials(asked.scope, connection, device_id)
        channels = await camera_store.cameras_of(asked.scope, connection, device_id)
    shown = DeviceOut.model_validate(device).model_dump()
    return OneDevice(**shown, account=account, cameras=[camera.id for camera in channels])
