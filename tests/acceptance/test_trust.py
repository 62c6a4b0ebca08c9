"""A running service on a virtual fleet: checks and references on demand, and no secret but in its own place."""

from __future__ import annotations

import asyncio
import base64
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from camera_gateway.simulator.fleet import Fleet
from tests.support.api_rig import Client
from tests.support.canaries import forms
from tests.support.event_reader import events
from tests.support.plates import plate_reads
from tests.support.process_memory import PROC, children
from tests.support.served import Served, command, configuration, small_fleet

API = "/api/v1"
METRICS = "canary-of-the-metrics"
ADMIN = "canary-of-the-first"
PERSON = "canary-of-the-person"
#: Typed into the wrong place, or for a device that is not there.
TYPED = "canary-typed-by-mistake"
CAMERA = "canary-of-a-camera"


class World:
    """What was seen and heard of the service, and the secrets that nobody may have seen."""

    def __init__(self, service: Served, data: Path, fleet: Fleet) -> None:
        self.service, self.data, self.fleet = service, data, fleet
        self.secrets = {METRICS, ADMIN, PERSON, TYPED, CAMERA, *(d.password for d in fleet.devices)}
        self.seen: dict[str, bytes] = {}
        self.admin = Client(service.url)
        self.person = Client(service.url)
        self.token = Client(service.url, browser=False)

    async def ask(self, client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answered = await client.send(method, path, body, **headers)
        head = "".join(f"{n}: {v}\n" for n, v in answered.headers.items() if n != "set-cookie")
        self.seen[f"{method} {path} {len(self.seen)}"] = head.encode() + answered.body
        return answered

    async def people(self) -> None:
        """The first administrator, an operator everywhere, and a platform's token."""
        file = self.data / "first-admin-password"
        name, first = file.read_text().split()
        self.secrets.add(first)
        assert (await self.admin.log_in(name, first)).status == 201
        assert not file.exists()
        change = {"current": first, "new": ADMIN}
        assert (await self.ask(self.admin, "PUT", f"{API}/session/password", change)).status == 204
        grants = [{"role": role} for role in ("operator", "admin", "auditor")]
        user = {"name": "li", "password": f"{PERSON}-first", "grants": grants}
        assert (await self.ask(self.admin, "POST", f"{API}/users", user)).status == 201
        await self.person.log_in("li", f"{PERSON}-first")
        change = {"current": f"{PERSON}-first", "new": PERSON}
        assert (await self.ask(self.person, "PUT", f"{API}/session/password", change)).status == 204
        until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
        asked = {"name": "centre", "purpose": "test", "expires": until, "grants": [{"role": "platform"}]}
        made = (await self.admin.post(f"{API}/tokens", asked)).json
        self.token.token = made["secret"]
        self.secrets |= {made["secret"], *(c.cookie.partition("=")[2] for c in (self.admin, self.person))}

    async def camera(self) -> str:
        """One that is well, once there is one."""
        async with asyncio.timeout(60):
            while True:
                found = (await self.person.get(f"{API}/cameras?state=ok")).json["items"]
                if found:
                    return str(found[0]["id"])

    async def mistakes(self) -> None:
        """Secrets where none belong, and one for a device; each answer is a problem or says nothing."""
        for name, password in ((TYPED, "x"), ("li", TYPED), (TYPED, TYPED)):
            answered = await self.ask(
                Client(self.service.url), "POST", f"{API}/session", {"name": name, "password": password}
            )
            assert answered.status == 401
        wrong = ({"name": "n", "password": [TYPED]}, {"name": "n", "password": TYPED, TYPED: TYPED}, TYPED)
        for body in wrong:
            assert (await self.ask(self.admin, "POST", f"{API}/users", body)).code == "invalid"
        broken = await self.admin.send("POST", f"{API}/users", None, b'{"password": "' + TYPED.encode())
        self.seen["broken"] = broken.body
        stranger = Client(self.service.url, token=f"xlt_{TYPED:a<43}"[:47], browser=False)
        assert (await self.ask(stranger, "GET", f"{API}/session")).code == "token_invalid"
        device = (await self.person.get(f"{API}/devices")).json["items"][-1]["id"]
        given = {"account": "other", "password": CAMERA}
        path = f"{API}/devices/{device}/credentials"
        assert (await self.ask(self.person, "PUT", path, given)).status in (200, 204)

    async def everything(self, camera: str) -> None:
        """Every GET there is, the feed, events, metrics, and what commands print."""
        described = (await self.ask(self.person, "GET", f"{API}/openapi.json")).json
        ids = {"camera_id": camera, "number": "0"}
        for kind in ("device", "area", "unit", "point", "incident", "user", "proposal"):
            items = (await self.person.get(f"{API}/{kind if kind != 'proposal' else 'proposal'}s")).json["items"]
            ids[f"{kind}_id"] = items[0]["id"] if items else "none"
        for path, item in described["paths"].items():
            if "get" in item and path != "/events":
                filled = re.sub(r"\{(\w+)\}", lambda m: ids.get(m[1], "none"), path)
                await self.ask(self.person, "GET", filled)
        await self.ask(self.token, "GET", f"{API}/status")
        async with events(self.person) as stream:
            head = await stream.head()
            self.seen["events"] = (head + str(await stream.next())).encode()
        metrics = await Client(self.service.url).get("/metrics", authorization=f"Bearer {METRICS}")
        assert metrics.status == 200
        self.seen["metrics"] = metrics.body
        code, out, err = await command("user", "list", "--json", "--config", str(self.service.config))
        assert code == 0, err
        self.seen["user list"] = (out + err).encode()

    def processes(self) -> None:
        """The service and its workers, as every user of the machine sees them."""
        own = self.service.process.pid
        workers = children(own)
        assert workers
        for pid in (own, *workers):
            for name in ("cmdline", "environ"):
                self.seen[f"{name} of {pid}"] = (PROC / str(pid) / name).read_bytes()
        assert all(b"XUELIANG" not in self.seen[f"environ of {pid}"] for pid in workers)

    def files(self) -> None:
        """All that lies in the data folder, but the key that opens the vault."""
        for path in self.data.rglob("*"):
            if path.is_file() and path.name != "master.key":
                self.seen[str(path.relative_to(self.data))] = path.read_bytes()

    async def backup(self, target: Path) -> None:
        """Made while it serves. Not even the key that opens the vault is in it."""
        self.secrets.add((self.data / "keys/master.key").read_text("ascii").split()[2])
        code, out, err = await command("backup", str(target), "--config", str(self.service.config))
        assert code == 0, err
        self.seen["backup"] = (out + err).encode()
        self.copied(target)
        assert {"backup/manifest.json", "backup/xueliang.sqlite"} < self.seen.keys()

    def copied(self, target: Path) -> None:
        for path in target.rglob("*"):
            if path.is_file():
                self.seen[f"backup/{path.relative_to(target)}"] = path.read_bytes()

    def found(self) -> list[tuple[str, str]]:
        """Which secret was seen where, in clear or in a coding that is none."""
        self.seen["log"] = "\n".join(self.service.lines).encode()
        return [
            (where, secret)
            for secret in sorted(self.secrets)
            for form in forms(secret)
            for where, data in self.seen.items()
            if form in data
        ]


async def test_on_demand_and_without_a_secret_to_be_seen(tmp_path: Path) -> None:
    fleet = small_fleet(tmp_path / "clips")
    await fleet.start()
    try:
        more = {"metrics": {"token_file": "metrics-token"}, "logging": {"level": "debug"}}
        data = tmp_path / "data"
        config = configuration(fleet, tmp_path / "etc", data, more)
        (tmp_path / "etc/metrics-token").write_text(METRICS)
        (tmp_path / "etc/metrics-token").chmod(0o600)
        async with Served(config) as service:
            world = World(service, data, fleet)
            await world.people()
            camera = await world.camera()
            await check_and_references(world, camera)
            await world.mistakes()
            await world.everything(camera)
            world.processes()
            world.files()
            await world.backup(tmp_path / "backup")
            assert len(world.seen) > 70
            service.process.send_signal(signal.SIGTERM)
            await service.ended()
            world.files()
            assert world.found() == []
            # The search itself sees what is there.
            world.seen["planted"] = base64.b64encode(ADMIN.encode())
            assert world.found() == [("planted", ADMIN)]
    finally:
        await fleet.stop()


async def check_and_references(world: World, camera: str) -> None:
    """By people, against the real engine: a check now, references seen, approved, and learned anew."""
    client, path = world.person, f"{API}/cameras/{camera}"
    checked = await world.ask(client, "POST", f"{path}/check", {})
    assert (checked.status, checked.json["done"]) == (200, True)
    assert checked.json["check"]["measures"]
    assert checked.json["status"]["planned_seconds"] == 2.0
    assert checked.json["status"]["next_check_at"]
    approved = await world.ask(client, "POST", f"{path}/references", {"act": "approve"})
    assert (approved.status, approved.json["done"]) == (200, True)
    states = [one["state"] for one in approved.json["references"]["items"]]
    assert "approved" in states
    shown = await world.ask(client, "GET", f"{path}/references/{states.index('approved')}/picture")
    assert plate_reads(shown.body, "li  ", shown.headers["x-view-id"])
    sample = await world.ask(client, "GET", f"{path}/sample")
    assert plate_reads(sample.body, "li  ", sample.headers["x-view-id"])
    replaced = await world.ask(client, "POST", f"{path}/references", {"act": "replace"})
    assert replaced.json["done"]
    assert "approved" not in [one["state"] for one in replaced.json["references"]["items"]]
    acts = [one["act"] for one in (await world.ask(client, "GET", f"{API}/audit?object={camera}")).json["items"]]
    assert {"reference.approve", "reference.replace", "view.shown"} <= set(acts)
