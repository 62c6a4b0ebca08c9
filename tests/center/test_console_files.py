"""The console as built: served whole and compressed, within a strict policy, and nothing beside it."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from camera_gateway.media.pool import DecodePool
from center import console_files
from center.api.app import core_of
from center.console_files import IMMUTABLE, REVALIDATED, BuiltFile, ConsoleFiles, Form, load
from center.console_pages import PAGES, POLICY
from center.listener import Listener, Listening
from center.web import build
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from registry.database import Database
from registry.login_passwords import Passwords
from tests.support.api_rig import CHEAP, Answered, Client, exchange, storage_of
from tests.support.databases import (  # noqa: F401  (fixtures are found by name)
    clock,
    database_url,
    db,
    postgres_folder,
)
from tests.support.tree import ROOT

pytestmark = pytest.mark.usefixtures("no_leaks")
INDEX = '<!doctype html><script type="module" src="/assets/main-a1B2_c3d.js"></script><link href="/favicon.svg">'
SCRIPT = "console.log(1);\n" * 100
NAMES = ("/now", "/wall", "/incidents", "/cameras", "/proposals", "/users", "/tokens", "/audit", "/login")
#: Places that must never become the console's, and those that are nobody's.
NEVER = ("/api", "/api/", "/api/v1/nothing", "/whep", "/whep/", "/events/", "/metrics", "/healthz/", "/readyz/")
NOWHERE = ("/nothing", "/now/", "/now/x", "/incidents/a/b", "/index.html", "/assets", "/assets/", "/assets/none.js")


@pytest.fixture
def db_kind() -> str:
    """What is tried here is HTTP's; the databases have their own tests."""
    return "sqlite"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A build of our own, with things beside it that are no part of it."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX, "utf-8")
    (folder / "favicon.svg").write_text("<svg/>", "utf-8")
    (folder / "assets" / "main-a1B2_c3d.js").write_text(SCRIPT, "utf-8")
    (folder / "assets" / "main-a1B2_c3d.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (folder / "assets" / "main-a1B2_c3d.js.br").write_bytes(b"as brotli")
    (folder / "assets" / "plain.css").write_text("a{}", "utf-8")
    (folder / "assets" / "unknown-a1B2_c3d.exe").write_text("", "utf-8")
    (folder / ".env").write_text("hidden", "utf-8")
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    (folder / "assets" / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "away").symlink_to(tmp_path)
    return folder


@asynccontextmanager
async def serving(db: Database, folder: Path, console: ConsoleFiles | None) -> AsyncIterator[Client]:  # noqa: F811
    stills = DecodePool("health.work:work", 1, SystemClock())
    core = core_of(storage_of(db, folder / "data"), stills, Passwords(CHEAP))

    async def exposition() -> tuple[str, bytes]:
        return "text/plain", b""

    listener = Listener(build(dict, exposition, None, core, console), Listening("127.0.0.1:0"))
    await listener.start()
    try:
        yield Client(listener.url)
    finally:
        await listener.close()
        await stills.close()


@pytest.fixture
async def client(db: Database, built: Path, tmp_path: Path) -> AsyncIterator[Client]:  # noqa: F811
    async with serving(db, tmp_path, load(built)) as found:
        yield found


def policy(answered: Answered) -> dict[str, list[str]]:
    parts = (part.split() for part in answered.headers["content-security-policy"].split(";"))
    return {name: values for name, *values in parts}


async def test_every_page_is_the_same_document(client: Client) -> None:
    paths = ("/", *NAMES, "/password", "/setup", "/incidents/0190-1", "/cameras/0190-1?tab=timeline&from=1")
    assert len(paths) == len(PAGES)
    for path in paths:
        answered = await client.get(path)
        assert (answered.status, answered.body.decode()) == (200, INDEX), path
        assert answered.headers["content-type"] == "text/html; charset=utf-8"
        assert answered.headers["cache-control"] == REVALIDATED
        assert answered.headers["content-security-policy"] == POLICY
        assert "set-cookie" not in answered.headers


def test_the_pages_are_the_consoles_own() -> None:
    source = (ROOT / "console" / "src" / "router.ts").read_text("utf-8")
    paths = re.findall(r"""\bpath: ["'](/[^"']*)["']""", source)
    assert {re.sub(r":(\w+)$", r"{\1}", path) for path in paths if "*" not in path} == set(PAGES)


async def test_a_page_may_load_only_from_us_and_run_only_files(client: Client) -> None:
    answered = await client.get("/login")
    rules = policy(answered)
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == rules["worker-src"] == ["'self'"]
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["font-src"] == rules["form-action"] == ["'none'"]
    sources = {value for values in rules.values() for value in values}
    assert sources == {"'none'", "'self'", "blob:", "data:"}
    assert {name for name, values in rules.items() if {"blob:", "data:"} & {*values}} == {"img-src"}
    assert answered.headers["x-content-type-options"] == "nosniff"
    assert answered.headers["referrer-policy"] == "no-referrer"
    assert answered.headers["cross-origin-opener-policy"] == "same-origin"
    assert answered.headers["cross-origin-resource-policy"] == "same-origin"
    assert answered.headers["x-frame-options"] == "DENY"
    for feature in ("camera", "microphone", "geolocation", "display-capture", "picture-in-picture"):
        assert f"{feature}=()" in answered.headers["permissions-policy"]
    assert "fullscreen=(self)" in answered.headers["permissions-policy"]


async def test_a_hashed_name_is_kept_for_ever_and_others_are_asked_after(client: Client) -> None:
    script = await client.get("/assets/main-a1B2_c3d.js")
    assert (script.status, script.body.decode()) == (200, SCRIPT)
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == IMMUTABLE
    for path in ("/assets/plain.css", "/favicon.svg", "/"):
        assert (await client.get(path)).headers["cache-control"] == REVALIDATED


async def test_the_best_coding_that_is_taken(client: Client) -> None:
    path = "/assets/main-a1B2_c3d.js"
    tags = set()
    for accepted, coding, body in (
        ("gzip, deflate, br", "br", b"as brotli"),
        ("gzip, br;q=0", "gzip", None),
        ("br; q=0.0, gzip;q=0.5", "gzip", None),
        ("identity", None, SCRIPT.encode()),
        ("", None, SCRIPT.encode()),
        ("zstd," * 1000, None, SCRIPT.encode()),
    ):
        answered = await client.get(path, accept_encoding=accepted)
        assert answered.headers.get("content-encoding") == coding, accepted
        assert answered.headers["vary"] == "Accept-Encoding"
        if body is None:
            assert gzip.decompress(answered.body) == SCRIPT.encode()
        else:
            assert answered.body == body
        assert int(answered.headers["content-length"]) == len(answered.body)
        tags.add(answered.headers["etag"])
    assert len(tags) == 3


async def test_what_is_known_is_not_sent_again(client: Client) -> None:
    tag = (await client.get("/now")).headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}'):
        again = await client.get("/now", if_none_match=given)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["content-security-policy"] == POLICY
    assert (await client.get("/now", if_none_match='"other"')).status == 200


async def test_head_is_a_get_without_its_body_and_nothing_else_is_taken(client: Client) -> None:
    for path in ("/now", "/assets/main-a1B2_c3d.js"):
        got, headed = await client.get(path), await client.send("HEAD", path)
        assert (headed.status, headed.body) == (200, b"")
        assert headed.headers["content-length"] == got.headers["content-length"]
        for method in ("POST", "PUT", "DELETE"):
            refused = await client.send(method, path)
            assert refused.code == "method"


async def test_what_is_not_the_consoles_stays_a_problem(client: Client) -> None:
    for path in (*NEVER, *NOWHERE):
        answered = await client.get(path, accept="text/html")
        assert answered.code in ("not_found", "login_required", "token_invalid"), path
        assert INDEX.encode() not in answered.body
        assert policy(answered).keys() == {"default-src", "frame-ancestors", "base-uri", "form-action"}


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../secret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/..%5c..%5csecret.txt",
        "/assets//main-a1B2_c3d.js",
        "/assets/./main-a1B2_c3d.js",
        "/assets/%00main-a1B2_c3d.js",
        "/assets/out.txt",
        "/assets/unknown-a1B2_c3d.exe",
        "/assets/main-a1B2_c3d.js.gz",
        "/away/secret.txt",
        "/.env",
        "//secret.txt",
        "/etc/passwd",
    ],
)
async def test_no_path_leads_out_of_the_table(client: Client, path: str) -> None:
    answered = await client.get(path)
    assert answered.status in (400, 404)
    assert b"secret" not in answered.body.replace(b"secret.txt", b"")
    assert b"hidden" not in answered.body


async def test_only_to_our_name(client: Client) -> None:
    """A page elsewhere that points its own name at our address gets no page of ours."""
    host = client.url.removeprefix("http://")
    for named in ("evil.example", f"evil.example:{host.split(':')[1]}", ""):
        answered = await exchange(
            client.url, f"GET /now HTTP/1.1\r\nHost: {named}\r\nConnection: close\r\n\r\n".encode()
        )
        assert answered.code == "host"
    assert (await client.get("/now?" + "x" * 20_000)).status == 400


async def test_without_a_build_every_page_says_how_to_make_one(
    db: Database,  # noqa: F811
    tmp_path: Path,
) -> None:
    async with serving(db, tmp_path, None) as client:
        for path in ("/", "/cameras/1"):
            answered = await client.get(path)
            assert answered.status == 503
            assert answered.headers["content-type"] == "text/html; charset=utf-8"
            assert answered.headers["cache-control"] == "no-store"
            assert policy(answered)["default-src"] == ["'none'"]
            text = answered.body.decode()
            assert text.count("make console") == 2
            assert "控制台尚未构建" in text
            assert "The console has not been built" in text
        assert (await client.get("/assets/main-a1B2_c3d.js")).code == "not_found"
        assert (await client.get("/healthz")).status == 200


def test_half_a_build_is_none(built: Path, tmp_path: Path) -> None:
    assert load(tmp_path / "nowhere") is None
    (built / "assets" / "main-a1B2_c3d.js").unlink()
    assert load(built) is None


def test_a_folder_that_cannot_be_a_console(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_files, "MAX_FILES", 3)
    with pytest.raises(XueliangError, match="more than 3 files") as caught:
        load(built)
    assert caught.value.kind is Kind.INVALID


def test_the_table_holds_files_by_their_own_names(built: Path) -> None:
    console = load(built)
    assert console is not None
    assert sorted(console.files) == ["assets/main-a1B2_c3d.js", "assets/plain.css", "favicon.svg", "index.html"]
    assert Form.of(b"a") != Form.of(b"b")
    assert BuiltFile("a.js", "", "", {"": Form.of(b"a")}).coding("br, gzip") == ""
