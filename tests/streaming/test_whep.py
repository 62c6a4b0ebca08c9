"""WHEP over a true listener: tickets, tokens, sessions, what each refusal is, and the register of it all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from camera_gateway.simulator.faults import Fault
from center.api.app import BEARER, needs_of
from center.api.whep_routes import Bearer
from config.scope import Permission
from config.scope import Role as Duty
from registry.camera_store import change_camera, get_camera
from registry.view import ViewMoment
from tests.support.live_rig import SDP, SYSTEM, LiveRig, live
from tests.support.relay_rig import peer

FRAGMENT = "application/trickle-ice-sdpfrag"


async def test_a_ticket_opens_a_picture_and_both_its_ends_are_on_record(town: LiveRig) -> None:
    async with peer() as viewer:
        place, ticket = await town.watch(viewer)
        first, second = await viewer.frame(), await viewer.frame()
        assert second.pts > first.pts
        assert [row.moment for row in await town.register()] == [ViewMoment.BEGIN]
        ended = await town.whep("DELETE", place, ticket)
        assert ended.status == 200
        await town.until(lambda: town.ends())
    assert await town.ends() == ["ended"]
    assert town.views.relay.capacity.total == 0


async def test_each_refusal_is_a_problem_of_its_own(tmp_path: Path, clips: Path) -> None:
    async with live(tmp_path, clips, streaming={"max_per_camera": 1, "open_seconds": 1}, cameras=2) as town:
        async with peer() as viewer:
            text = await viewer.offer()
            place = "/whep/camera-0"

            async def refused(
                bearer: str | None, body: str = text, kind: str = SDP, path: str = place
            ) -> tuple[int, str]:
                answered = await town.whep("POST", path, bearer, body, kind)
                return answered.status, answered.code

            assert await refused(None) == (401, "login_required")
            assert await refused("x" * 43) == (401, "ticket")
            assert await refused("xlt_" + "x" * 43) == (401, "token_invalid")
            assert await refused(await town.ticket(1)) == (401, "ticket")
            assert await refused(await town.ticket(), kind="application/json") == (400, "malformed")
            assert await refused(await town.ticket(), '{"a": 1}', "application/json") == (415, "media_type")
            assert await refused(await town.ticket(), "v=0\r\n") == (400, "offer")
            assert await refused(await town.ticket(), text.replace("H264", "AV1")) == (422, "codec")
            cookie = await town.li.send("POST", place, None, text.encode(), content_type=SDP)
            assert (cookie.status, cookie.code) == (401, "login_required")

            used, ticket = await town.watch(viewer)
            assert await refused(ticket) == (401, "ticket")
            full = await town.whep("POST", place, await town.ticket(), text)
            assert (full.status, full.code, full.json["who"], full.json["max"]) == (503, "view_limit", "camera", 1)
            assert int(full.headers["retry-after"]) > 0

            await town.fleet.set_fault(town.fleet.cameras[1].id, Fault.REFUSED, True)
            gone = await town.whep("POST", "/whep/camera-1", await town.ticket(1), text)
            assert (gone.status, gone.code, gone.json["reason"]) == (409, "offline", "refused")
            assert int(gone.headers["retry-after"]) > 0

            # Whoever did not open the session does not see it.
            other = await town.ticket(1)
            for method, path, body, kind in (
                ("PATCH", used, "a=end-of-candidates\r\n", FRAGMENT),
                ("POST", f"{used}/layer", '{"encodingId": "sub"}', "application/json"),
                ("DELETE", used, "", SDP),
            ):
                assert (await town.whep(method, path, other, body, kind)).status == 404
            assert (await town.whep("PATCH", used, ticket, "a=end-of-candidates\r\n", FRAGMENT)).status == 204
            restart = await town.whep("PATCH", used, ticket, "a=ice-ufrag:anew\r\na=ice-pwd:x\r\n", FRAGMENT)
            assert (restart.status, restart.code) == (422, "ice_restart")
            assert (await town.whep("POST", f"{used}/layer", ticket, "{}", "application/json")).code == "invalid"
            assert (await town.whep("HEAD", place, ticket)).headers["content-type"] == SDP
            assert (await town.whep("GET", place, ticket)).status == 204
            assert (await town.whep("OPTIONS", place, None)).headers["accept-post"] == SDP

            mine = (await town.li.get("/api/v1/views/live")).json["items"]
            assert [(one["camera_id"], one["stream"]) for one in mine] == [("camera-0", "main")]
            nobody = await town.rig.user("wang", Duty.OPERATOR, area="town")
            assert (await nobody.get("/api/v1/views/live")).json["items"] == []
        # What could not be shown has its end in the register as well.
        await town.until(lambda: _all_ended(town))
        assert {"invalid", "codec", "offline", "limit"} <= set(await town.ends())


async def _all_ended(town: LiveRig) -> bool:
    rows = await town.register()
    ended = {row.view_id for row in rows if row.moment is ViewMoment.END}
    waiting = {row.view_id for row in rows if row.moment is ViewMoment.BEGIN} - ended
    return len(waiting) <= UNUSED


#: Tickets above that were given for another camera or were never used: their end is written a minute later.
UNUSED = 5


@pytest.mark.parametrize("how", ["logout", "mask", "register"])
async def test_what_is_taken_away_ends_within_five_seconds(town: LiveRig, how: str) -> None:
    running = asyncio.create_task(town.rig.core.live.run())
    try:
        async with peer() as viewer:
            await town.watch(viewer)
            await viewer.frame()
            began = asyncio.get_running_loop().time()
            if how == "logout":
                await town.li.send("DELETE", "/api/v1/session")
            elif how == "mask":
                async with town.rig.db.write() as connection:
                    camera = await get_camera(SYSTEM, connection, "camera-0")
                    mask = (((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)),)
                    await change_camera(SYSTEM, connection, camera.id, camera.version, mask=mask)
            else:
                (row,) = await town.register()
                assert (await town.li.send("DELETE", f"/api/v1/views/{row.view_id}")).status == 204
            await town.until(lambda: not town.views.relay.shown(), 5.0)
            assert asyncio.get_running_loop().time() - began < 5.0
        reasons = {"logout": "login_ended", "mask": "rights_changed", "register": "ended"}
        await town.until(lambda: town.ends())
        assert await town.ends() == [reasons[how]]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_token_with_the_right_to_look_needs_no_ticket(town: LiveRig) -> None:
    may, may_not = await town.rig.token("wall", Duty.SCREEN, area="town"), await town.rig.token("platform", area="town")
    elsewhere = await town.rig.token("other", Duty.SCREEN, area="elsewhere")
    async with peer() as viewer:
        text = await viewer.offer()
        assert (await town.whep("POST", "/whep/camera-0", may_not.token, text)).code == "forbidden"
        assert (await town.whep("POST", "/whep/camera-0", elsewhere.token, text)).code == "not_found"
        opened = await town.whep("POST", "/whep/camera-0", may.token, text)
        assert opened.status == 201
        await viewer.answer(opened.body.decode())
        await viewer.frame()
        (row,) = await town.register()
        assert (row.principal, row.purpose) == ("wall", "tests")
        assert (await town.whep("DELETE", opened.headers["location"], may.token)).status == 200


async def test_what_a_killed_service_left_open_is_over_at_the_next_start(town: LiveRig) -> None:
    secret = await town.ticket()
    await town.rig.core.views.redeem(secret, "camera-0")
    await town.views.close()
    await town.views.start()
    assert await town.ends() == ["service restarted"]


async def test_a_stopping_service_ends_its_views_on_record(tmp_path: Path, clips: Path) -> None:
    async with live(tmp_path, clips) as town, peer() as viewer:
        await town.watch(viewer)
        await viewer.frame()
        text = viewer.connection.localDescription.sdp
        await town.views.close()
        assert await town.ends() == ["service stopping"]
        refused = await town.whep("POST", "/whep/camera-0", await town.ticket(), text)
        assert refused.status == 503


def test_no_way_to_a_picture_without_a_permission() -> None:
    open_to_all = []
    for router in BEARER:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            needs = needs_of(route)
            if needs is None:
                open_to_all.append((route.path, sorted(route.methods or ())))
            else:
                assert isinstance(needs, Bearer)
                assert needs.permission is Permission.LIVE
    assert open_to_all == [("/whep/{camera_id}", ["OPTIONS"])]  # says what is taken, of no camera in particular
