"""Proposals over the API: adopted once however often it is asked, with nobody else's password."""

from __future__ import annotations

import pytest

from config.scope import Role
from registry import audit_store
from registry.found_device import FoundDevice
from registry.propose import propose
from tests.support.api_rig import SYSTEM, Client, Rig
from tests.support.api_world import add_district

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
async def proposal(rig: Rig) -> str:
    """One that district a was told of."""
    for number, name in enumerate("ab", 1):
        await add_district(rig.db, rig.core.storage.folder.evidence, name, number)
    boss = await rig.token("boss", Role.ADMIN)
    items = (await boss.get("/api/v1/proposals")).json["items"]
    (mine,) = [one["id"] for one in items if one["area_id"] == "a"]
    return f"/api/v1/proposals/{mine}"


async def admin(rig: Rig) -> Client:
    return await rig.token("admin of a", Role.ADMIN, area="a")


async def test_adopting_is_done_once_however_often_it_arrives(rig: Rig, proposal: str) -> None:
    client = await admin(rig)
    body = {"area_id": "a", "name": "Gate", "credentials": {"account": "admin", "password": "canary-of-the-gate"}}
    stale = await client.post(f"{proposal}/adopt", body, if_match='"v9"', Idempotency_Key="k1")
    assert stale.code == "changed"
    first = await client.post(f"{proposal}/adopt", body, if_match='"v1"', Idempotency_Key="k2")
    assert first.status == 201
    again = await client.post(f"{proposal}/adopt", body, if_match='"v1"', Idempotency_Key="k2")
    assert (again.status, again.json, again.headers["idempotency-replayed"]) == (201, first.json, "true")
    assert (await client.post(f"{proposal}/adopt", body)).code == "conflict"
    other = {**body, "name": "Another"}
    assert (await client.post(f"{proposal}/adopt", other, Idempotency_Key="k2")).code == "invalid"
    device = (await client.get(f"/api/v1/devices/{first.json['device_id']}")).json
    assert device["name"] == "Gate"
    async with rig.db.read() as connection:
        rows = await audit_store.page(SYSTEM, connection, limit=1000)
    assert sum(row.act == "proposal.adopt" for row in rows) == 1
    assert not any("canary" in row.details for row in rows)


async def test_proposals_are_told_apart_by_how_they_were_found(rig: Rig, proposal: str) -> None:
    boss = await rig.token("boss of all", Role.ADMIN)
    for number, (how, area) in enumerate((("tcp", "a"), ("hello", "a"), ("tcp", "b")), 1):
        await propose(SYSTEM, rig.db, FoundDevice(f"127.9.9.{number}", 80, how, serial=f"H-{number}"), area_id=area)

    async def found(client: Client, query: str) -> list[str]:
        page = (await client.get(f"/api/v1/proposals?status=new&{query}")).json
        assert page["counts"]["new"] == len(page["items"])
        return [one["host"] for one in page["items"]]

    assert await found(boss, "how=tcp") == ["127.9.9.1", "127.9.9.3"]
    assert await found(boss, "how=tcp&how=hello&area=a") == ["127.9.9.1", "127.9.9.2"]
    assert await found(await admin(rig), "how=tcp") == ["127.9.9.1"]
    assert await found(boss, "how=multicast") == []
    assert (await boss.get("/api/v1/proposals?how=guess")).code == "invalid"
    first = (await boss.get("/api/v1/proposals?how=tcp&limit=1")).json["next_cursor"]
    assert (await boss.get(f"/api/v1/proposals?how=hello&limit=1&cursor={first}")).code == "cursor"


async def test_a_password_is_taken_from_no_device_of_somebody_else(rig: Rig, proposal: str) -> None:
    client = await admin(rig)
    foreign = {"area_id": "a", "credentials": {"like_device": "b-nvr"}}
    assert (await client.post(f"{proposal}/adopt", foreign)).code == "not_found"
    for wrong in ({}, {"password": "p"}, {"account": "a", "password": "p", "like_device": "a-nvr"}):
        assert (await client.post(f"{proposal}/adopt", {"area_id": "a", "credentials": wrong})).code == "invalid"
    assert (await client.post(f"{proposal}/adopt", {"area_id": "b"})).code == "not_found"
    assert (await client.get(proposal)).json["status"] == "new"
    own = {"area_id": "a", "credentials": {"like_device": "a-nvr"}}
    assert (await client.post(f"{proposal}/adopt", own)).status == 201
