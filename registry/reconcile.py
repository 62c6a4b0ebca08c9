"""Wiring: what checking and discovery learn of a device of ours is held against what we have written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from config.errors import XueliangError
from config.scope import Scope
from config.text import printable
from registry.camera import Camera
from registry.change_feed_store import record
from registry.channels import put_all
from registry.database import Database
from registry.device import Device, DeviceKind
from registry.device_store import change_device, change_devices, get_device, get_devices
from registry.found_device import FoundDevice
from registry.identity import changed_facts, fact
from registry.nouns_store import DEVICE
from registry.propose import propose
from registry.rows_store import Edit, not_found
from registry.stream_store import put_stream, streams_of

#: They change with an update or a factory reset and prove nothing of who the device is.
_LOOSE = ("make", "model", "firmware", "onvif_xaddr")
#: Written in one transaction; a sweep of thousands leaves gaps for other writers.
_AT_ONCE = 100
_FIRM = ("serial", "mac", "endpoint_uuid")


@dataclass(frozen=True, slots=True)
class Drift:
    """``changed`` names the fields that were written; ``held`` says that the device's identity is now in question
    (a proposal tells what answered), so that nothing authenticates to it until a person accepts."""

    changed: tuple[str, ...] = ()
    held: bool = False


async def observe(scope: Scope, db: Database, device_id: str, found: FoundDevice) -> Drift:
    """Facts of a known device as just read: new ones are filled in, a new firmware is written down, a changed
    identity holds the device. Costs one read where nothing changed. Raises ``NOT_FOUND``."""
    async with db.read() as connection:
        device = await get_device(scope, connection, device_id)
    if changed_facts(device, found):
        await _question(scope, db, device, found)
        return Drift((), held=True)
    fields = _learned(device, found)
    if not fields:
        return Drift((), device.identity_hold)
    async with db.write() as connection:
        device = await get_device(scope, connection, device_id)
        fields = _learned(device, found)
        await change_device(scope, connection, device_id, device.version, act="observed", **fields)
    return Drift(tuple(sorted(fields)), device.identity_hold)


async def learn(scope: Scope, db: Database, device_id: str, found: FoundDevice) -> tuple[Camera, ...]:
    """As :func:`learn_all` for one; raises what stands in its way."""
    done = (await learn_all(scope, db, [(device_id, found)]))[0]
    if isinstance(done, XueliangError):
        raise done
    return done


async def learn_all(
    scope: Scope, db: Database, told: Sequence[tuple[str, FoundDevice]]
) -> list[tuple[Camera, ...] | XueliangError]:
    """After an adoption, or when channels were added to a recorder: facts and channels that only answer to
    credentials. In the order given: the cameras that are new (none where the identity is in question), or what that
    device was refused for. A hundred devices share a transaction; none may be given twice."""
    done: list[tuple[Camera, ...] | XueliangError] = []
    for start in range(0, len(told), _AT_ONCE):
        part = told[start : start + _AT_ONCE]
        try:
            done += await _learn_some(scope, db, part)
        except XueliangError as error:
            if len(part) == 1:
                done.append(error)
                continue
            # One of them stands in the way of all: the halves apart, until it is alone.
            for half in (part[: len(part) // 2], part[len(part) // 2 :]):
                done += await learn_all(scope, db, half)
    return done


async def _learn_some(scope: Scope, db: Database, told: Sequence[tuple[str, FoundDevice]]) -> list[tuple[Camera, ...]]:
    strangers: list[tuple[Device, FoundDevice]] = []
    edits: list[Edit] = []
    async with db.write() as connection:
        devices = await get_devices(scope, connection, [device_id for device_id, _ in told])
        for device_id, found in told:
            if device_id not in devices:
                raise not_found(DEVICE.kind)
            device = devices[device_id]
            if changed_facts(device, found):
                strangers.append((device, found))
            elif fields := _learned(device, found) | _grown(device, found):
                edits.append(Edit(device_id, device.version, fields))
        devices |= {device.id: device for device in await change_devices(scope, connection, edits, act="observed")}
        held = {device.id for device, _ in strangers} | {one.id for one in devices.values() if one.identity_hold}
        ours = [(devices[device_id], found.channels) for device_id, found in told if device_id not in held]
        made = await put_all(scope, connection, ours)
    for device, found in strangers:
        await _question(scope, db, device, found)
    return [made.get(device_id, ()) for device_id, _ in told]


async def _question(scope: Scope, db: Database, device: Device, found: FoundDevice) -> None:
    """Another device may stand there: a proposal tells of it, and nothing authenticates to it meanwhile."""
    at_home = _at(device, found)
    await propose(Scope.system(scope.principal), db, at_home, area_id=device.area_id, unit_id=device.unit_id)


async def observe_clock(scope: Scope, db: Database, device_id: str, offset: float | None, hours: int | None) -> None:
    """A device's clock is ``offset`` seconds off (device minus ours; ``hours`` where that is a time zone), or right
    again (``None``): a change in the feed, so that whoever follows it knows. Raises ``NOT_FOUND``."""
    async with db.write() as connection:
        device = await get_device(scope, connection, device_id)
        payload = {"act": "clock", "offset_seconds": offset, "whole_hours": hours}
        await record(connection, "device", device.id, device.area_id, payload, unit_id=device.unit_id)


async def observe_stream(
    scope: Scope, db: Database, camera_id: str, url: str, codec: str, width: int, height: int
) -> bool:
    """What a picture check saw of the stream at ``url``; true where codec or size had changed and were written."""
    async with db.read() as connection:
        stands = [s for s in await streams_of(scope, connection, camera_id) if s.url == url]
    if not stands or (stands[0].codec, stands[0].width, stands[0].height) == (codec, width, height):
        return False
    async with db.write() as connection:
        again = [s for s in await streams_of(scope, connection, camera_id) if s.url == url]
        for stream in again[:1]:
            await put_stream(scope, connection, replace(stream, codec=codec, width=width, height=height))
    return bool(again)


def _learned(device: Device, found: FoundDevice) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in _LOOSE:
        value = printable(getattr(found, name), 200 if name != "onvif_xaddr" else 1024)
        if value and value != getattr(device, name):
            fields[name] = value
    for name in _FIRM:
        value = getattr(found, name)
        if fact(value) and not getattr(device, name):
            fields[name] = printable(value, {"mac": 20, "endpoint_uuid": 80}.get(name, 200))
    return fields


def _grown(device: Device, found: FoundDevice) -> dict[str, Any]:
    recorder = found.kind is DeviceKind.RECORDER and device.kind is DeviceKind.CAMERA
    return {"kind": found.kind} if recorder and not device.identity_hold else {}


def _at(device: Device, found: FoundDevice) -> FoundDevice:
    """The finding belongs to the device's own address, whatever port the facts were read at."""
    return replace(found, host=device.host, port=device.port)
