"""Every route, generated from the routes themselves: no login, no permission, a foreign id; and two worlds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from center.api.app import ROUTERS, needs_of
from center.api.asked import Needs, Open
from center.api.feed import Feed
from config.clock import ManualClock
from config.ids import new_id
from config.scope import Permission
from registry import change_feed_store
from registry.change_feed import Head
from registry.database import Database
from registry.keys import KeyRing
from registry.migrations.run import migrate
from registry.principal import StoredGrant
from registry.principal_store import add_grant
from tests.support import postgres
from tests.support.api_rig import SYSTEM, Answered, Client, Rig, served, storage_of
from tests.support.api_world import add_district, camera_id, evidence_id
from tests.support.event_reader import events

pytestmark = pytest.mark.usefixtures("no_leaks")
ROUTES = [
    (method, route)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
]
#: What the ids in paths are called, for district ``name``.
IDS: dict[str, Callable[[str], str]] = {
    "camera_id": lambda name: camera_id(name, 2),
    "evidence_id": evidence_id,
    "device_id": lambda name: f"{name}-nvr",
    "area_id": lambda name: f"{name}-village",
    "unit_id": lambda name: f"{name}-unit",
    "point_id": lambda name: f"{name}-point-2",
    "incident_id": lambda name: f"{name}-incident",
    "number": lambda name: "0",
}
#: Bodies that are right but for whom they speak of; other routes take none.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/api/v1/cameras/{camera_id}/views"): {},
    ("POST", "/api/v1/cameras/{camera_id}/snapshot"): {"purpose": "x"},
    ("POST", "/api/v1/checks"): {"camera_ids": ["x"]},
    ("POST", "/api/v1/cameras/{camera_id}/references"): {"act": "approve"},
    ("PATCH", "/api/v1/cameras/{camera_id}"): {"name": "x"},
    ("PATCH", "/api/v1/devices/{device_id}"): {"name": "x"},
    ("PATCH", "/api/v1/points/{point_id}"): {"name": "x"},
    ("PATCH", "/api/v1/areas/{area_id}"): {"name": "x"},
    ("PATCH", "/api/v1/units/{unit_id}"): {"name": "x"},
    ("PUT", "/api/v1/devices/{device_id}/credentials"): {"account": "a", "password": "not to be set"},
    ("POST", "/api/v1/proposals/{proposal_id}/adopt"): {"area_id": "a"},
    ("POST", "/api/v1/proposals/{proposal_id}/refuse"): {"reason": "x"},
    ("POST", "/api/v1/incidents/{incident_id}/comments"): {"text": "x"},
    ("POST", "/api/v1/incidents/{incident_id}/close"): {"cause": "false_alarm"},
}


#: What a question must name: cameras of both districts, wherever it asks for many.
_MANY = "?" + "&".join(f"camera={camera_id(name, number)}" for name in "ab" for number in (1, 2, 4))
QUERIES = {"/api/v1/timelines": _MANY, "/api/v1/wall": _MANY}


def filled(path: str, name: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: IDS[m[1]](name) if m[1] in IDS else f"{name}-{new_id()}", path)


def unknown(path: str) -> str:
    """With ids that nobody has."""
    return re.sub(r"\{\w+\}", new_id(), path.replace("{number}", "0"))


def needs(route: APIRoute) -> Needs | Open:
    found = needs_of(route)
    assert found is not None, f"{route.path} declares nobody who may ask"
    return found


@pytest.fixture
def worlds(db_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """The address of an empty database for each name."""
    if db_kind == "sqlite":
        yield lambda name: f"sqlite:///{tmp_path / name}.db"
        return
    folder: Path = request.getfixturevalue("postgres_folder")
    made: list[str] = []

    def schema(name: str) -> str:
        made.append(f"t_{name}_{new_id()[-12:]}")
        return postgres.schema_url(folder, made[-1])

    yield schema
    for one in made:
        postgres.drop_schema(folder, one)


async def everything(rig: Rig, *without: Permission) -> Client:
    """Somebody who may do all but ``without`` in district a."""
    name = f"all-{len(without)}-{new_id()[-8:]}"
    account = await rig.account(name)
    held = tuple(sorted(permission.value for permission in set(Permission) - set(without)))
    async with rig.db.write() as connection:
        await add_grant(SYSTEM, connection, StoredGrant(new_id(), account, held, "a"))
    client = rig.client()
    assert (await client.log_in(name)).status == 201
    return client


async def test_nobody_gets_past_the_door(rig: Rig) -> None:
    stranger = rig.client()
    for method, route in ROUTES:
        if isinstance(needs(route), Open):
            continue
        answered = await stranger.send(method, filled(route.path, "a"), BODIES.get((method, route.path)))
        assert (answered.status, answered.code) == (401, "login_required"), f"{method} {route.path}"


async def test_a_missing_permission_is_named(rig: Rig) -> None:
    await add_district(rig.db, rig.core.storage.folder.evidence, "a", 1)
    lacking: dict[tuple[Permission, ...], Client] = {}
    for method, route in ROUTES:
        asked = needs(route)
        if isinstance(asked, Open) or asked.permission is None:
            continue
        path, body = filled(route.path, "a"), BODIES.get((method, route.path))
        if asked.either not in lacking:
            lacking[asked.either] = await everything(rig, *asked.either)
        answered = await lacking[asked.either].send(method, path, body)
        assert (answered.code, answered.json["permission"]) == ("forbidden", asked.permission.value), path


async def test_what_is_foreign_does_not_exist(rig: Rig) -> None:
    for number, name in enumerate("ab", 1):
        await add_district(rig.db, rig.core.storage.folder.evidence, name, number)
    client = await everything(rig)
    walked = 0
    for method, route in ROUTES:
        known = set(re.findall(r"\{(\w+)\}", route.path)) & set(IDS)
        if not known:
            continue
        body = BODIES.get((method, route.path))
        answers = []
        for name in ("b", "none"):
            path = filled(route.path, "b") if name == "b" else unknown(route.path)
            answered = await client.send(method, path, body, if_match='"v1"')
            document = {k: v for k, v in answered.json.items() if k != "request_id"}
            answers.append((answered.status, json.dumps(document)))
        # Units and areas are changed only by whoever may everywhere: that is told before anything is looked up.
        assert answers[0][0] == 404, (method, route.path, answers[0])
        assert answers[0] == answers[1], (method, route.path)
        walked += 1
    assert walked >= 25


async def answers(url: str, folder: Path, worlds: str) -> dict[str, Any]:
    """All that a lead operator of district a is told, with whatever else there is."""
    db = await Database.open(url, clock=ManualClock(), keys=KeyRing.ephemeral())
    try:
        await migrate(db)
        async with served(storage_of(db, folder / "data")) as rig:
            for name in worlds:
                await add_district(rig.db, rig.core.storage.folder.evidence, name, "ab".index(name) + 1)
            client = await everything(rig, Permission.USERS)
            told = {}
            for method, route in ROUTES:
                if method != "GET" or route.path in SKIPPED or "{proposal_id}" in route.path:
                    continue
                answered = await client.get(filled(route.path, "a") + QUERIES.get(route.path, ""))
                told[route.path] = (answered.status, shown(answered))
            told["the feed from its beginning"] = await feed(rig, client)
            return told
    finally:
        await db.close()


async def feed(rig: Rig, client: Client) -> tuple[int, str]:
    """Every change since the database was made, asked for and as events: the same, in the same order."""
    ours = Feed(rig.db, rig.core.storage.keys)
    async with rig.db.read() as connection:
        start = ours.word(Head((await change_feed_store.head(SYSTEM, connection)).epoch, 0))
    asked = (await client.get(f"/api/v1/changes?after={start}&limit=500")).json["items"]
    heard: list[Any] = []
    async with events(client, Last_Event_ID=start) as stream:
        await stream.head()
        while len(heard) < len(asked):
            kind, _, told = await stream.next()
            heard += [told] if kind == "change" else []
    for one in (*asked, *heard):
        one["after"] = "-"
    assert heard == asked
    return 200, blanked(json.dumps(asked))


def shown(answered: Answered) -> str:
    """Pictures bear the view's id, drawn anew each time; what they show is tried elsewhere."""
    if answered.headers.get("content-type") == "image/jpeg":
        return "a marked picture"
    return blanked(answered.body.decode("utf-8", "replace"))


#: An endless one, and one that tells of the asker's own session.
SKIPPED = {"/events", "/api/v1/session", "/api/v1/openapi.json"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_RANDOM = re.compile(r'"(request_id|after|next_cursor|principal|still_at)":"[^"]*"')


def blanked(text: str) -> str:
    """Without what is drawn anew each time: ids made in the run, request ids, opaque positions, times of files."""
    kept = {camera_id("a", n) for n in range(10)}
    text = _UUID.sub(lambda m: m[0] if m[0] in kept else "ID", text)
    return _RANDOM.sub(r'"\1":"-"', text)


async def test_answers_for_a_do_not_depend_on_b(worlds: Callable[[str], str], tmp_path: Path, db_kind: str) -> None:
    first = await answers(worlds("alone"), tmp_path / "alone", "a")
    assert {status for status, _ in first.values()} <= {200, 403, 404}
    assert sum(status == 200 for status, _ in first.values()) >= 18
    for name in ("ab", "ba") if db_kind == "sqlite" else ("ba",):
        found = await answers(worlds(name), tmp_path / name, name)
        assert found == first
        assert "Camera 1 b" not in json.dumps(found)
        assert json.loads(found["the feed from its beginning"][1])
