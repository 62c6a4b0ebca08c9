"""Finding and adopting over the API: a range searched, a shared password tried on one device, the others told why."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.media.decode import decode
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from center.app import App, build, end
from center.storage import opened
from config.scope import Role
from config.settings import Settings
from registry.area import Area
from registry.area_store import add_area
from tests.support.api_rig import SYSTEM, Client, Rig, served

pytestmark = pytest.mark.usefixtures("no_leaks")
DEVICES = 6


@pytest.fixture
async def network(clip_cache: Path) -> AsyncIterator[Fleet]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        port = int(probe.getsockname()[1])
    found = Fleet(FleetSpec(cameras=DEVICES, main=(640, 360), gop=0.5, cache=clip_cache, discovery_port=port))
    await found.start()
    for device in found.devices:
        device.user, device.password = "admin", "theirs"
    yield found
    await found.stop()


@pytest.fixture
async def rig(network: Fleet, tmp_path: Path) -> AsyncIterator[Rig]:
    """A service with an empty list that looks for devices when it is asked to, and by itself never again."""
    ranges = sorted({device.host.rpartition(".")[0] + ".0/24" for device in network.devices})
    ports = sorted({str(p) for device in network.devices for p in (device.rtsp_port, device.onvif_port)})
    settings = Settings.model_validate(
        {
            "service": {"data_dir": tmp_path / "data", "listen": "127.0.0.1:0"},
            "reach": {"networks": ranges, "ports": ports, "allow_loopback": True},
            "discovery": {
                "multicast": False,
                "rate": 2000,
                "wait_seconds": 1,
                "port": network.spec.discovery_port,
                "period_seconds": 604_800,
            },
        }
    )
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(opened(settings))
        app: App = build(storage, random.Random(1))
        stack.push_async_callback(app.close)
        found = await stack.enter_async_context(served(storage))
        found.core.app = app
        assert app.finding is not None
        looking = asyncio.create_task(app.finding.run())
        stack.push_async_callback(end, looking)
        async with storage.db.write() as connection:
            await add_area(SYSTEM, connection, Area("north", "Nanqiao"))
        yield found


async def until(client: Client, path: str, what: Callable[[Any], bool]) -> None:
    """Ask until ``what`` is true of the answer; the event loop goes on between the answers."""
    async with asyncio.timeout(20):
        while not what((await client.get(path)).json):
            continue


async def found_by_search(rig: Rig, network: Fleet, admin: Client) -> list[str]:
    ranges = sorted({device.host.rpartition(".")[0] + ".0/24" for device in network.devices})
    answered = await admin.post("/api/v1/discovery/searches", {"networks": ranges})
    assert answered.status == 202
    again = await admin.post("/api/v1/discovery/searches", {"networks": ranges})
    assert again.code == "conflict"
    await until(admin, "/api/v1/discovery", lambda told: told["last"] is not None and told["last"]["asked"] != [])
    told = (await admin.get("/api/v1/discovery")).json
    assert told["last"]["answered"] == DEVICES
    assert told["last"]["outcomes"] == {"new": DEVICES}
    assert (told["last"]["trouble"], told["now"], told["waiting"]) == ("", None, [])
    page = (await admin.get("/api/v1/proposals?status=new&status=conflict")).json
    assert page["counts"]["new"] == DEVICES
    return [item["id"] for item in page["items"]]


def refused(network: Fleet) -> int:
    return sum(network.onvif.auth.refused.values()) + sum(network.rtsp.refused.values())


async def test_from_a_range_to_cameras(rig: Rig, network: Fleet) -> None:
    """The wrong password is one refused login and one device; the right one opens all the others."""
    admin = await rig.user("admin", Role.ADMIN)
    ids = await found_by_search(rig, network, admin)
    wrong = {"proposal_ids": ids, "area_id": "north", "credentials": {"account": "admin", "password": "not theirs"}}
    answered = await admin.post("/api/v1/proposals/adopt", wrong)
    told = answered.json
    assert (answered.status, told["done"], told["left"]) == (207, 1, DEVICES - 1)
    assert told["problem"]["code"] == "adopt_partial"
    assert refused(network) == 1
    (first,) = [item for item in told["items"] if item["problem"] is None]
    assert first["account"] == "refused"
    assert {item["problem"]["code"] for item in told["items"] if item["problem"]} == {"conflict"}
    left = [item["proposal_id"] for item in told["items"] if item["problem"]]
    # Again the wrong one: nobody is asked.
    again = await admin.post("/api/v1/proposals/adopt", {**wrong, "proposal_ids": left})
    assert (again.json["done"], refused(network)) == (0, 1)
    sets = (await admin.get("/api/v1/password-sets")).json["items"]
    assert [(one["account"], one["devices"], one["proved"]) for one in sets] == [("admin", 1, False)]
    right = {"proposal_ids": left, "area_id": "north", "credentials": {"account": "admin", "password": "theirs"}}
    answered = await admin.post("/api/v1/proposals/adopt", right)
    assert (answered.status, answered.json["done"], answered.json["problem"]) == (200, DEVICES - 1, None)
    assert refused(network) == 1
    assert "proved" in {item["account"] for item in answered.json["items"]}
    await until(admin, "/api/v1/cameras", lambda told: told["total"] == DEVICES - 1)
    sets = (await admin.get("/api/v1/password-sets")).json["items"]
    assert sorted((one["devices"], one["proved"]) for one in sets)[-1][1] is True
    assert "theirs" not in str(sets)
    # The first gets the right one: it tells its channel at once.
    body = {"account": "admin", "password": "theirs"}
    path = f"/api/v1/devices/{first['device_id']}/credentials"
    assert (await admin.send("PUT", path, body)).status == 204
    await until(admin, "/api/v1/cameras", lambda told: told["total"] == DEVICES)
    assert refused(network) == 1


async def test_a_known_password_set_opens_others(rig: Rig, network: Fleet) -> None:
    admin = await rig.user("admin", Role.ADMIN)
    ids = await found_by_search(rig, network, admin)
    one = {"area_id": "north", "credentials": {"account": "admin", "password": "theirs"}}
    done = (await admin.post("/api/v1/proposals/adopt", {**one, "proposal_ids": ids[:1]})).json
    assert done["items"][0]["account"] == "proved"
    (known,) = (await admin.get("/api/v1/password-sets")).json["items"]
    like = {"area_id": "north", "credentials": {"like_device": known["id"]}, "proposal_ids": ids[1:3]}
    assert (await admin.post("/api/v1/proposals/adopt", like)).json["done"] == 2
    (known,) = (await admin.get("/api/v1/password-sets")).json["items"]
    assert (known["devices"], known["proved"]) == (3, True)
    bare = {"area_id": "north", "proposal_ids": [*ids[3:4], ids[0], "none"]}
    told = (await admin.post("/api/v1/proposals/adopt", bare)).json
    assert [item["problem"] and item["problem"]["code"] for item in told["items"]] == [None, "conflict", "not_found"]
    told = (await admin.post("/api/v1/proposals/refuse", {"proposal_ids": ids[4:], "reason": "not ours"})).json
    assert (told["done"], told["left"]) == (2, 0)
    counts = (await admin.get("/api/v1/proposals")).json["counts"]
    assert (counts["new"], counts["adopted"], counts["refused"]) == (0, 4, 2)
    assert refused(network) == 0


async def test_a_search_stays_inside_the_camera_networks(rig: Rig) -> None:
    admin = await rig.user("admin", Role.ADMIN)
    for network, code in (
        ("192.0.2.0/24", "address_not_allowed"),
        ("10.9.0.0/16", "address_not_allowed"),
        ("0.0.0.0/0", "invalid"),
        ("x", "invalid"),
    ):
        answered = await admin.post("/api/v1/discovery/searches", {"networks": [network]})
        assert answered.code == code, network
    operator = await rig.user("op", Role.OPERATOR)
    assert (await operator.get("/api/v1/discovery")).json["permission"] == "adopt"
    here = await rig.user("here", Role.ADMIN, area="north")
    assert (await here.get("/api/v1/discovery")).code == "forbidden"
    auditor = await rig.user("aud", Role.AUDITOR)
    acts = {row["act"] for row in (await auditor.get("/api/v1/audit")).json["items"]}
    assert "discovery.search" not in acts


async def test_a_snapshot_is_a_picture_of_now_and_a_row(rig: Rig, network: Fleet) -> None:
    """In the camera's own size, with a strip below it that says who has it."""
    admin = await rig.user("admin", Role.ADMIN)
    ids = await found_by_search(rig, network, admin)
    given = {"account": "admin", "password": "theirs"}
    await admin.post("/api/v1/proposals/adopt", {"proposal_ids": ids[:1], "area_id": "north", "credentials": given})
    await until(admin, "/api/v1/cameras", lambda told: told["total"] == 1)
    camera = (await admin.get("/api/v1/cameras")).json["items"][0]["id"]
    (main, *_) = (await admin.get(f"/api/v1/cameras/{camera}")).json["streams"]
    assert rig.core.app is not None
    await rig.core.app.book.refresh()
    operator = await rig.user("op", Role.OPERATOR)
    path = f"/api/v1/cameras/{camera}/snapshot"
    assert (await admin.post(path, {"purpose": "x"})).json["permission"] == "live"
    assert (await operator.post(path, {"purpose": "duty"})).code == "invalid"
    answered = await operator.post(path, {"purpose": "fault_evidence", "reference": "N-0127"})
    assert (answered.status, answered.headers["content-type"]) == (200, "image/jpeg")
    unit = AccessUnit(Codec.MJPEG, True, (answered.body,), 0, 0.0)
    picture = decode(unit)
    assert (picture.width, picture.height > main["height"]) == (main["width"], True)
    auditor = await rig.user("aud", Role.AUDITOR)
    (row,) = (await auditor.get("/api/v1/views")).json["items"]
    shown = {name: row[name] for name in ("view_id", "moment", "kind", "purpose", "reference", "camera_id")}
    assert shown == {
        "view_id": answered.headers["x-view-id"],
        "moment": "shown",
        "kind": "snapshot",
        "purpose": "fault_evidence",
        "reference": "N-0127",
        "camera_id": camera,
    }
    # A camera that cannot be had gives no picture, and no row.
    network.devices[0].user = "nobody"
    for device in network.devices:
        device.password = "changed"
    assert (await operator.post(path, {"purpose": "again"})).code in (
        "camera_auth",
        "camera_failed",
        "camera_unreachable",
    )
    assert len((await auditor.get("/api/v1/views")).json["items"]) == 1
