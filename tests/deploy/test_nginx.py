"""The service behind nginx, with TLS, by the example that is handed out: login, events, live pictures, the console.

One service, one fleet and one nginx for all of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.fleet import Fleet
from config.load import load
from tests.support.api_rig import Answered, Client
from tests.support.certificate import certificate
from tests.support.chromium import chromium
from tests.support.event_reader import Events, events
from tests.support.nginx_server import NAME, free_tcp_port, nginx, program, site
from tests.support.relay_rig import peer
from tests.support.served import Served, command, configuration, small_fleet
from tests.support.tree import ROOT

API = "/api/v1"
SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
#: The tests of the one house share its loop.
served = pytest.mark.asyncio(loop_scope="module")
FIRST, PASSWORD = "a first password", "another password of theirs"


@dataclass
class House:
    """``url`` is what people type; ``plain`` is nginx' port without TLS. ``li`` is an operator, logged in."""

    fleet: Fleet
    service: Served
    url: str
    plain: int
    tls: ssl.SSLContext
    li: Client
    camera: str

    def client(self, **more: object) -> Client:
        return Client(self.url, tls=self.tls, **more)  # type: ignore[arg-type]


async def operator(service: Served, folder: Path, client: Client) -> None:
    """Made on the machine, logged in over TLS, with the first password changed there."""
    secret = folder / "first"
    secret.write_text(FIRST)
    secret.chmod(0o600)
    words = ("user", "add", "li", "--role", "operator", "--password-file", str(secret))
    code, _, err = await command(*words, "--config", str(service.config))
    assert code == 0, err
    assert (await client.log_in("li", FIRST)).status == 201
    body = json.dumps({"current": FIRST, "new": PASSWORD}).encode()
    changed = await client.send("PUT", f"{API}/session/password", None, body)
    assert changed.status == 204, changed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    program()
    folder, fleet = tmp_path_factory.mktemp("house"), small_fleet(clips)
    secure, plain = free_tcp_port(), free_tcp_port()
    file, _ = certificate(folder, NAME)
    await fleet.start()
    try:
        url = f"https://{NAME}:{secure}"
        more = {
            "service": {"public_url": url, "trusted_proxies": ["127.0.0.1/32"]},
            "streaming": {"ice_port_range": "0", "addresses": ["127.0.0.1"]},
        }
        config = configuration(fleet, folder / "etc", folder / "data", more)
        async with Served(config) as service:
            text = site(secure, plain, int(service.url.rpartition(":")[2]), file)
            async with nginx(folder, text, os.geteuid() == 0):
                tls = ssl.create_default_context(cafile=str(file))
                li = Client(url, tls=tls)
                await operator(service, folder, li)
                await service.until(lambda: any(told[1:4:2] == ("state", "ok") for told in service.told))
                camera = next(told[0] for told in service.told if told[1] == "state" and told[3] == "ok")
                yield House(fleet, service, url, plain, tls, li, camera)
    finally:
        await fleet.stop()


@served
async def test_a_login_leaves_a_cookie_of_this_host_alone(house: House) -> None:
    answered = await house.client().log_in("li", PASSWORD)
    cookie = answered.headers["set-cookie"]
    assert answered.status == 201
    assert re.fullmatch(r"__Host-xueliang=[\w-]{43}; Path=/; Max-Age=\d+; HttpOnly; SameSite=Strict; Secure", cookie)
    assert answered.headers["strict-transport-security"] == "max-age=31536000"
    assert "content-security-policy" in answered.headers
    assert (await house.li.get(f"{API}/session")).json["name"] == "li"


@served
async def test_what_a_client_says_of_its_address_is_not_believed(house: House) -> None:
    lying = {"x_forwarded_for": "203.0.113.7", "forwarded": "for=203.0.113.7", "x_forwarded_proto": "http"}
    wrong = house.client()
    answered = await wrong.send(
        "POST", f"{API}/session", {"name": "li", "password": "not this"}, None, **lying, x_real_ip="203.0.113.7"
    )
    assert answered.code == "login_failed"
    code, out, err = await command("token", "add", "auditor", *_token("auditor"), "--config", str(house.service.config))
    assert code == 0, err
    auditor = house.client(token=out.strip(), browser=False)
    rows = (await auditor.get(f"{API}/audit")).json["items"]
    refused = [row["details"]["address"] for row in rows if "address" in row["details"]]
    assert set(refused) == {"127.0.0.1"}


def _token(role: str) -> tuple[str, ...]:
    expires = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="minutes")
    return "--purpose", "duty", "--expires", expires, "--role", role


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": None}, 403),
        ({"origin": "null"}, 403),
        ({"content_type": "text/plain"}, 415),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({}, 404),
    ],
)
@served
async def test_other_sites_have_no_business_here(house: House, headers: dict[str, str | None], status: int) -> None:
    answered = await house.li.post(f"{API}/cameras/nobody/views", {"kind": "live", "purpose": "duty"}, **headers)
    assert answered.status == status, answered


@served
async def test_other_names_are_not_ours(house: House) -> None:
    assert (await house.li.get(f"{API}/session", host="evil.example")).status == 421
    stranger = Client(house.url.replace(NAME, "evil.example"), tls=house.tls)
    with pytest.raises(ssl.SSLError):
        await stranger.get("/")
    # Not through nginx: the service itself knows one name, whoever asks.
    assert (await Client(house.service.url).get(f"{API}/session")).code == "host"
    moved = await Client(f"http://127.0.0.1:{house.plain}").get("/cameras?q=1", host="evil.example")
    assert (moved.status, moved.headers["location"]) == (301, f"{house.url}/cameras?q=1")


@served
async def test_limits_are_those_of_the_service(house: House) -> None:
    long = await house.li.get(f"{API}/session", x_long="x" * 5000)
    assert long.status in (400, 431)
    body = b'{"name": "' + b"x" * 300_000 + b'"}'
    assert (await house.li.send("POST", f"{API}/session", None, body)).status == 413
    offer = await house.client(browser=False).send("POST", "/whep/c", None, b"v" * 70_000, content_type=SDP)
    assert offer.status == 413
    assert (await house.li.get("/metrics")).status == 404
    ready = await house.client().get("/readyz")
    assert (ready.status, ready.json["ready"]) == (200, True)


async def _until(stream: Events, camera: str, state: str) -> None:
    """Until the stream tells that this camera is in this state."""
    while True:
        event, _, told = await stream.next()
        if event == "change" and told["object_id"] == camera and told["change"].get("state") == state:
            return


@served
async def test_events_come_at_once(house: House) -> None:
    channel = next(one for one in house.fleet.cameras if one.recorder is not None)
    loop = asyncio.get_running_loop()
    async with events(house.li) as stream:
        head = await stream.head()
        assert " 200 " in head.splitlines()[0]
        assert "text/event-stream" in head
        began = loop.time()
        assert (await stream.next())[0] == "tick"
        assert loop.time() - began < 2  # kept back in a buffer it would come with many others, or never
        await house.fleet.set_fault(channel.id, Fault.BLACK, True)
        try:
            await house.service.until(lambda: any(one[1:5:2] == ("state", "fault") for one in house.service.told))
            camera = next(one[0] for one in house.service.told if one[1:5:2] == ("state", "fault"))
            written = loop.time()
            await asyncio.wait_for(_until(stream, camera, "fault"), 10)
            assert loop.time() - written < 2
        finally:
            await house.fleet.set_fault(channel.id, Fault.BLACK, False)


async def whep(house: House, method: str, place: str, ticket: str, body: str, kind: str) -> Answered:
    client = house.client(browser=False)
    return await client.send(method, place, None, body.encode(), authorization=f"Bearer {ticket}", content_type=kind)


@served
async def test_a_live_picture_is_agreed_on_through_the_proxy_and_comes_past_it(house: House) -> None:
    asked = await house.li.post(f"{API}/cameras/{house.camera}/views", {"kind": "live", "purpose": "duty"})
    assert asked.status == 201, asked
    ticket = str(asked.json["ticket"])
    async with peer() as viewer:
        opened = await whep(house, "POST", f"/whep/{house.camera}", ticket, await viewer.offer(), SDP)
        assert opened.status == 201, opened
        answer = opened.body.decode()
        await viewer.answer(answer)
        first, second = await viewer.frame(), await viewer.frame()
        assert second.pts > first.pts
        # Straight from the service, over UDP: no port of nginx is in it.
        places = {(m[1], m[2]) for m in re.finditer(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)}
        assert {address for address, _ in places} == {"127.0.0.1"}
        assert not {port for _, port in places} & {str(urlsplit(house.url).port), str(house.plain)}
        session = opened.headers["location"]
        assert urlsplit(session).netloc == ""
        patched = await whep(house, "PATCH", session, ticket, "a=end-of-candidates\r\n", FRAGMENT)
        assert patched.status == 204, patched
        assert (await whep(house, "DELETE", session, ticket, "", SDP)).status == 200
    # The cookie alone opens nothing there.
    assert (await house.li.send("POST", f"/whep/{house.camera}", None, b"v=0\r\n", content_type=SDP)).status == 401


@served
async def test_the_console_works_in_a_browser(house: House) -> None:
    """Over HTTP/2 and TLS, with nothing but what the service itself hands out."""
    async with chromium() as driver:
        rules = {"ignore_https_errors": True, "locale": "en-GB"}
        context = await driver.new_context(**rules)
        page = await context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        # The name is nobody's; the browser is told where it is.
        port = urlsplit(house.url).port
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        try:
            await page.goto(f"{house.url}/", wait_until="load")
            await page.locator("input[type=password]").wait_for(timeout=15_000)
            await page.locator("input:not([type=password])").first.fill("li")
            await page.locator("input[type=password]").fill(PASSWORD)
            await page.keyboard.press("Enter")
            await page.locator("nav").first.wait_for(timeout=15_000)
            assert await page.evaluate("isSecureContext && document.cookie") == ""
            names = [cookie["name"] for cookie in await context.cookies()]
            assert names == ["__Host-xueliang"]
            over = await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
            assert over == "h2"
        finally:
            await context.close()
    assert complaints == []
    assert {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))} == {f"{NAME}:{port}"}


def test_the_example_of_settings_fits_the_example_of_nginx() -> None:
    settings = load(ROOT / "deploy" / "xueliang.toml", {})
    text = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    assert settings.service.public_url == f"https://{NAME}"
    assert f"server {settings.service.listen};" in text
    assert [str(network) for network in settings.service.trusted_proxies] == ["127.0.0.1/32"]
    quoted = dict(re.findall(r"^#     (\w+) = (.+)$", text, re.MULTILINE))
    assert json.loads(quoted["listen"]) == settings.service.listen
    assert json.loads(quoted["public_url"]) == settings.service.public_url
    assert json.loads(quoted["trusted_proxies"]) == ["127.0.0.1/32"]
