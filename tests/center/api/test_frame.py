"""The frame: hosts and origins, bodies, times, headers, problems, cursors, and routes that say what they need."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import given, settings
from hypothesis import strategies as st

from center.api.app import ROUTERS, api_routes, describe, needs_of
from center.api.asked import Open
from center.api.languages import prefers_chinese
from center.api.limits import Limits
from center.api.problem_texts import OF_KIND, TYPES
from center.api.problems import Problem, document, problem_of
from center.api.security import Site, check_host
from config.errors import Kind
from config.scope import Role
from registry.database import Database
from tests.support.api_rig import PASSWORD, Client, Rig, exchange, served, storage_of

pytestmark = pytest.mark.usefixtures("no_leaks")
ROUTES = api_routes()


@pytest.fixture
def db_kind() -> str:
    """What is tried here is HTTP's; the databases have their own tests."""
    return "sqlite"


#: The only routes that need no login.
OPEN = {("POST", "/api/v1/session"), ("GET", "/api/v1/entry"), ("GET", "/api/v1/openapi.json")}


def test_every_route_declares_what_it_needs() -> None:
    assert len(ROUTES) > 15
    for route in ROUTES:
        needs = needs_of(route)
        assert needs is not None, route.path
        open_methods = {(method, route.path) for method in route.methods or ()} if isinstance(needs, Open) else set()
        assert open_methods <= OPEN
        assert route.path.startswith("/api/v1/") or route.path == "/events"


def test_a_route_without_a_permission_is_seen() -> None:
    app = FastAPI()

    @app.get("/api/v1/leak")
    async def leak() -> None: ...

    found = [route for route in app.routes if isinstance(route, APIRoute) and route.path == "/api/v1/leak"]
    assert [needs_of(route) for route in found] == [None]


async def test_no_route_answers_a_stranger(rig: Rig) -> None:
    clients = rig.client(), Client(rig.url, token="xlt_" + "a" * 43, browser=False)
    for route in ROUTES:
        if isinstance(needs_of(route), Open):
            continue
        path = route.path
        for name in route.param_convertors:
            path = path.replace(f"{{{name}}}", "0190-0000")
        for method, client in itertools.product(route.methods or (), clients):
            answered = await client.send(method, path, None if method == "GET" else {})
            assert answered.code in ("login_required", "token_invalid"), (method, path)


ORIGINS = ["ours", "localhost", "evil", "null", "none", "other-port"]
TYPES_SENT = ["application/json", "application/json; charset=utf-8", "text/plain", "none"]


async def test_csrf_matrix(rig: Rig) -> None:
    """A cookie counts for an unsafe method only with our Origin and JSON; logging in is one of them."""
    client = await rig.user("boss", Role.ADMIN)
    port = rig.url.rpartition(":")[2]
    values = {
        "ours": rig.url,
        "localhost": f"http://localhost:{port}",
        "evil": "https://evil.example",
        "null": "null",
        "none": None,
        "other-port": "http://127.0.0.1:1",
    }
    body = json.dumps({"name": "x", "password": "y"}).encode()
    unsafe = [("POST", "/api/v1/session"), ("POST", "/api/v1/users"), ("PUT", "/api/v1/session/password")]
    unsafe += [("PATCH", "/api/v1/users/x"), ("DELETE", "/api/v1/users/x/grants/y")]
    for (method, path), origin, sent in itertools.product(unsafe, ORIGINS, TYPES_SENT):
        answered = await client.send(
            method, path, None, body, origin=values[origin], content_type=None if sent == "none" else sent
        )
        right = origin in ("ours", "localhost")
        if not right:
            assert answered.code == "origin", (method, path, origin, sent)
        elif not sent.startswith("application/json"):
            assert answered.code == "media_type", (method, path, origin, sent)
        else:
            assert answered.code not in ("origin", "media_type"), (method, path, origin, sent)
    answered = await client.send("POST", "/api/v1/users", {}, sec_fetch_site="cross-site")
    assert answered.code == "origin"
    assert (await client.get("/api/v1/session", origin="https://evil.example")).code == "origin"
    token = await rig.token("robot", Role.ADMIN)
    assert (await token.send("DELETE", "/api/v1/users/x/grants/y")).code == "not_found"


HOSTS = {
    "127.0.0.1:{port}": True,
    "localhost:{port}": True,
    "LOCALHOST:{port}": True,
    "evil.example": False,
    "evil.example:{port}": False,
    "127.0.0.1": False,
    "127.0.0.1:1": False,
    "127.0.0.2:{port}": False,
    "evil@127.0.0.1:{port}": False,
    "127.0.0.1:{port}/x": False,
    "": False,
    "[::1": False,
    "127.0.0.1:99999999": False,
}


async def test_hosts(rig: Rig) -> None:
    port = rig.url.rpartition(":")[2]
    for host, right in HOSTS.items():
        for path in ("/api/v1/session", "/"):
            answered = await rig.client().get(path, host=host.format(port=port))
            assert (answered.status != 421) is right, host
    assert (await rig.client().get("/healthz", host="anything")).status == 200


def test_the_public_address_alone_is_ours() -> None:
    site = Site("https://video.example.cn")
    origins = site.origins("http", ("127.0.0.1", 8080))
    assert origins == {"https://video.example.cn"}
    check_host("video.example.cn", "http", origins)
    check_host("Video.example.cn:443", "https", origins)
    for host in ("127.0.0.1:8080", "localhost:8080", "video.example.cn.evil.example", "video.example.cn:8443"):
        with pytest.raises(Problem, match="host"):
            check_host(host, "https", origins)
    assert site.cookie("http") == "__Host-xueliang"
    assert Site("http://x:80").origins("http", None) == {"http://x"}
    assert Site().origins("http", ("::1", 80)) == {"http://[::1]", "http://localhost"}


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
@settings(max_examples=150)
def test_no_host_breaks_the_check(host: str) -> None:
    try:
        check_host(host, "http", frozenset({"http://127.0.0.1:8080"}))
    except Problem as problem:
        code = problem.type.code
        assert code == "host"
    else:
        assert host == "127.0.0.1:8080"


BODIES = [
    (b"", "invalid"),
    (b"{", "malformed"),
    (b"\xff\xfe", "malformed"),
    (b"[" * 20_000, "too_large"),
    (b"[" * 15_000, "malformed"),
    (b"null", "invalid"),
    (b"[]", "invalid"),
    (b"1e999", "invalid"),
    (b'"x"', "invalid"),
    (b'{"name": "a"}', "invalid"),
    (b'{"name": "a", "password": 5}', "invalid"),
    (b'{"name": null, "password": "secretsecret"}', "invalid"),
    (b'{"name": "a", "password": "secretsecret", "role": "admin"}', "invalid"),
    (b'{"name": "\\ud800", "password": "secretsecret"}', "invalid"),
    (b'{"name": "a\\u0000b", "password": "secretsecret"}', "login_failed"),
    (b'{"name": "' + b"a" * 201 + b'", "password": "secretsecret"}', "invalid"),
    (b'{"name": "a", "password": "' + b"p" * 1001 + b'"}', "invalid"),
]


async def test_hostile_bodies(rig: Rig) -> None:
    for body, code in BODIES:
        answered = await rig.client().send("POST", "/api/v1/session", None, body)
        assert answered.code == code, body[:60]
        assert b"secretsecret" not in answered.body
        assert b"ppp" not in answered.body


async def test_a_body_too_large_or_too_slow_or_of_another_kind(tmp_path: Path, db: Database) -> None:
    limits = Limits(body_seconds=0.2, stranger=1000)
    async with served(storage_of(db, tmp_path / "data"), limits) as rig:
        client = rig.client()
        path = "/api/v1/session"
        assert (await client.send("POST", path, None, b"x" * 1001)).code == "too_large"
        assert (await client.send("POST", path, None, b"{}", content_encoding="gzip")).code == "media_type"
        host = rig.url.split("://")[1]
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {rig.url}\r\nContent-Type: application/json\r\n"
        slow = await exchange(rig.url, f"{head}Content-Length: 900\r\n\r\n{{".encode())
        assert slow.code == "body_timeout"
        chunk = b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"
        endless = await exchange(rig.url, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk)
        assert endless.code == "too_large"


async def test_an_answer_that_takes_too_long(tmp_path: Path, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(storage_of(db, tmp_path / "data"), Limits(answer_seconds=1.0)) as rig:
        await rig.account("li", Role.VIEWER)
        gone = asyncio.Event()

        async def never(*_: object) -> bool:
            try:
                await asyncio.Event().wait()
            finally:
                gone.set()
            return True

        monkeypatch.setattr(rig.core.logins.passwords, "verify", never)
        answered = await rig.client().log_in("li")
        assert answered.code == "slow"
        assert answered.headers["retry-after"] == "5"
        async with asyncio.timeout(10):
            await gone.wait()


async def test_what_nobody_foresaw_says_nothing_of_itself(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(rig.core.logins, "log_in", broken)
    answered = await rig.client().log_in("li", "a-password-of-somebody")
    assert answered.code == "internal"
    assert b"secret inside" not in answered.body
    assert answered.json["request_id"] in answered.json["fix"]
    assert answered.json["request_id"] in caplog.text
    assert "a-password-of-somebody" not in caplog.text


async def test_every_answer_bears_the_headers(rig: Rig) -> None:
    seen = set()
    for path in ("/healthz", "/api/v1/session", "/nothing", "/api/v1/openapi.json"):
        answered = await rig.client().get(path)
        headers = answered.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        seen.add(headers["x-request-id"])
        if path.startswith("/api"):
            assert headers["cache-control"] == "no-store"
    assert len(seen) == 4


async def test_nothing_else_is_there(rig: Rig) -> None:
    client = await rig.user("li", Role.ADMIN)
    for path in ("/docs", "/redoc", "/openapi.json", "/api", "/api/v1", "/api/v1/", "/api/v2/users", "/api/v1/users/"):
        assert (await client.get(path)).code == "not_found", path


async def test_another_method_is_named(rig: Rig) -> None:
    client = await rig.user("li", Role.ADMIN)
    answered = await client.send("PUT", "/api/v1/users", {})
    assert answered.code == "method"
    assert answered.headers["allow"]


async def test_cursors(rig: Rig) -> None:
    boss = await rig.user("boss", Role.ADMIN)
    for number in range(5):
        await rig.account(f"user-{number}")
    other = await rig.user("other-boss", Role.ADMIN)
    first = (await boss.get("/api/v1/users?limit=3")).json
    assert len(first["items"]) == 3
    cursor = first["next_cursor"]
    second = (await boss.get(f"/api/v1/users?limit=9&cursor={cursor}")).json
    assert second["next_cursor"] is None
    names = [item["name"] for item in first["items"] + second["items"]]
    assert names == ["boss", *(f"user-{n}" for n in range(5)), "other-boss"]
    for client, path in (
        (other, f"/api/v1/users?cursor={cursor}"),
        (boss, f"/api/v1/users?q=user&cursor={cursor}"),
        (boss, f"/api/v1/tokens?cursor={cursor}"),
        (boss, f"/api/v1/users?cursor={cursor[:-2]}AA"),
        (boss, f"/api/v1/users?cursor={cursor[:60]}"),
        (boss, "/api/v1/users?cursor=AAAA"),
        (boss, "/api/v1/users?cursor=%F0%9F%98%80"),
        (boss, "/api/v1/users?cursor=x%00"),
    ):
        assert (await client.get(path)).code == "cursor", path
    for path in ("limit=0", "limit=501", "limit=x", "limit=1e3", f"cursor={'a' * 601}", "q=%00", "q=a%0Ab"):
        assert (await boss.get(f"/api/v1/users?{path}")).code == "invalid", path


def test_every_kind_has_its_problem_and_every_problem_its_sentences() -> None:
    assert set(OF_KIND) == set(Kind)
    assert set(OF_KIND.values()) <= set(TYPES)
    for one in TYPES.values():
        for sentences in (one.zh, one.en):
            assert all(sentences)
        assert all(text.endswith("。") for text in one.zh), one.code
        assert all(text.endswith(".") for text in one.en), one.code
        for zh in (True, False):
            told = document(Problem(one.code), zh, "r")
            assert told["code"] == one.code
            assert told["status"] == one.status
    codes = "session_expired not_found conflict camera_auth camera_busy codec masked register adopt_partial slow"
    assert {*codes.split(), "login_failed"} <= set(TYPES)
    assert problem_of(ValueError("x")).type.code == "internal"


@pytest.mark.parametrize(
    ("header", "zh"),
    [
        *[("", False), ("zh-CN", True), ("en,zh", False), ("zh,en", True), ("en;q=0.5, zh;q=0.6", True)],
        *[("fr", False), ("zh;q=x,en", False), ("zh;q=٣,en;q=0.1", False), (";;,,=", False), ("zh;q=0", False)],
    ],
)
def test_languages(header: str, zh: bool) -> None:
    assert prefers_chinese(header) is zh


async def test_the_description_is_whole(rig: Rig) -> None:
    schema = (await rig.client().get("/api/v1/openapi.json")).json
    described = {(m.upper(), path) for path, item in schema["paths"].items() for m in item}
    assert described == {(m, route.path) for route in ROUTES for m in route.methods or () if m != "HEAD"}
    text = json.dumps(schema)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}:
        assert reference in schema["components"]["schemas"]
    assert "HTTPValidationError" not in text
    for item in schema["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert "security" in operation


def test_describing_it_twice_is_the_same() -> None:
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    assert describe(app) is describe(app)
    assert PASSWORD not in json.dumps(describe(app))
