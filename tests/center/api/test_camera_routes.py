"""Cameras over the API: lists, search, order, pages, one, edits under their version, states with their thresholds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from center.api.asked import Core
from config.clock import ManualClock
from config.scope import Role
from health import bank_file
from health.camera_page_store import Sort
from health.reference import SCALARS, Bank, Reference, ReferenceState
from tests.support.api_rig import Client, Rig
from tests.support.api_world import add_district, camera_id, evidence_id
from tests.support.plates import plate_reads

pytestmark = pytest.mark.usefixtures("no_leaks")


def evidence_folder(core: Core) -> Path:
    return core.storage.folder.evidence


@pytest.fixture
async def li(rig: Rig) -> Client:
    """An operator of district a."""
    for number, name in enumerate("ab", 1):
        await add_district(rig.db, evidence_folder(rig.core), name, number)
    return await rig.user("li", Role.OPERATOR, area="a")


async def test_the_list_with_its_counts(li: Client) -> None:
    page = (await li.get("/api/v1/cameras?sort=state")).json
    assert [one["state"] for one in page["items"]] == ["offline", "unknown", "unknown", "ok"]
    assert (page["total"], page["counts"]["offline"], page["counts"]["ok"]) == (4, 1, 1)
    offline, never = page["items"][0], page["items"][1]
    assert (offline["cause"], offline["point_code"], offline["age"]) == ("unreachable", "a-2", 0.0)
    assert (never["cause"], never["since"], never["age"]) == ("never_checked", None, None)


FILTERS = {
    "state=offline": [2],
    "state=offline&state=ok&sort=name": [1, 2],
    "area=a": [1, 2, 3, 4],
    "area=a-village": [1, 2, 3, 4],
    "area=b": [],
    "unit=a-unit&state=ok": [1],
    "q=camera%203": [3],
    "q=CAMERA": [1, 2, 3, 4],
    "q=a-4": [4],
    "q=127.1.0": [1, 2, 3, 4],
    "q=%25": [],
    "q=camera%203%20b": [],
    "point=a-point-2": [2],
    "device=a-nvr&sort=-name": [4, 3, 2, 1],
    "device=b-nvr": [],
    "q=320115000013200001": [1, 2, 3, 4],
}


async def test_filters_and_search(li: Client) -> None:
    for query, found in FILTERS.items():
        answered = (await li.get(f"/api/v1/cameras?{query}")).json
        assert [one["id"] for one in answered["items"]] == [camera_id("a", number) for number in found], query
        assert answered["total"] == len(found)


async def test_pages_hold_every_camera_once(li: Client) -> None:
    for sort in Sort:
        seen, cursor = [], ""
        for _ in range(5):
            page = (await li.get(f"/api/v1/cameras?sort={sort}&limit=1{cursor}")).json
            seen += [one["id"] for one in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert sorted(seen) == [camera_id("a", number) for number in range(1, 5)]
        whole = (await li.get(f"/api/v1/cameras?sort={sort}")).json
        assert seen == [one["id"] for one in whole["items"]]


async def test_a_cursor_is_of_its_query_and_login(rig: Rig, li: Client) -> None:
    cursor = (await li.get("/api/v1/cameras?limit=1")).json["next_cursor"]
    assert (await li.get(f"/api/v1/cameras?limit=2&cursor={cursor}")).status == 200
    assert (await li.get(f"/api/v1/cameras?sort=-name&cursor={cursor}")).code == "cursor"
    assert (await li.get(f"/api/v1/cameras?cursor={cursor[:-2]}xx")).code == "cursor"
    other = await rig.user("wang", Role.OPERATOR, area="a")
    assert (await other.get(f"/api/v1/cameras?cursor={cursor}")).code == "cursor"


async def test_one_camera_and_its_edit(rig: Rig, li: Client) -> None:
    path = f"/api/v1/cameras/{camera_id('a', 4)}"
    one = await li.get(path)
    assert (one.json["mask_by"], one.json["mask"]) == ("service", [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]]])
    assert (await li.get(path, if_none_match=one.headers["etag"])).status == 304
    assert (await li.send("PATCH", path, {"name": "x"}, if_match='"v1"')).code == "forbidden"
    admin = await rig.user("root2", Role.ADMIN, area="a")
    assert (await admin.send("PATCH", path, {"name": "x"})).code == "version_required"
    edited = await admin.send("PATCH", path, {"name": "Bridge E", "mask_by": "camera"}, if_match='"v1"')
    assert (edited.status, edited.headers["etag"], edited.json["name"]) == (200, '"v2"', "Bridge E")
    late = await admin.send("PATCH", path, {"name": "Bridge W"}, if_match='"v1"')
    assert late.code == "changed"
    assert (late.json["current"]["name"], late.json["sent"]) == ("Bridge E", {"name": "Bridge W"})
    assert (await admin.send("PATCH", path, {"nonsense": 1}, if_match='"v2"')).code == "invalid"
    assert (await admin.send("PATCH", path, {"unit_id": "b-unit"}, if_match='"v2"')).code == "not_found"
    assert (await admin.send("PATCH", path, {"area_id": "b"}, if_match='"v2"')).code == "not_found"
    assert (await admin.send("PATCH", path, {"mask": [[[0, 0], [2, 0], [0, 1]]]}, if_match='"v2"')).code == "invalid"
    assert (await admin.get(path)).json["version"] == 2


async def test_a_status_says_all_that_is_known(li: Client) -> None:
    status = (await li.get(f"/api/v1/cameras/{camera_id('a', 1)}/status")).json
    assert (status["state"], status["layer"], status["age"]) == ("ok", "picture", 0.0)
    check = status["last_picture"]
    assert check["delays"] == {"signalling": 120.0, "stream": 200.0, "keyframe": 450.0}
    assert check["measures"][0] == {
        "of": "blurred",
        "name": "sharpness",
        "value": 0.8,
        "threshold": 0.3,
        "verdict": "good",
        "reason": "",
        "code": 5,
    }
    lost = (await li.get(f"/api/v1/cameras/{camera_id('a', 2)}/status")).json
    assert (lost["state"], lost["cause"], lost["link"]) == ("offline", "unreachable", "down")
    assert "power" in lost["advice"]
    zh = (await li.get(f"/api/v1/cameras/{camera_id('a', 2)}/status", accept_language="zh-CN")).json
    assert zh["advice"] != lost["advice"]


async def test_the_time_axis_has_no_made_up_time(li: Client) -> None:
    path = f"/api/v1/cameras/{camera_id('a', 2)}/timeline"
    found = (await li.get(path)).json
    assert [one["value"] for one in found["items"]] == ["unknown", "offline"]
    assert found["items"][-1]["ends"] is None
    assert (await li.get(f"{path}?start=2020-01-01T00:00:00Z")).code == "invalid"
    assert (await li.get(f"{path}?start=2020-01-01T00:00:00")).code == "invalid"
    assert (await li.get(f"/api/v1/cameras/{camera_id('b', 2)}/timeline")).code == "not_found"


async def test_areas_count_what_lies_below(rig: Rig, li: Client) -> None:
    tree = (await li.get("/api/v1/areas")).json
    assert [(one["id"], one["parent_id"], one["total"]) for one in tree["items"]] == [
        ("a", None, 4),
        ("a-village", "a", 4),
    ]
    assert (tree["total"], tree["counts"]["offline"]) == (4, 1)
    platform = await rig.token("centre")
    assert (await platform.get("/api/v1/areas")).json["total"] == 8


async def test_batches_for_platforms(rig: Rig, li: Client) -> None:
    gb = "32011500001320000102"
    found = (await li.get(f"/api/v1/status?gb_id={gb}&gb_id=nothing&gb_id=32011500001320000202")).json
    assert [(one["camera_id"], one["inspection"], one["catalog"]) for one in found["items"]] == [
        (camera_id("a", 2), 3, "OFF")
    ]
    assert found["missing"] == ["nothing", "32011500001320000202"]
    whole = (await li.get("/api/v1/status?limit=3")).json
    rest = (await li.get(f"/api/v1/status?limit=3&cursor={whole['next_cursor']}")).json
    assert [one["camera_id"] for one in whole["items"] + rest["items"]] == [camera_id("a", n) for n in range(1, 5)]
    many = "&".join(f"gb_id=x{number}" for number in range(201))
    assert (await li.get(f"/api/v1/status?{many}")).code == "invalid"


async def test_no_service_checks_here(li: Client) -> None:
    assert (await li.post(f"/api/v1/cameras/{camera_id('a', 1)}/check")).code == "unavailable"
    assert (await li.post(f"/api/v1/cameras/{camera_id('b', 1)}/check")).code == "not_found"


async def test_stills_are_views_and_marked(rig: Rig, li: Client, clock: ManualClock) -> None:
    base = f"/api/v1/cameras/{camera_id('a', 2)}/evidence"
    listed = (await li.get(base)).json["items"]
    assert [(one["id"], one["kind"]) for one in listed] == [(evidence_id("a"), "last_good")]
    picture = await li.get(f"{base}/{evidence_id('a')}?purpose=case&reference=110-7")
    assert (picture.status, picture.headers["content-type"]) == (200, "image/jpeg")
    sample = await li.get(f"/api/v1/cameras/{camera_id('a', 1)}/sample")
    assert (sample.status, sample.headers["cache-control"]) == (200, "no-store")
    for still in (picture, sample):
        assert plate_reads(still.body, f"li  {clock.now():%Y-%m-%d} ", still.headers["x-view-id"])
    auditor = await rig.user("shen", Role.AUDITOR, area="a")
    rows = (await auditor.get("/api/v1/views")).json["items"]
    assert [(row["view_id"], row["kind"], row["purpose"], row["principal"]) for row in rows] == [
        (sample.headers["x-view-id"], "sample", "duty", "li"),
        (picture.headers["x-view-id"], "evidence", "case", "li"),
    ]
    assert rows[1]["reference"] == "110-7"
    assert (await auditor.get(f"{base}/{evidence_id('a')}")).code == "forbidden"
    assert (await auditor.get(f"/api/v1/cameras/{camera_id('a', 1)}/sample")).code == "forbidden"
    foreign = f"/api/v1/cameras/{camera_id('a', 2)}/evidence/{evidence_id('b')}"
    assert (await li.get(foreign)).code == "not_found"
    assert (await li.get(f"/api/v1/cameras/{camera_id('a', 1)}/evidence/{evidence_id('a')}")).code == "not_found"
    assert (await li.get(f"/api/v1/cameras/{camera_id('a', 3)}/sample")).code == "not_found"
    assert len((await auditor.get("/api/v1/views")).json["items"]) == 2


async def test_references_are_shown_as_what_stayed_in_many_pictures(rig: Rig, li: Client) -> None:
    base = f"/api/v1/cameras/{camera_id('a', 1)}/references"
    assert (await li.get(f"{base}/0/picture")).code == "not_found"
    bank = Bank(0.0, references=(reference(),))
    bank_file.write(rig.core.storage.folder.references / f"{camera_id('a', 1)}.bank", bank)
    (one,) = (await li.get(base)).json["items"]
    assert (one["number"], one["state"], one["samples"]) == (0, "approved", 9)
    shown = await li.get(f"{base}/0/picture?purpose=compare")
    assert shown.status == 200
    assert plate_reads(shown.body, "li  ", shown.headers["x-view-id"])
    auditor = await rig.user("shen", Role.AUDITOR, area="a")
    (row,) = (await auditor.get("/api/v1/views")).json["items"]
    assert (row["view_id"], row["kind"], row["reason"]) == (shown.headers["x-view-id"], "evidence", "reference 0")
    for number in ("1", "8", "-1", "x"):
        assert (await li.get(f"{base}/{number}/picture")).code == "not_found", number
    lead = await rig.user("zhou", Role.LEAD, area="a")
    assert (await lead.get(f"{base}/0/picture")).code == "forbidden"


def reference() -> Reference:
    mean, light = np.zeros((2, 180, 320), np.int8), np.full((36, 64), 120, np.uint8)
    mean[0, 60:120, 100] = 127
    ring = np.zeros((1, len(SCALARS)), np.float32)
    return Reference(ReferenceState.APPROVED, 9, 0.0, 0.0, 1, mean, light, ring)
