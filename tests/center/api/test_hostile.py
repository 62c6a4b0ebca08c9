"""Hostile requests: each answer is a problem document that says what, where and what to do; nothing is half done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from center.api.feed_position import MAX_POSITION
from config.clock import ManualClock
from config.errors import XueliangError
from config.ids import new_id
from config.scope import Role
from registry import audit_store
from registry.database import Database, metadata
from registry.keys import KeyRing
from registry.migrations.run import migrate
from tests.support.api_rig import SYSTEM, Client, Rig, exchange, served, storage_of
from tests.support.api_world import add_district, camera_id, evidence_id

pytestmark = pytest.mark.usefixtures("no_leaks")
AREAS = "/api/v1/areas"
DEEP = b'{"name": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"


@pytest.fixture
def db_kind() -> str:
    """What is tried here is HTTP's; two of them below are the databases' own and run over both."""
    return "sqlite"


async def areas(client: Client) -> list[str]:
    return [one["name"] for one in (await client.get(AREAS)).json["items"]]


BODIES: dict[str, tuple[bytes, str]] = {
    "oversized": (b'{"name": "' + b"x" * 300_000 + b'"}', "too_large"),
    "deep": (DEEP, "malformed"),
    "a member twice": (b'{"name": "a", "name": "b"}', "malformed"),
    "a member twice, deep inside": (b'{"name": "a", "code": {"x": 1, "x": 2}}', "malformed"),
    "not a number": (b'{"name": NaN}', "malformed"),
    "endless": (b'{"name": -Infinity}', "malformed"),
    "NUL": (b'{"name": "a\\u0000b"}', "invalid"),
    "a bare NUL": (b'{"name": "a\x00b"}', "malformed"),
    "latin-1": ('{"name": "é"}'.encode("latin-1"), "malformed"),
    "utf-16": ('{"name": "a"}'.encode("utf-16"), "malformed"),
    "half a surrogate": (b'{"name": "\\ud83d"}', "invalid"),
    "turned writing": (b'{"name": "a\\u202eb"}', "invalid"),
    "two documents": (b'{"name": "a"}{"name": "b"}', "malformed"),
    "a list": (b'[{"name": "a"}]', "invalid"),
    "a number too large": (b'{"name": ' + b"9" * 5000 + b"}", "malformed"),
    "a wrong type": (b'{"name": {"$ne": null}}', "invalid"),
    "an unknown member": (b'{"name": "a", "id": "mine"}', "invalid"),
    "nothing": (b"", "invalid"),
}


async def test_hostile_bodies_change_nothing(rig: Rig) -> None:
    boss = await rig.token("boss", Role.ADMIN)
    for name, (body, code) in BODIES.items():
        answered = await boss.send("POST", AREAS, None, body)
        assert answered.code == code, name
        assert b"xxx" not in answered.body, name
        assert answered.json["request_id"], name
    for sent in ("text/plain", "application/json; charset=utf-16", "application/xml", "multipart/form-data", ""):
        assert (await boss.send("POST", AREAS, None, b"{}", content_type=sent)).code == "media_type", sent
    assert await areas(boss) == []


HEADERS: list[tuple[dict[str, str], str | None]] = [
    ({"if_match": "x" * 9000}, None),
    ({"accept_language": "zh;q=" + "9" * 5000}, None),
    ({"range": "bytes=0-1,0-1,0-1"}, None),
    ({"x_http_method_override": "DELETE"}, None),
    ({"x_forwarded_for": "10.0.0.1", "x_forwarded_host": "evil.example", "forwarded": "for=10.0.0.1"}, None),
    ({"cookie": "=;" * 2000}, None),
    ({"authorization": "Bearer " + "x" * 9000}, "token_invalid"),
    ({"host": "evil.example"}, "host"),
    ({"origin": "https://evil.example"}, "origin"),
    ({"x_large": "y" * 70_000}, "malformed"),
    ({"x_nul": "a\x00b"}, "malformed"),
    ({"content_length": "-1"}, "malformed"),
    ({"content_length": "5", "transfer_encoding": "chunked"}, "malformed"),
]


async def test_hostile_headers(rig: Rig) -> None:
    client = await rig.token("reader", Role.PLATFORM)
    for headers, code in HEADERS:
        answered = await client.get("/api/v1/session", **headers)
        name = next(iter(headers))
        if code is not None:
            assert answered.code == code, name
        else:
            assert answered.status in (200, 400), name
    expect = await client.send("POST", AREAS, None, b"{}", expect="a miracle")
    assert expect.code == "forbidden"


async def test_hostile_positions_keys_and_versions(rig: Rig) -> None:
    await add_district(rig.db, rig.core.storage.folder.evidence, "a", 1)
    boss = await rig.token("boss", Role.ADMIN)
    for word in ("x", "%00", "A" * MAX_POSITION, "..%2f..", "%f0%9f%98%80", "1%20or%201=1"):
        for path in ("/api/v1/changes?after=", "/events?after=", "/api/v1/cameras?cursor="):
            answered = await boss.get(f"{path}{word}")
            assert answered.code in ("cursor", "invalid"), (path, word)
    for header in ("x", "\x7f", "é" * 10, "A" * (MAX_POSITION + 1)):
        assert (await boss.get("/events", Last_Event_ID=header)).code in ("cursor", "invalid", "malformed"), header
    for key in ("", " ", "a b", "x" * 101, "é"):
        answered = await boss.post(AREAS, {"name": "n"}, Idempotency_Key=key)
        assert answered.code in ("invalid", "malformed"), key
    for version in ("v1", '"v0"', '"v99999999999999999999"', '"v-1"', "é"):
        answered = await boss.send("PATCH", f"{AREAS}/a", {"name": "n"}, if_match=version)
        assert answered.code in ("version_required", "changed", "invalid"), version
    for wrong in ("..", "%2e%2e", "a%00", "a" * 5000, "a%0d%0ax", "%ff", "a;b"):
        assert (await boss.get(f"/api/v1/cameras/{wrong}")).code in ("not_found", "malformed"), wrong
    assert await areas(boss) == ["District a", "Village a"]


async def test_a_request_is_done_once_however_it_arrives(rig: Rig) -> None:
    """The same key again, at once, with another body, from another login, on another route."""
    boss, other = await rig.token("boss", Role.ADMIN), await rig.token("other", Role.ADMIN)
    at_once = await asyncio.gather(*(boss.post(AREAS, {"name": "one"}, Idempotency_Key="k") for _ in range(12)))
    assert {one.status for one in at_once} == {201}
    assert len({one.json["id"] for one in at_once}) == 1
    assert sum("idempotency-replayed" in one.headers for one in at_once) == 11
    mixed = await asyncio.gather(
        *(boss.post(AREAS, {"name": f"two-{number}"}, Idempotency_Key="m") for number in range(12))
    )
    assert sorted(one.status for one in mixed) == [201] + [422] * 11
    assert {one.code for one in mixed if one.status == 422} == {"invalid"}
    assert (await boss.post("/api/v1/units", {"name": "u"}, Idempotency_Key="k")).code == "invalid"
    assert (await other.post(AREAS, {"name": "three"}, Idempotency_Key="k")).status == 201
    names = await areas(boss)
    assert len(names) == 3
    assert {"one", "three"} < set(names)


async def test_a_body_that_stops_half_way_is_nothing(rig: Rig) -> None:
    boss = await rig.token("boss", Role.ADMIN)
    host = rig.url.split("://")[1]
    head = f"POST {AREAS} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {boss.token}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 40\r\n\r\n"
    name, _, port = host.rpartition(":")
    for part in (b'{"name": "half"', b'{"name": "half"}'):  # the second is whole JSON and not the whole body
        reader, writer = await asyncio.open_connection(name, int(port))
        writer.write(head.encode() + part)
        writer.write_eof()
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        del reader
    twice = f"GET {AREAS} HTTP/1.1\r\nHost: {host}\r\nHost: evil\r\nConnection: close\r\n\r\n"
    assert (await exchange(rig.url, twice.encode())).status in (400, 421)
    assert await areas(boss) == []


async def test_a_clock_that_steps_an_hour(rig: Rig, clock: ManualClock) -> None:
    """Logins end early at most, order stays, nothing is told twice, every row stands."""
    await add_district(rig.db, rig.core.storage.folder.evidence, "a", 1)
    boss, wall = await rig.token("boss", Role.ADMIN), await rig.token("wall", Role.OPERATOR, area="a")
    person = await rig.user("li", Role.OPERATOR)
    after = (await boss.get("/api/v1/changes")).json["after"]
    for number, step in enumerate((3600, -3600, -3600, 3600)):
        clock.step(step)
        assert (await boss.post(AREAS, {"name": f"step {number}"})).status == 201
        assert (await wall.post(f"/api/v1/cameras/{camera_id('a', 1)}/views", {})).status == 201
        assert (await wall.get("/api/v1/status")).status == 200
        told = await person.get("/api/v1/session")
        assert told.status == 200 or told.code == "session_expired"
        assert (await person.log_in("li")).status == 201
    changes = (await boss.get(f"/api/v1/changes?after={after}")).json["items"]
    made = [one["object_id"] for one in changes if one["kind"] == "area"]
    assert len(made) == len(set(made)) == 4
    async with rig.db.read() as connection:
        assert (await audit_store.verify(SYSTEM, connection)).sound


#: What changes or shows something, and the code it answers with while nothing can be written.
ACTS: list[tuple[str, str, Any, str]] = [
    ("POST", AREAS, {"name": "n"}, "unavailable"),
    ("POST", "/api/v1/units", {"name": "n"}, "unavailable"),
    ("POST", "/api/v1/users", {"name": "n", "password": "a long first password"}, "unavailable"),
    ("POST", f"/api/v1/cameras/{camera_id('a', 1)}/views", {}, "register"),
    ("POST", "/api/v1/views", {"camera_ids": [camera_id("a", 1)]}, "register"),
    ("GET", f"/api/v1/cameras/{camera_id('a', 1)}/sample", None, "register"),
    ("GET", f"/api/v1/cameras/{camera_id('a', 2)}/evidence/{evidence_id('a')}", None, "register"),
    ("POST", "/api/v1/incidents/a-incident/comments", {"text": "x"}, "unavailable"),
    ("GET", "/api/v1/audit", None, "unavailable"),
    ("GET", "/api/v1/views", None, "unavailable"),
]
READS = ("/api/v1/cameras", "/api/v1/status", AREAS, "/api/v1/incidents", "/api/v1/changes", "/api/v1/session")


class Trouble:
    """What makes the database take no writes, as SQLite itself says it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._holder: sa.Engine | None = None

    async def begin(self, kind: str) -> None:
        if kind == "locked":
            self._holder = sa.create_engine(f"sqlite:///{self._db.file}", poolclass=sa.pool.StaticPool)
            self._held = self._holder.raw_connection()
            self._held.cursor().execute("BEGIN IMMEDIATE")
            return
        if kind == "read-only":
            await self._pragma("query_only=1")
            return
        await self._pragma("max_page_count=1")  # no page more than there are
        for size in (2000, 200, 1):  # and no room in those
            with suppress(XueliangError):
                while True:
                    async with self._db.write() as connection:
                        await audit_store.append(SYSTEM, connection, "f", "f", "f", details={"f": "f" * size})

    async def end(self) -> None:
        if self._holder is not None:
            self._held.rollback()
            self._held.close()
            self._holder.dispose()
            return
        await self._pragma("query_only=0", "max_page_count=1000000")

    async def _pragma(self, *pragmas: str) -> None:
        async with self._db._writer.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            for pragma in pragmas:
                await (await driver.execute(f"PRAGMA {pragma}")).close()


async def contents(db: Database) -> dict[str, list[Any]]:
    async with db.read() as connection:
        return {
            table.name: sorted(map(repr, await connection.execute(sa.select(table))))
            for table in metadata.sorted_tables
        }


@pytest.fixture
async def brief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    """A service that waits a twentieth of a second for a lock, not ten seconds."""
    monkeypatch.setattr("registry.database._BUSY_MS", 50)
    db = await Database.open(f"sqlite:///{tmp_path / 'x.db'}", clock=ManualClock(), keys=KeyRing.ephemeral())
    await migrate(db)
    async with served(storage_of(db, tmp_path / "data")) as rig:
        await add_district(db, rig.core.storage.folder.evidence, "a", 1)
        yield rig
    await db.close()


@pytest.mark.parametrize("kind", ["locked", "full", "read-only"])
async def test_a_database_that_takes_nothing_is_told_and_nothing_is_half_done(brief: Rig, kind: str) -> None:
    everybody = [await brief.token(role.value, role) for role in (Role.ADMIN, Role.OPERATOR, Role.AUDITOR)]
    for client in everybody:
        assert (await client.get("/api/v1/session")).status == 200
    await brief.db.batch.flush()
    trouble = Trouble(brief.db)
    await trouble.begin(kind)
    try:
        before = await contents(brief.db)
        for method, path, body, code in ACTS:
            answers = [await client.send(method, path, body, Idempotency_Key=new_id()) for client in everybody]
            allowed = [one for one in answers if one.status != 403]
            assert [(one.status, one.code) for one in allowed] == [(503, code)] * len(allowed), (path, kind)
            assert allowed, path
            assert all(one.headers["retry-after"] == "5" for one in allowed)
        assert (await brief.client().log_in("nobody", "some password")).code == "unavailable"
        for path in READS:
            assert (await everybody[1].get(path)).status == 200, (path, kind)
        assert brief.db.trouble
    finally:
        await trouble.end()
    assert await contents(brief.db) == before
    assert (await everybody[0].post(AREAS, {"name": "after"})).status == 201
    assert brief.db.trouble == ""
    async with brief.db.read() as connection:
        assert (await audit_store.verify(SYSTEM, connection)).sound
