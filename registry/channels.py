"""Wiring: the channels of a device become cameras, each with its streams, its point and the binding between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from config.ids import new_id
from config.scope import Scope
from config.text import printable
from registry.binding_store import bind_many
from registry.camera import Camera
from registry.camera_store import add_cameras, cameras_of_all, change_camera
from registry.database import Connection
from registry.device import Device
from registry.found_device import FoundChannel, FoundStream
from registry.point import Point
from registry.point_store import add_points
from registry.stream import Stream, is_url
from registry.stream_store import add_streams, put_stream, streams_of


async def put_channels(
    acting: Scope, connection: Connection, device: Device, channels: tuple[FoundChannel, ...]
) -> tuple[Camera, ...]:
    """As :func:`put_all` for one device."""
    return (await put_all(acting, connection, [(device, channels)]))[device.id]


async def put_all(
    acting: Scope, connection: Connection, found: Sequence[tuple[Device, tuple[FoundChannel, ...]]]
) -> dict[str, tuple[Camera, ...]]:
    """Cameras for channels not known yet, streams for all of them; the cameras that are new, by device id.

    A channel is known by its token, or, where an inventory gave only its number, by that. Nothing is removed: a
    channel that a device no longer tells of is the checks' matter, not the list's. What is new costs a handful of
    statements whatever the number of devices.
    """
    known = await cameras_of_all(acting, connection, [device.id for device, _ in found])
    fresh: dict[str, list[tuple[Camera, FoundChannel]]] = {}
    for device, channels in found:
        mine = fresh[device.id] = []
        # Firmwares that name two channels alike exist; the first of a name is taken.
        first: dict[str, FoundChannel] = {}
        for channel in channels:
            first.setdefault(channel.token, channel)
        for channel in first.values():
            camera = _match(known[device.id], channel)
            if camera is None:
                mine.append((_camera(device, channel, alone=len(channels) == 1), channel))
                continue
            if camera.token != channel.token:
                camera = await change_camera(acting, connection, camera.id, camera.version, token=channel.token)
            await _put_streams(acting, connection, camera, channel.streams)
    await _add(acting, connection, [one for mine in fresh.values() for one in mine])
    return {device_id: tuple(camera for camera, _ in mine) for device_id, mine in fresh.items()}


async def _add(acting: Scope, connection: Connection, fresh: list[tuple[Camera, FoundChannel]]) -> None:
    if not fresh:
        return
    pairs = [(camera, _point(camera)) for camera, _ in fresh]
    await add_cameras(acting, connection, [camera for camera, _ in fresh])
    await add_points(acting, connection, [point for _, point in pairs])
    await bind_many(acting, connection, pairs)
    await add_streams(acting, connection, [stream for one in fresh for stream in _streams(*one)])


def _match(known: list[Camera], channel: FoundChannel) -> Camera | None:
    for camera in known:
        if camera.token == channel.token:
            return camera
    return next((c for c in known if c.token == str(c.channel) and c.channel == channel.number), None)


def _camera(device: Device, channel: FoundChannel, *, alone: bool) -> Camera:
    own = channel.name or f"channel {channel.number}"
    return Camera(
        id=new_id(),
        device_id=device.id,
        token=channel.token,
        name=printable(device.name if alone else f"{device.name} {own}", 200),
        area_id=device.area_id,
        unit_id=device.unit_id,
        channel=channel.number,
        lifecycle=device.lifecycle,
    )


def _point(camera: Camera) -> Point:
    """A place for it, to be given its record by people."""
    return Point(
        id=new_id(),
        name=camera.name,
        area_id=camera.area_id,
        maintenance_unit_id=camera.unit_id,
        lifecycle=camera.lifecycle,
    )


def _streams(camera: Camera, channel: FoundChannel) -> list[Stream]:
    first = {stream.role: stream for stream in reversed(channel.streams) if is_url(stream.url)}
    return [
        replace(Stream(new_id(), camera.id, role, stream.url), **_learned(stream)) for role, stream in first.items()
    ]


def _learned(found: FoundStream) -> dict[str, Any]:
    names = ("codec", "width", "height", "fps", "gop_seconds", "profile_token")
    return {name: value for name in names if (value := getattr(found, name)) is not None}


async def _put_streams(acting: Scope, connection: Connection, camera: Camera, found: tuple[FoundStream, ...]) -> None:
    stands = {stream.role: stream for stream in await streams_of(acting, connection, camera.id)}
    for one in found:
        if not is_url(one.url):
            continue
        old = stands.get(one.role)
        new = replace(old or Stream(new_id(), camera.id, one.role, one.url), url=one.url, **_learned(one))
        if new != old:
            await put_stream(acting, connection, new)
