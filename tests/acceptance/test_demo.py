"""The demo as a person or a program starts it: one document, logins that hold, live pictures, and an orderly end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from camera_gateway.simulator.faults import Fault
from config.scope import ROLE_PERMISSIONS, Role
from tests.support.api_rig import Client, exchange
from tests.support.event_reader import events
from tests.support.relay_rig import peer
from tests.support.served import command
from tests.support.tree import ROOT

KEYS = {"url", "token", "users", "cameras", "simulator"}


@asynccontextmanager
async def demo(*more: str, seconds: float = 150.0) -> AsyncIterator[tuple[asyncio.subprocess.Process, Any]]:
    """``xueliang demo --json``, once it is ready, with its document; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "center", "demo", "--json", "--cameras", "6", *more),
        cwd=ROOT,
        env={**os.environ, "LANG": "C.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(seconds):
            line = await process.stdout.readline()
        assert line, await process.communicate()
        yield process, json.loads(line)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: asyncio.subprocess.Process) -> int | None:
    """Its exit code; it said nothing more on standard output, and nothing at all beside it."""
    out, err = await asyncio.wait_for(process.communicate(), 40)
    assert (out, err) == (b"", b"")
    return process.returncode


def holds(document: Any, cameras: int) -> dict[str, str]:
    """The document is exactly what was promised; the passwords by role."""
    assert document.keys() == KEYS
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", document["url"])
    assert re.fullmatch(r"xlt_\S{43}", document["token"])
    assert document["cameras"] == cameras
    assert document["simulator"].keys() == {"url", "token"}
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", document["simulator"]["url"])
    assert all(user.keys() == {"name", "password", "role"} for user in document["users"])
    assert {user["role"] for user in document["users"]} == {role.value for role in Role} - {"platform"}
    return {user["role"]: user["password"] for user in document["users"]}


async def test_one_document_and_what_it_promises(tmp_path: Path) -> None:
    port = ("--port", "0", "--data", str(tmp_path / "data"))
    async with demo(*port) as (process, document):
        passwords = holds(document, 6)
        clients = await logged_in(document)
        await the_district_is_there(clients, Client(document["url"], token=document["token"], browser=False))
        await pictures_move(clients["operator"])
        await a_fault_is_told(document, clients["operator"])
        await the_console_is_served(document["url"])
        hosts = await addresses(document)
        kept_secret(process.pid, [document["token"], document["simulator"]["token"], *passwords.values()])
        process.send_signal(signal.SIGINT)
        assert await ended(process) == 0
    # With a folder of its own the logins stay, and the cameras are known by their addresses.
    async with demo(*port, "--duration", "1") as (process, again):
        assert holds(again, 6) == passwords
        assert again["token"] == document["token"]
        assert await addresses(again) == hosts
        assert await ended(process) == 0


async def addresses(document: Any) -> set[str]:
    """Of the virtual cameras, which the service knows again by them."""
    listed = await Client(document["url"], token=document["token"], browser=False).get("/api/v1/cameras?limit=100")
    known = {str(one["host"]) for one in listed.json["items"]}
    assert known
    return known


async def logged_in(document: Any) -> dict[str, Client]:
    """Every login opens exactly what its role opens, at once."""
    clients: dict[str, Client] = {}
    for user in document["users"]:
        client = clients[user["role"]] = Client(document["url"])
        answered = await client.log_in(user["name"], user["password"])
        assert answered.status == 201, user["role"]
        session = answered.json
        assert session["must_change"] is False
        assert {*session["permissions"]} == {p.value for p in ROLE_PERMISSIONS[Role(user["role"])]}
        assert session["roles"] == [user["role"]]
        assert session["service"]["demo"] is True
        assert (await Client(document["url"]).log_in(user["name"], user["password"] + "x")).status == 401
    return clients


async def the_district_is_there(clients: dict[str, Client], program: Client) -> None:
    areas = (await clients["operator"].get("/api/v1/areas?limit=500")).json["items"]
    names = {area["id"]: area["name"] for area in areas}
    assert len([area for area in areas if names.get(area["parent_id"] or "") == "岚川区 Lanchuan District"]) == 4
    units = (await clients["admin"].get("/api/v1/units")).json["items"]
    assert {unit["kind"] for unit in units} == {"management", "maintenance"}
    cameras = (await program.get("/api/v1/cameras")).json["items"]
    assert len({camera["name"] for camera in cameras}) == 6
    for camera in cameras:
        assert re.search("[\u4e00-\u9fff]", camera["name"])
        assert camera["area_id"] in names
        assert camera["unit_id"] in {unit["id"] for unit in units}
        found = await clients["operator"].get(f"/api/v1/cameras?q={camera['point_code']}")
        assert [one["id"] for one in found.json["items"]] == [camera["id"]]
    seen = {role: len((await clients[role].get("/api/v1/cameras")).json["items"]) for role in ("viewer", "technician")}
    assert 0 < seen["viewer"] < 6  # one town
    assert 0 < seen["technician"] < 6  # what their unit repairs
    waiting = (await clients["admin"].get("/api/v1/proposals?status=new")).json["items"]
    assert len(waiting) == 2


async def pictures_move(operator: Client) -> None:
    """A camera's sub-stream, over WebRTC, decoded."""
    camera = (await operator.get("/api/v1/cameras")).json["items"][0]["id"]
    ticket = (await operator.post(f"/api/v1/cameras/{camera}/views", {"kind": "live"})).json["ticket"]
    async with peer() as viewer:
        program = Client(operator.url, token=ticket, browser=False)
        offer = (await viewer.offer()).encode()
        answered = await program.send("POST", f"/whep/{camera}?stream=sub", None, offer, content_type="application/sdp")
        assert answered.status == 201, answered.body
        assert answered.headers["x-stream"] == "sub"
        await viewer.answer(answered.body.decode())
        first, second = await viewer.frame(), await viewer.frame()
        assert second.pts > first.pts


async def a_fault_is_told(document: Any, operator: Client) -> None:
    """What is switched on at the virtual camera becomes an incident here."""
    control = Client(document["simulator"]["url"], token=document["simulator"]["token"], browser=False)
    card = (await control.get("/cameras")).json["cameras"][-1]
    body = {"fault": Fault.REFUSED.value, "on": True}
    assert (await control.post(f"/cameras/{card['id']}/faults", body)).status == 200
    host = card["rtsp"].split("://")[1].split(":")[0]
    [camera] = (await operator.get(f"/api/v1/cameras?q={host}")).json["items"]
    async with asyncio.timeout(60), events(operator) as heard:
        await heard.head()
        while True:
            standing = (await operator.get("/api/v1/incidents")).json["items"]
            if any(incident["camera_id"] == camera["id"] for incident in standing):
                return
            await heard.next()


async def the_console_is_served(url: str) -> None:
    host = url.removeprefix("http://")
    answered = await exchange(url, f"GET /now HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    assert answered.status == 200
    assert b'<div id="app">' in answered.body


def kept_secret(pid: int, secrets: list[str]) -> None:
    """Neither the demo nor any process of its shows a secret to whoever lists processes."""
    looked = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.name != str(pid) and f"PPid:\t{pid}\n" not in (process / "status").read_text():
                continue
            shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:  # gone meanwhile
            continue
        looked += 1
        assert not any(secret.encode() in shown for secret in secrets)
    assert looked >= 2  # itself and the virtual network


async def test_a_port_that_is_taken_is_told_before_anything_is_drawn() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = await command("demo", "--port", str(port))
    assert (code, out) == (1, "")
    assert f"127.0.0.1:{port}: cannot listen: Address already in use" in err
    assert "--port" in err
    assert "drawing" not in err
    assert "Traceback" not in err
