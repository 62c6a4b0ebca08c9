"""Wiring: the channels of a device become cameras, each with its streams, its point and the binding between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from config.ids import new_id
from config.scope import Scope
from config.text import printable
from registry.binding_store import bind, bindings_of_camera
from registry.camera import Camera
from registry.camera_store import add_camera, cameras_of, change_camera
from registry.database import Connection
from registry.device import Device
from registry.found_device import FoundChannel, FoundStream
from registry.point import Point
from registry.point_store import add_point
from registry.stream import Stream, is_url
from registry.stream_store import put_stream, streams_of


async def put_channels(
    acting: Scope, connection: Connection, device: Device, channels: tuple[FoundChannel, ...]
) -> tuple[Camera, ...]:
    """Cameras for channels not known yet, streams for all of them; the cameras that are new.

    A channel is known by its token, or, where an inventory gave only its number, by that. Nothing is removed: a
    channel that a device no longer tells of is the checks' matter, not the list's.
    """
    known = await cameras_of(acting, connection, device.id)
    added: list[Camera] = []
    for channel in channels:
        camera = _match(known, channel)
        if camera is None:
            camera = await _new_camera(acting, connection, device, channel, alone=len(channels) == 1)
            added.append(camera)
        elif camera.token != channel.token:
            camera = await change_camera(acting, connection, camera.id, camera.version, token=channel.token)
        await _put_streams(acting, connection, camera, channel.streams)
    return tuple(added)


def _match(known: list[Camera], channel: FoundChannel) -> Camera | None:
    for camera in known:
        if camera.token == channel.token:
            return camera
    return next((c for c in known if c.token == str(c.channel) and c.channel == channel.number), None)


async def _new_camera(
    acting: Scope, connection: Connection, device: Device, channel: FoundChannel, *, alone: bool
) -> Camera:
    own = channel.name or f"channel {channel.number}"
    name = printable(device.name if alone else f"{device.name} {own}", 200)
    camera = await add_camera(
        acting,
        connection,
        Camera(
            id=new_id(),
            device_id=device.id,
            token=channel.token,
            name=name,
            area_id=device.area_id,
            unit_id=device.unit_id,
            channel=channel.number,
            lifecycle=device.lifecycle,
        ),
    )
    point = Point(
        id=new_id(),
        name=name,
        area_id=device.area_id,
        maintenance_unit_id=device.unit_id,
        lifecycle=device.lifecycle,
    )
    await add_point(acting, connection, point)
    await bind(acting, connection, camera.id, point.id)
    return camera


async def ensure_point(acting: Scope, connection: Connection, camera: Camera, point_id: str) -> None:
    """The camera serves that point; nothing is written where it already does."""
    held = await bindings_of_camera(acting, connection, camera.id)
    if not any(binding.point_id == point_id and binding.until is None for binding in held):
        await bind(acting, connection, camera.id, point_id)


async def _put_streams(acting: Scope, connection: Connection, camera: Camera, found: tuple[FoundStream, ...]) -> None:
    stands = {stream.role: stream for stream in await streams_of(acting, connection, camera.id)}
    for one in found:
        if not is_url(one.url):
            continue
        old = stands.get(one.role)
        learned: dict[str, Any] = {
            name: value
            for name in ("codec", "width", "height", "fps", "gop_seconds", "profile_token")
            if (value := getattr(one, name)) is not None
        }
        new = replace(old or Stream(new_id(), camera.id, one.role, one.url), url=one.url, **learned)
        if new != old:
            await put_stream(acting, connection, new)
