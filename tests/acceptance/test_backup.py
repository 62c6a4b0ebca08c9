"""A machine is lost: its backup, made while it served, goes on on another one, and no camera locks us out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.fleet import Fleet
from center import control
from tests.support.api_rig import Client
from tests.support.served import Served, command, configuration, small_fleet

API = "/api/v1"


async def seen(service: Served, data: Path, enough: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    """State of each of its cameras, once that is enough."""
    async with asyncio.timeout(60):
        while True:
            answer: dict[str, Any] = await control.ask(data / "control.sock", "status", {})
            found = {camera["camera_id"]: camera["state"] for camera in answer["cameras"]}
            if enough(found):
                return found
            heard = len(service.lines)
            await service.until(lambda: len(service.lines) > heard)  # noqa: B023 - awaited at once


async def incidents(client: Client) -> list[tuple[str, str]]:
    return [(one["id"], one["camera_id"]) for one in (await client.get(f"{API}/incidents?state=open")).json["items"]]


async def platform(data: Path, url: str) -> Client:
    expires = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    asked = {"name": "centre", "purpose": "test", "expires": expires, "grants": [{"role": "platform"}]}
    made = await control.ask(data / "control.sock", "token add", asked)
    return Client(url, token=str(made["secret"]), browser=False)


async def first_login(data: Path, url: str) -> Client:
    admin = Client(url)
    name, password = (data / "first-admin-password").read_text().split()
    assert (await admin.log_in(name, password)).status == 201
    assert (await admin.get(f"{API}/session")).status == 200
    return admin


def refused_logins(fleet: Fleet) -> int:
    return fleet.rtsp.refused.total() + sum(fleet.onvif.auth.refused.values())


async def test_another_machine_goes_on(tmp_path: Path, clips: Path) -> None:
    fleet = small_fleet(clips)
    await fleet.start()
    try:
        await fleet.set_fault(fleet.cameras[-1].id, Fault.BLACK, True)
        lost, new, target = tmp_path / "lost", tmp_path / "new", tmp_path / "backup"
        debug = {"logging": {"level": "debug"}}
        async with Served(configuration(fleet, tmp_path / "etc", lost, debug)) as service:
            before = await seen(service, lost, lambda found: {"ok", "fault"} <= set(found.values()))
            admin, centre = await first_login(lost, service.url), await platform(lost, service.url)
            open_then = await incidents(centre)
            after = (await centre.get(f"{API}/changes")).json["after"]
            code, out, err = await command("backup", str(target), "--config", str(service.config), "--json")
            assert (code, err) == (0, "")
            told = json.loads(out)
            service.process.kill()
        config = configuration(fleet, tmp_path / "etc2", new, debug)
        key = str(lost / "keys" / "master.key")
        code, out, err = await command("restore", str(target), "--key-file", key, "--config", str(config), "--json")
        assert code == 0, err
        assert json.loads(out)["audit"] == told["audit"]
        async with Served(config) as service:
            admin.url = centre.url = service.url
            assert (await admin.get(f"{API}/session")).status == 401
            assert (await centre.get(f"{API}/changes?after={after}")).code == "gone"
            anew = (await centre.get(f"{API}/changes")).json["after"]
            decided = {camera: state for camera, state in before.items() if state in ("ok", "fault")}
            # What nobody looked at for long is unknown until the next look: each is known again as it was.
            found = await seen(service, new, lambda found: decided.items() <= found.items())
            assert before.keys() <= found.keys()
            assert (await incidents(centre)) == open_then
            assert len(open_then) == 1
            assert (await centre.get(f"{API}/changes?after={anew}")).status == 200
            verified = await control.ask(new / "control.sock", "audit verify", {"anchor": told["anchor"]})
            assert (verified["sound"], verified["faults"]) == (True, [])
            service.process.terminate()
            assert await service.ended() == 0
        assert refused_logins(fleet) == 0
    finally:
        await fleet.stop()
