"""The stores over both databases: what each keeps, dates, refuses and tells."""

from __future__ import annotations

import dataclasses
import inspect
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest

import registry
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import ROLE_PERMISSIONS, Grant, Permission, Role, Scope
from registry.area import Area
from registry.area_store import add_area, change_area
from registry.binding_store import bind, bindings_of_camera, bindings_of_point, unbind
from registry.camera_list import camera_list, position
from registry.camera_store import change_camera, list_cameras
from registry.change_feed_store import after
from registry.checkpoint_store import lanes_of, parts_of
from registry.database import Database
from registry.lifecycle import TRANSITIONS, Lifecycle, advance
from registry.point import Point
from registry.point_store import add_point, change_point, get_point, placements_of, points_by_code
from registry.principal import Principal, StoredGrant
from registry.principal_store import add_grant, add_principal, change_principal, grants_of, scope_of, take_grant
from registry.stream import StreamRole, is_url
from registry.stream_store import put_stream, streams_of
from registry.unit import Unit
from registry.unit_store import add_unit
from registry.window import Window, WindowKind, standing
from registry.window_store import add_window, change_window
from tests.support.registry_world import SYSTEM, add_world

#: Written in somebody else's transaction, under that one's permission, or before there is anybody to ask.
NOT_SCOPED = {
    "change_feed_store": {"record", "record_many"},
    "vault_store": {"put_secret", "replace_secret", "find_secret", "delete_secret"},
    "proposal_store": {"seen_again"},
    "key_store": {"open_keys"},
}


def test_every_store_function_takes_its_scope_first_and_without_default() -> None:
    found: dict[str, set[str]] = {}
    for file in sorted(Path(str(registry.__file__)).parent.glob("*_store.py")):
        module = import_module(f"registry.{file.stem}")
        for name, function in vars(module).items():
            public = inspect.iscoroutinefunction(function) and not name.startswith("_")
            if not public or function.__module__ != module.__name__:
                continue
            first = next(iter(inspect.signature(function).parameters.values()))
            if (first.name, first.default) != ("scope", inspect.Parameter.empty):
                found.setdefault(file.stem, set()).add(name)
    assert found == NOT_SCOPED


async def test_a_full_record_comes_back_as_it_went(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    point = Point(
        "p",
        "新华路东",
        "a",
        "a-unit",
        "a-unit",
        1,
        Lifecycle.IN_USE,
        gb_id="51010600001311000001",
        code="D-1",
        parent_gb_ids=("51010600002150000001",),
        longitude=104.066512345,
        latitude=-30.5,
        room=1,
        direction=9,
        field_angle=92.5,
        install_date=date(2024, 5, 1),
        warranty_end=date(2027, 5, 1),
        recording_days=30,
        access_path=({"kind": "switch", "id": "s", "name": "SW"},),
        tags=("路口", "学校"),
        extra={"杆号": "17", "深": {"a": [1, 2]}},
    )
    async with db.write() as connection:
        await add_point(SYSTEM, connection, point)
    async with db.read() as connection:
        loaded = await get_point(SYSTEM, connection, "p")
        assert [found.id for found in await points_by_code(SYSTEM, connection, {"D-1"}, set())] == ["p"]
    assert dataclasses.replace(loaded, extra=point.extra) == point
    assert loaded.extra["杆号"] == "17"


async def test_a_month_is_reckoned_with_what_held_then(db: Database, clock: ManualClock) -> None:
    await add_world(db, "a", 1, cameras=1)
    await add_world(db, "b", 2, cameras=1)
    start = clock.now()
    await clock.advance(86_400)
    async with db.write() as connection:
        await change_point(SYSTEM, connection, "a-point-0001", 1, name="renamed")
        await change_point(SYSTEM, connection, "a-point-0001", 2, area_id="b", point_class=1)
    async with db.read() as connection:
        first, second = await placements_of(SYSTEM, connection, "a-point-0001")
    moved = start + timedelta(days=1)
    assert (first.area_id, first.since, first.until) == ("a-village", start, moved)
    assert (second.area_id, second.point_class, second.since, second.until) == ("b", 1, moved, None)


async def test_a_swap_changes_the_binding_and_history_stays(db: Database, clock: ManualClock) -> None:
    await add_world(db, "a", 1, cameras=2)
    await clock.advance(60)
    async with db.write() as connection:
        await bind(SYSTEM, connection, "a-camera-0002", "a-point-0001")
        await unbind(SYSTEM, connection, "a-camera-0001")
    async with db.read() as connection:
        served = await bindings_of_point(SYSTEM, connection, "a-point-0001")
        assert [(b.camera_id, b.until is None) for b in served] == [("a-camera-0001", False), ("a-camera-0002", True)]
        assert len(await bindings_of_camera(SYSTEM, connection, "a-camera-0002")) == 2
    watched = await camera_list(SYSTEM, db)
    assert [camera.point_id for camera in watched] == [None, "a-point-0001"]


async def test_an_area_cannot_lie_below_itself(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await change_area(SYSTEM, connection, "a", 1, parent_id="a-village")
    assert caught.value.kind is Kind.INVALID
    async with db.write() as connection:
        await add_area(SYSTEM, connection, Area("top", "Top"))
        moved = await change_area(SYSTEM, connection, "a", 1, parent_id="top", until=datetime(2027, 1, 1, tzinfo=UTC))
    assert (moved.parent_id, moved.version) == ("top", 2)


async def test_only_those_who_may_everywhere_make_tops_and_units(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    local = Scope("local", (Grant(ROLE_PERMISSIONS[Role.ADMIN], area_id="a"),))
    for act in (
        lambda c: add_area(local, c, Area("x", "x")),
        lambda c: change_area(local, c, "a", 1, parent_id=None),
        lambda c: add_unit(local, c, Unit("x", "x")),
        lambda c: add_principal(local, c, Principal("x", "x")),
    ):
        with pytest.raises(XueliangError) as caught:
            async with db.write() as connection:
                await act(connection)
        assert caught.value.kind is Kind.FORBIDDEN
    async with db.write() as connection:
        await add_area(local, connection, Area("x", "x", parent_id="a-village"))


async def test_pages_go_on_where_they_ended(db: Database) -> None:
    await add_world(db, "a", 1, cameras=5)
    async with db.read() as connection:
        first = await list_cameras(SYSTEM, connection, limit=2)
        second = await list_cameras(SYSTEM, connection, limit=2, after=first.after)
        third = await list_cameras(SYSTEM, connection, limit=2, after=second.after)
        assert (await list_cameras(SYSTEM, connection, device_id="nobody")).items == ()
    assert [camera.channel for page in (first, second, third) for camera in page.items] == [1, 2, 3, 4, 5]
    assert third.after is None


async def test_streams_have_versions_and_no_passwords(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    async with db.read() as connection:
        (main, sub) = await streams_of(SYSTEM, connection, "a-camera-0001")
    assert (main.role, sub.role) == (StreamRole.MAIN, StreamRole.SUB)
    async with db.write() as connection:
        again = await put_stream(SYSTEM, connection, dataclasses.replace(main, url="rtsp://127.1.0.1/x"))
    assert (again.id, again.version) == (main.id, 2)
    for stream, kind in ((main, Kind.CONFLICT), (dataclasses.replace(again, url="rtsp://a:b@h/"), Kind.INVALID)):
        with pytest.raises(XueliangError) as caught:
            async with db.write() as connection:
                await put_stream(SYSTEM, connection, stream)
        assert caught.value.kind is kind
    assert not any(map(is_url, ("http://h/", "rtsp:///x", "rtsp://h:99999/", "rtsp://[", "rtsp://h/\x00")))


async def test_windows_hold_between_their_ends(db: Database, clock: ManualClock) -> None:
    await add_world(db, "a", 1, cameras=1)
    now = clock.now()
    guard = Window(new_id(), WindowKind.GUARD, "festival", "a", now, now + timedelta(days=3), camera_id="a-camera-0001")
    async with db.write() as connection:
        await add_window(SYSTEM, connection, guard)
        await change_window(SYSTEM, connection, "a-window", 1, approved_by="Wang")
    (camera,) = await camera_list(SYSTEM, db)
    held = standing(camera.windows, WindowKind.GUARD, now)
    assert held == guard
    assert standing(camera.windows, WindowKind.GUARD, guard.ends) is None
    other = standing(camera.windows, WindowKind.MAINTENANCE, now)
    assert other is not None
    assert other.approved_by == "Wang"
    await clock.advance(3 * 3600)
    (camera,) = await camera_list(SYSTEM, db)
    assert [window.id for window in camera.windows] == [guard.id]
    backwards = dataclasses.replace(guard, id=new_id(), ends=now - timedelta(1))
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await add_window(SYSTEM, connection, backwards)
    assert caught.value.kind is Kind.INVALID


async def test_a_checkpoint_is_its_parts(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    async with db.read() as connection:
        (lane,) = await lanes_of(SYSTEM, connection, "a-checkpoint")
        (part,) = await parts_of(SYSTEM, connection, "a-checkpoint")
    assert (lane.number, part.lane_id, part.kind.value) == (1, lane.id, "radar")


async def test_grants_make_scopes_until_they_end(db: Database, clock: ManualClock) -> None:
    await add_world(db, "a", 1, cameras=1)
    until = clock.now() + timedelta(hours=1)
    permissions = (Permission.READ.value, Permission.LIVE.value)
    async with db.write() as connection:
        await add_principal(SYSTEM, connection, Principal("p", "li"))
        await add_grant(SYSTEM, connection, StoredGrant("g", "p", permissions, area_id="a", until=until))
    async with db.read() as connection:
        scope = await scope_of(SYSTEM, connection, "p", clock.now())
        assert len((await list_cameras(scope, connection)).items) == 1
        late = await scope_of(SYSTEM, connection, "p", until)
        assert (await list_cameras(late, connection)).items == ()
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await add_grant(SYSTEM, connection, StoredGrant("h", "p", ("root",)))
    assert caught.value.kind is Kind.INVALID
    async with db.write() as connection:
        await change_principal(SYSTEM, connection, "p", 1, disabled=True)
        assert (await scope_of(SYSTEM, connection, "p", clock.now())).grants == ()
        await take_grant(SYSTEM, connection, "g")
        assert await grants_of(SYSTEM, connection, "p") == []


async def test_names_of_principals_stand_once(db: Database) -> None:
    async with db.write() as connection:
        await add_principal(SYSTEM, connection, Principal("p", "li"))
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await add_principal(SYSTEM, connection, Principal("q", "li"))
    assert caught.value.kind is Kind.CONFLICT


def test_the_table_of_life_has_no_dead_end_and_no_secret_door() -> None:
    assert set(TRANSITIONS) == set(Lifecycle)
    reached = {Lifecycle.PROPOSED}
    while more := {to for state in reached for to in TRANSITIONS[state]} - reached:
        reached |= more
    assert reached == set(Lifecycle)
    for now in Lifecycle:
        assert TRANSITIONS[now]
        for to in Lifecycle:
            if to is now or to in TRANSITIONS[now]:
                assert advance(now, to) is to
            else:
                with pytest.raises(XueliangError):
                    advance(now, to)


async def test_steps_of_life_keep_to_the_table_and_versions_are_held(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    async with db.write() as connection:
        at = await position(SYSTEM, db)
        same = await change_camera(SYSTEM, connection, "a-camera-0001", 1, name="Camera 1")
        assert same.version == 1
    for fields, version in (({"lifecycle": Lifecycle.PROPOSED}, 1), ({"name": "x"}, 2), ({"name": "x"}, 0)):
        with pytest.raises(XueliangError) as caught:
            async with db.write() as connection:
                await change_camera(SYSTEM, connection, "a-camera-0001", version, **fields)
        assert caught.value.kind is Kind.CONFLICT
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await change_camera(SYSTEM, connection, "a-camera-0001", 1, name="x" * 201)
    assert caught.value.kind is Kind.INVALID
    async with db.read() as connection:
        assert (await after(SYSTEM, connection, at)).changes == ()
