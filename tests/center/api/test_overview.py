"""What the pages ask beyond single objects: how everything stands, what changed lately, bars of many rows."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from config.scope import Role
from health.tables import camera_states
from registry.window import Window, WindowKind
from registry.window_store import add_window
from tests.support.api_rig import SYSTEM, Client, Rig
from tests.support.api_world import add_district, camera_id

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
async def world(rig: Rig) -> Rig:
    for number, name in enumerate("ab", 1):
        await add_district(rig.db, rig.core.storage.folder.evidence, name, number)
    return rig


async def test_the_overview_counts_with_denominators(world: Rig) -> None:
    """One ok, one offline, two never checked in each of two districts."""
    admin = await world.user("admin", Role.ADMIN)
    told = (await admin.get("/api/v1/overview")).json
    assert told["total"] == 8
    assert told["counts"] == {
        "ok": 2,
        "fault": 0,
        "offline": 2,
        "cannot_judge": 0,
        "unknown": 4,
        "maintenance": 0,
    }
    assert told["online"] == {"part": 2, "whole": 4, "share": 0.5}
    assert told["picture_good"] == {"part": 2, "whole": 2, "share": 1.0}
    checked = told["checked"]
    assert (checked["cameras"], checked["in_time"], checked["late"], checked["never"]) == (8, 4, 4, 4)
    assert 0 <= checked["oldest_age"] < 60
    assert told["incidents"] == {"standing": 2, "unacknowledged": 2, "recovered": 0, "new": 2, "flood": False}
    assert told["changed"] == 4
    areas = {area["id"]: area for area in told["areas"]}
    assert areas["a"]["cameras"] == areas["a-village"]["cameras"] == 4
    assert areas["a"]["in_time"] == 2
    assert areas["a"]["counts"]["offline"] == 1
    assert areas["a-village"]["parent_id"] == "a"


async def test_the_overview_ends_at_one_s_areas(world: Rig) -> None:
    operator = await world.user("op", Role.OPERATOR, area="a")
    told = (await operator.get("/api/v1/overview")).json
    assert told["total"] == told["checked"]["cameras"] == 4
    assert {area["id"] for area in told["areas"]} == {"a", "a-village"}
    assert told["incidents"]["standing"] == 1
    village = await world.user("village", Role.VIEWER, area="a-village")
    (only,) = (await village.get("/api/v1/overview")).json["areas"]
    assert (only["id"], only["parent_id"], only["cameras"]) == ("a-village", None, 4)


async def test_nothing_has_no_rate(rig: Rig) -> None:
    admin = await rig.user("admin", Role.ADMIN)
    told = (await admin.get("/api/v1/overview")).json
    assert told["online"] == told["picture_good"] == {"part": 0, "whole": 0, "share": None}
    assert told["checked"]["oldest_at"] is None


async def test_a_guard_period_asks_for_fresher_looks(world: Rig) -> None:
    """Twice as often planned, half as old allowed: of 300 s planned, a look of 400 s ago is in time, but not then."""
    assert world.core.storage.settings.checks.picture_seconds == 300
    from health.looked_store import Allowed
    from health.overview_store import looked_by_area

    now = world.db.clock.now()
    later = now + timedelta(seconds=400)
    allowed = Allowed(timedelta(seconds=450), timedelta(seconds=225))
    async with world.db.read() as connection:
        _, before = await looked_by_area(SYSTEM, connection, allowed, later)
    async with world.db.write() as connection:
        for kind in WindowKind:
            await add_window(SYSTEM, connection, Window(f"w-{kind}", kind, "guard", "a", now, now + timedelta(hours=1)))
    async with world.db.read() as connection:
        by_area, after = await looked_by_area(SYSTEM, connection, allowed, later)
    assert (before.in_time, after.in_time) == (4, 2)
    assert (by_area["a"].in_time, by_area["b"].in_time) == (0, 2)


async def test_the_numbers_of_freshness_lead_to_exactly_their_rows(world: Rig) -> None:
    """Looked at long ago, in time, and never; with a guard period over the village of one district and over a camera
    of the other: what the overview counts is what the list holds, in each scope."""
    now = world.db.clock.now()
    places = {"a": ("a-village", None), "b": ("b-village", camera_id("b", 2))}
    async with world.db.write() as connection:
        for name, minutes in (("a", 6), ("b", 6)):
            at = now - timedelta(minutes=minutes)
            for number in (1, 2):
                where = camera_states.c.camera_id == camera_id(name, number)
                await connection.execute(sa.update(camera_states).where(where).values(last_at=at))
        late = camera_states.c.camera_id == camera_id("a", 1)
        await connection.execute(sa.update(camera_states).where(late).values(last_at=now - timedelta(minutes=9)))
    admin = await world.user("admin", Role.ADMIN)
    operator = await world.user("op", Role.OPERATOR, area="a")
    unguarded = await _freshness(admin, ["a", "b-village"])
    assert unguarded["", "late"] == {camera_id("a", 1)} | {camera_id(x, n) for x in "ab" for n in (3, 4)}
    assert (await _freshness(operator, ["a"]))["", "late"] == {camera_id("a", n) for n in (1, 3, 4)}
    assert (await operator.get("/api/v1/cameras?looked=late&area=b")).json["total"] == 0
    async with world.db.write() as connection:
        for name, (area, camera) in places.items():
            window = Window(
                f"w-{name}", WindowKind.GUARD, "guard", area, now, now + timedelta(hours=1), camera_id=camera
            )
            await add_window(SYSTEM, connection, window)
    guarded = await _freshness(admin, ["a", "b-village"])
    # 225 s instead of 450 s: what was looked at six minutes ago is late where somebody stands guard.
    assert guarded["", "late"] - unguarded["", "late"] == {camera_id("a", 2), camera_id("b", 2)}
    assert guarded["b-village", "in_time"] == {camera_id("b", 1)}


async def _freshness(client: Client, areas: list[str]) -> dict[tuple[str, str], set[str]]:
    """Ids by area (none: everything) and kind of look; asserts that overview, list and its counts agree."""
    told = (await client.get("/api/v1/overview")).json
    counted = {"": told["checked"]} | {area["id"]: area for area in told["areas"]}
    found: dict[tuple[str, str], set[str]] = {}
    for area in ["", *areas]:
        for look in ("in_time", "late", "never"):
            query = f"looked={look}&limit=2" + (f"&area={area}" if area else "")
            page = (await client.get(f"/api/v1/cameras?{query}")).json
            ids = {one["id"] for one in page["items"]}
            while page["next_cursor"]:
                page = (await client.get(f"/api/v1/cameras?{query}&cursor={page['next_cursor']}")).json
                ids |= {one["id"] for one in page["items"]}
            assert counted[area][look] == page["total"] == sum(page["counts"].values()) == len(ids), (area, look)
            found[area, look] = ids
        assert found[area, "never"] <= found[area, "late"]
        assert not found[area, "late"] & found[area, "in_time"]
    return found


async def test_what_changed_in_the_last_hour_is_told_by_name(world: Rig) -> None:
    operator = await world.user("op", Role.OPERATOR, area="a")
    told = (await operator.get("/api/v1/turns")).json
    assert told["total"] == 2
    assert {(one["camera_name"], one["new"]) for one in told["items"]} == {
        ("Camera 1 a", "ok"),
        ("Camera 2 a", "offline"),
    }
    assert all(one["lasted"] is None or one["lasted"] >= 0 for one in told["items"])
    one = (await operator.get(f"/api/v1/turns?camera={camera_id('a', 2)}")).json
    assert [item["new"] for item in one["items"]] == ["offline"]
    assert one["items"][0]["cause"] == "unreachable"
    foreign = (await operator.get(f"/api/v1/turns?camera={camera_id('b', 2)}&area=b")).json
    assert foreign["items"] == []


async def test_turns_go_on_where_the_page_before_ended(world: Rig) -> None:
    admin = await world.user("admin", Role.ADMIN)
    seen: list[str] = []
    path = "/api/v1/turns?limit=1"
    cursor = None
    for _ in range(5):
        page = (await admin.get(path + (f"&cursor={cursor}" if cursor else ""))).json
        seen += [f"{one['camera_id']} {one['new']}" for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 4


async def test_bars_of_many_rows_come_in_one_answer(world: Rig) -> None:
    operator = await world.user("op", Role.OPERATOR, area="a")
    ids = [camera_id("a", 2), camera_id("b", 1), camera_id("a", 1), "nobody", camera_id("a", 3)]
    told = (await operator.get("/api/v1/timelines?" + "&".join(f"camera={one}" for one in ids))).json
    assert [row["camera_id"] for row in told["items"]] == [camera_id("a", 2), camera_id("a", 1), camera_id("a", 3)]
    assert told["left_out"] == []
    for row in told["items"][:2]:
        alone = (await operator.get(f"/api/v1/cameras/{row['camera_id']}/timeline")).json
        assert row["items"] == alone["items"]
    assert told["items"][2]["items"] == []


async def test_bars_are_bounded(world: Rig) -> None:
    operator = await world.user("op", Role.OPERATOR, area="a")
    assert (await operator.get("/api/v1/timelines")).code == "invalid"
    many = "&".join(f"camera=c{number}" for number in range(101))
    assert (await operator.get(f"/api/v1/timelines?{many}")).code == "invalid"
    long_ago = quote((world.db.clock.now() - timedelta(days=9)).isoformat())
    assert (await operator.get(f"/api/v1/timelines?camera=a&start={long_ago}")).code == "invalid"


async def test_cameras_beyond_the_rows_of_an_answer_are_named(world: Rig) -> None:
    from health import state_store
    from health.state import Aspect

    ids = [camera_id("a", 1), camera_id("a", 2)]
    now = world.db.clock.now()
    async with world.db.read() as connection:
        whole, none = await state_store.intervals_of_many(
            SYSTEM, connection, ids, Aspect.STATE, now - timedelta(days=1), now
        )
        rows = sum(map(len, whole.values()))
        part, beyond = await state_store.intervals_of_many(
            SYSTEM, connection, ids, Aspect.STATE, now - timedelta(days=1), now, most=rows - 1
        )
    assert none == set()
    assert beyond == {ids[1]}
    assert part == {ids[0]: whole[ids[0]]}


async def test_a_stranger_learns_only_what_a_login_page_needs(rig: Rig) -> None:
    told = (await rig.client().get("/api/v1/entry")).json
    assert set(told) == {"now", "zone", "insecure_http", "demo"}
    assert (told["zone"], told["insecure_http"], told["demo"]) == ("Asia/Shanghai", False, False)
