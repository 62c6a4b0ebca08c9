"""Every answer for area A is the same, byte for byte, with area B empty or full; what is B's is not found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import pytest

from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.scope import ROLE_PERMISSIONS, Grant, Permission, Role, Scope
from registry import (
    area_store,
    audit_store,
    binding_store,
    camera_store,
    change_feed_store,
    checkpoint_store,
    credential_store,
    device_store,
    point_store,
    proposal_store,
    stream_store,
    unit_store,
    window_store,
)
from registry.adopt import refuse
from registry.area import Area
from registry.camera import Camera
from registry.camera_list import camera_list
from registry.database import Connection, Database
from registry.device import Device, DeviceKind
from registry.point import Point
from registry.vault import Vault
from tests.support.found_devices import adopt
from tests.support.registry_world import SYSTEM, add_world

IN_AREA = Scope("reader", (Grant(frozenset({Permission.READ, Permission.AUDIT}), area_id="a"),))
IN_UNIT = Scope("technician", (Grant(frozenset({Permission.READ, Permission.AUDIT}), unit_id="a-unit"),))
NOBODY = Scope("nobody")
EDITOR = Scope("editor", (Grant(ROLE_PERMISSIONS[Role.ADMIN], area_id="a"),))

#: Filled in by the clock, by chance, or by a count over everything.
OPAQUE = {"position", "seq", "mac", "key_id", "upto", "epoch"}


async def answers(scope: Scope, db: Database) -> dict[str, Any]:
    async with db.read() as connection:
        feed = await change_feed_store.after(scope, connection, 0)
        found: dict[str, Any] = {
            "areas": await area_store.list_areas(scope, connection),
            "units": await unit_store.list_units(scope, connection),
            "points": await point_store.list_points(scope, connection),
            "by_code": await point_store.points_by_code(scope, connection, {"a", "b"}, set()),
            "devices": await device_store.list_devices(scope, connection),
            "at": await device_store.devices_at(scope, connection, ["127.1.0.1", "127.2.0.1"]),
            "cameras": await camera_store.list_cameras(scope, connection),
            "windows": await window_store.list_windows(scope, connection),
            "checkpoints": await checkpoint_store.list_checkpoints(scope, connection),
            "proposals": await proposal_store.list_proposals(scope, connection),
            "changes": [asdict(change) for change in feed.changes],
            "audit": [asdict(row) for row in await audit_store.page(scope, connection)],
        }
    found["watched"] = await camera_list(scope, db)
    return found


def told(found: dict[str, Any]) -> str:
    for name in ("changes", "audit"):
        found[name] = [{k: v for k, v in row.items() if k not in OPAQUE} for row in found[name]]
    text = repr(found)
    # Ids of what was proposed, bound and sealed are drawn anew in each world.
    for proposal in found["proposals"].items:
        text = text.replace(proposal.id, "PROPOSAL")
    for camera in found["watched"]:
        text = text.replace(str(camera.credential_ref), "SECRET")
    return text


@pytest.mark.parametrize("scope", [IN_AREA, IN_UNIT], ids=["area", "unit"])
async def test_answers_for_a_do_not_depend_on_b(scope: Scope, db: Database) -> None:
    await add_world(db, "a", 1)
    alone = told(await answers(scope, db))
    await add_world(db, "b", 2, cameras=5)
    assert told(await answers(scope, db)) == alone
    assert "a-camera-0001" in alone
    assert "b-" not in alone


async def test_without_grants_there_is_nothing(db: Database) -> None:
    await add_world(db, "a", 1)
    async with db.read() as connection:
        assert await area_store.list_areas(NOBODY, connection) == []
        assert (await camera_store.list_cameras(NOBODY, connection)).items == ()
        with pytest.raises(XueliangError) as caught:
            await change_feed_store.after(NOBODY, connection, 0)
    assert caught.value.kind is Kind.FORBIDDEN
    assert await camera_list(NOBODY, db) == []


async def test_a_village_does_not_show_what_lies_above(db: Database) -> None:
    await add_world(db, "a", 1)
    scope = Scope("village", (Grant(frozenset({Permission.READ}), area_id="a-village"),))
    async with db.read() as connection:
        assert [area.id for area in await area_store.list_areas(scope, connection)] == ["a-village"]
        assert len((await camera_store.list_cameras(scope, connection)).items) == 3
        assert (await device_store.list_devices(scope, connection)).items == ()


Act = Callable[[Scope, Connection], Awaitable[object]]
FOREIGN: dict[str, Act] = {
    "area": lambda s, c: area_store.get_area(s, c, "b"),
    "unit": lambda s, c: unit_store.get_unit(s, c, "b-unit"),
    "point": lambda s, c: point_store.get_point(s, c, "b-point-0001"),
    "placements": lambda s, c: point_store.placements_of(s, c, "b-point-0001"),
    "device": lambda s, c: device_store.get_device(s, c, "b-recorder"),
    "account": lambda s, c: credential_store.has_credentials(s, c, "b-recorder"),
    "camera": lambda s, c: camera_store.get_camera(s, c, "b-camera-0001"),
    "streams": lambda s, c: stream_store.streams_of(s, c, "b-camera-0001"),
    "bindings": lambda s, c: binding_store.bindings_of_camera(s, c, "b-camera-0001"),
    "bindings of a point": lambda s, c: binding_store.bindings_of_point(s, c, "b-point-0001"),
    "window": lambda s, c: window_store.get_window(s, c, "b-window"),
    "checkpoint": lambda s, c: checkpoint_store.get_checkpoint(s, c, "b-checkpoint"),
    "lanes": lambda s, c: checkpoint_store.lanes_of(s, c, "b-checkpoint"),
    "parts": lambda s, c: checkpoint_store.parts_of(s, c, "b-checkpoint"),
    "change area": lambda s, c: area_store.change_area(s, c, "b", 1, name="x"),
    "change point": lambda s, c: point_store.change_point(s, c, "b-point-0001", 1, name="x"),
    "change device": lambda s, c: device_store.change_device(s, c, "b-recorder", 1, name="x"),
    "change camera": lambda s, c: camera_store.change_camera(s, c, "b-camera-0001", 1, name="x"),
    "change window": lambda s, c: window_store.change_window(s, c, "b-window", 1, cancelled=True),
    "bind": lambda s, c: binding_store.bind(s, c, "a-camera-0001", "b-point-0001"),
    "unbind": lambda s, c: binding_store.unbind(s, c, "b-camera-0001"),
    "drop password": lambda s, c: credential_store.drop_credentials(s, c, "b-recorder"),
    "borrow password": lambda s, c: credential_store.share_credentials(s, c, "b-recorder", ["a-recorder"]),
    "add below": lambda s, c: area_store.add_area(s, c, Area("x", "x", parent_id="b")),
    "add point": lambda s, c: point_store.add_point(s, c, Point("x", "x", "b")),
    "add point of a unit": lambda s, c: point_store.add_point(s, c, Point("x", "x", "a", "b-unit")),
    "add device": lambda s, c: device_store.add_device(s, c, Device("x", "x", DeviceKind.CAMERA, "h", 80, "b")),
    "add camera": lambda s, c: camera_store.add_camera(s, c, Camera("x", "b-recorder", "9", "x", "a")),
    "move device": lambda s, c: device_store.change_device(s, c, "a-recorder", 1, area_id="b"),
}


async def test_what_is_foreign_is_not_found(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    await add_world(db, "b", 2, cameras=1)

    async def kind_of(act: Act) -> str:
        try:
            async with db.write() as connection:
                await act(EDITOR, connection)
        except XueliangError as error:
            return error.kind.value
        return "allowed"

    assert {what: await kind_of(act) for what, act in FOREIGN.items()} == dict.fromkeys(FOREIGN, "not_found")


async def test_foreign_proposals_are_not_found(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    await add_world(db, "b", 2, cameras=1)
    async with db.read() as connection:
        listed = await proposal_store.list_proposals(SYSTEM, connection)
    theirs = next(proposal for proposal in listed.items if proposal.area_id == "b")
    assert db.keys is not None
    vault = Vault(db.keys)
    for act in (
        lambda: adopt(EDITOR, db, vault, theirs.id, area_id="a"),
        lambda: refuse(EDITOR, db, theirs.id, "no"),
    ):
        with pytest.raises(XueliangError) as caught:
            await act()
        assert caught.value.kind is Kind.NOT_FOUND


async def test_what_may_only_be_read_is_forbidden_to_edit(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await camera_store.change_camera(IN_AREA, connection, "a-camera-0001", 1, name="x")
    assert caught.value.kind is Kind.FORBIDDEN


async def test_readers_of_the_old_place_learn_that_it_left(db: Database, clock: ManualClock) -> None:
    await add_world(db, "a", 1, cameras=1)
    await add_world(db, "b", 2, cameras=1)
    async with db.write() as connection:
        at = await change_feed_store.head(SYSTEM, connection)
        await camera_store.change_camera(SYSTEM, connection, "a-camera-0001", 1, area_id="b", unit_id="b-unit")
    async with db.read() as connection:
        changes = (await change_feed_store.after(IN_AREA, connection, at.position)).changes
    assert [(change.object_id, change.payload["act"]) for change in changes] == [("a-camera-0001", "left")]
