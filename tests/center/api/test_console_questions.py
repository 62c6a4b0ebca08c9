"""What single pages ask: a wall's tiles, the way to a camera, many checks, the end of a screen, who approved."""

from __future__ import annotations

import pytest

from center.alerting import Topologies
from config.scope import Role
from health.watch_book import WatchBook
from registry import view_register_store
from registry.audit_store import append
from registry.camera import MaskBy
from registry.camera_store import change_camera
from registry.stream import Stream, StreamRole
from registry.stream_store import put_stream
from tests.support.api_rig import SYSTEM, Rig
from tests.support.api_world import add_district, camera_id, evidence_id

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def db_kind() -> str:
    """Every route is asked of both databases elsewhere (``test_every_route``); here it is what they answer."""
    return "sqlite"


@pytest.fixture
async def world(rig: Rig) -> Rig:
    for number, name in enumerate("ab", 1):
        await add_district(rig.db, rig.core.storage.folder.evidence, name, number)
    return rig


async def test_a_screen_that_reads_nothing_sees_its_tiles(world: Rig) -> None:
    async with world.db.write() as connection:
        stream = Stream("s1", camera_id("a", 1), StreamRole.SUB, "rtsp://127.1.0.1/sub", codec="h264", width=640)
        await put_stream(SYSTEM, connection, stream)
    screen = await world.user("wall", Role.SCREEN, area="a")
    assert (await screen.get("/api/v1/cameras")).code == "forbidden"
    ids = [camera_id("a", 4), camera_id("b", 1), camera_id("a", 2), camera_id("a", 1)]
    told = (await screen.get("/api/v1/wall?" + "&".join(f"camera={one}" for one in ids))).json
    tiles = {tile["camera_id"]: tile for tile in told["items"]}
    assert list(tiles) == [camera_id("a", 4), camera_id("a", 2), camera_id("a", 1)]
    ok, lost, masked = tiles[camera_id("a", 1)], tiles[camera_id("a", 2)], tiles[camera_id("a", 4)]
    assert (ok["name"], ok["state"], ok["masked"]) == ("Camera 1 a", "ok", False)
    assert ok["streams"] == [{"role": "sub", "codec": "h264", "width": 640, "height": None, "fps": None}]
    assert ok["still_at"] is not None
    assert (lost["state"], lost["cause"], lost["still_at"]) == ("offline", "unreachable", None)
    assert (masked["masked"], masked["still_at"] is None) == (True, False)
    first = (await screen.get("/api/v1/wall?limit=2")).json
    assert [tile["name"] for tile in first["items"]] == ["Camera 1 a", "Camera 2 a"]
    many = "&".join(f"camera=c{number}" for number in range(37))
    assert (await screen.get(f"/api/v1/wall?{many}")).code == "invalid"
    lead = await world.user("lead", Role.LEAD)
    assert (await lead.get("/api/v1/wall")).json["permission"] == "live"


async def test_a_screen_sees_the_poster_of_what_it_may_see_live_and_no_other(world: Rig) -> None:
    """The picture of the last check, marked and on record; masked, foreign and filed ones stay shut."""
    screen = await world.user("wall", Role.SCREEN, area="a")
    still = await screen.get(f"/api/v1/cameras/{camera_id('a', 1)}/sample")
    assert (still.status, still.headers["content-type"], still.body[:2]) == (200, "image/jpeg", b"\xff\xd8")
    async with world.db.read() as connection:
        found, _ = await view_register_store.page(SYSTEM, connection)
    (row,) = found
    assert (row.view_id, row.camera_id, row.principal) == (still.headers["x-view-id"], camera_id("a", 1), "wall")
    assert (row.kind.value, row.moment.value) == ("sample", "shown")
    assert (await screen.get(f"/api/v1/cameras/{camera_id('a', 4)}/sample")).status == 200  # burnt in by the service
    async with world.db.write() as connection:
        await change_camera(SYSTEM, connection, camera_id("a", 4), 1, mask_by=MaskBy.NOBODY)
    assert (await screen.get(f"/api/v1/cameras/{camera_id('a', 4)}/sample")).code == "masked"
    assert (await screen.get(f"/api/v1/cameras/{camera_id('b', 1)}/sample")).code == "not_found"
    for path in ("", "/evidence", f"/evidence/{evidence_id('a')}", "/status", "/references"):
        shut = await screen.get(f"/api/v1/cameras/{camera_id('a', 1)}{path}")
        assert shut.code == "forbidden", path
    lead = await world.user("lead", Role.LEAD, area="a")
    refused = await lead.get(f"/api/v1/cameras/{camera_id('a', 1)}/sample")
    assert (refused.code, refused.json["permission"]) == ("forbidden", "evidence")


async def test_the_views_of_a_screen_end_together(world: Rig) -> None:
    operator = await world.user("op", Role.OPERATOR)
    other = await world.user("other", Role.OPERATOR)
    ids = [camera_id("a", 1), camera_id("a", 2), camera_id("b", 1)]
    opened = (await operator.post("/api/v1/views", {"camera_ids": ids})).json["items"]
    mine = [item["ticket"]["view_id"] for item in opened]
    foreign = (await other.post(f"/api/v1/cameras/{ids[0]}/views", {})).json["view_id"]
    assert (await operator.post("/api/v1/views/end", {"view_ids": [*mine, foreign, "none"]})).status == 204
    assert (await operator.post("/api/v1/views/end", {"view_ids": mine})).status == 204
    auditor = await world.user("aud", Role.AUDITOR)
    rows = (await auditor.get("/api/v1/views")).json["items"]
    ended = [row["view_id"] for row in rows if row["moment"] == "end"]
    assert sorted(ended) == sorted(mine)


async def test_the_way_to_a_camera_tells_who_shares_it(world: Rig) -> None:
    """The recorder and its switch lie in district a: all four channels, one of them offline."""
    book = WatchBook(world.db, world.core.storage.vault)
    await book.refresh()
    operator = await world.user("op", Role.OPERATOR, area="a")
    path = f"/api/v1/cameras/{camera_id('a', 2)}/reach"
    before = (await operator.get(path)).json["steps"]
    assert [(step["kind"], step["cameras"]) for step in before] == [("recorder", None), ("switch", None)]
    world.core.topology = Topologies(book)
    steps = (await operator.get(path)).json["steps"]
    assert [(step["kind"], step["id"], step["name"]) for step in steps] == [
        ("recorder", "a-nvr", "NVR a"),
        ("switch", "a-sw", "SW"),
    ]
    assert [step["cameras"] for step in steps] == [4, 4]
    assert (steps[1]["counts"]["ok"], steps[1]["counts"]["offline"], steps[1]["counts"]["unknown"]) == (1, 1, 2)
    assert (await operator.get("/api/v1/incidents/a-incident/reach")).json["steps"] == steps
    assert (await operator.get("/api/v1/incidents/b-incident/reach")).code == "not_found"
    assert (await operator.get(f"/api/v1/cameras/{camera_id('b', 2)}/reach")).code == "not_found"
    assert (await operator.get(f"/api/v1/cameras/{camera_id('a', 2)}")).json["streams"] == []


async def test_many_checks_need_a_service_that_checks(world: Rig) -> None:
    operator = await world.user("op", Role.OPERATOR, area="a")
    answered = await operator.post("/api/v1/checks", {"camera_ids": [camera_id("a", 1)]})
    assert answered.code == "unavailable"
    many = [f"c{number}" for number in range(101)]
    assert (await operator.post("/api/v1/checks", {"camera_ids": many})).code == "invalid"
    lead = await world.user("lead", Role.LEAD)
    assert (await lead.post("/api/v1/checks", {"camera_ids": ["x"]})).json["permission"] == "check"


async def test_references_name_who_decided(world: Rig) -> None:
    operator = await world.user("op", Role.OPERATOR, area="a")
    path = f"/api/v1/cameras/{camera_id('a', 1)}/references"
    assert (await operator.get(path)).json["decided"] is None
    async with world.db.write() as connection:
        for act in ("reference.replace", "reference.approve"):
            await append(SYSTEM, connection, act, "camera", camera_id("a", 1), area_id="a-village")
    decided = (await operator.get(path)).json["decided"]
    assert (decided["act"], decided["by"]) == ("approve", SYSTEM.principal)
