"""kill -9 of the service at random moments of a sweep: the database is sound, nothing acknowledged is lost, no camera
is locked, and the next start goes on from there. With ``--soak`` fifty rounds."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.fleet import Fleet
from center import control
from config.errors import XueliangError
from tests.support.served import Served, Told, command, configuration, small_fleet

#: Faults that keep changes coming; a wrong password is not among them.
FAULTS = (Fault.BLACK, Fault.WHITE, Fault.REFUSED, Fault.SIGNAL_LOST, Fault.FROZEN)

#: What a service says in some seconds.
LINES = 300


@dataclass
class Acknowledged:
    """What the service told anybody before it was killed."""

    changes: list[Told] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    proved: set[str] = field(default_factory=set)  # hosts whose account was proved at some look


@pytest.fixture
async def fleet(clips: Path) -> AsyncIterator[Fleet]:
    found = small_fleet(clips)
    await found.start()
    yield found
    await found.stop()


async def import_points(data: Path, turn: int, acknowledged: Acknowledged) -> None:
    """One point after the other, until the service is no more; each answer is an acknowledgement."""
    number = 0
    while True:
        number += 1
        code = f"P-{turn}-{number}"
        row = f"点位名称,点位编号,行政区划\n路口{turn}-{number},{code},城关镇\n".encode()
        try:
            answer = await control.ask(
                data / "control.sock", "import", {"data": base64.b64encode(row).decode()}, deadline=30
            )
        except XueliangError:
            return
        assert answer["counts"]["add"] == 1
        acknowledged.points.append(code)


async def live_and_die(config: Path, data: Path, turn: int, lines: int, acknowledged: Acknowledged) -> None:
    """Serve until so many lines were said, then the blow."""
    async with Served(config) as service:
        writer = asyncio.create_task(import_points(data, turn, acknowledged))
        try:
            begun = len(service.lines)
            await service.until(lambda: len(service.lines) >= begun + lines)
        finally:
            service.process.kill()
            await service.ended()
            await writer
        # What it said between our look and its death counts too.
        acknowledged.changes += service.told


def in_order(told: Iterable[Told], kept: list[Told]) -> list[Told]:
    """What was told and is not kept in that order; empty if all of it is."""
    rest = iter(kept)
    return [one for one in told if not any(one == other for other in rest)]


def check_database(file: Path, acknowledged: Acknowledged) -> None:
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        positions = [position for (position,) in db.execute("SELECT position FROM changes ORDER BY position")]
        assert positions == list(range(1, len(positions) + 1)), "the feed has a gap"
        assert db.execute("SELECT position FROM change_counter").fetchone() == (len(positions),)
        check_incidents(db)
        codes = {code for (code,) in db.execute("SELECT code FROM points")}
        assert set(acknowledged.points) <= codes
        kept: dict[str, list[Told]] = {}
        for row in db.execute("SELECT camera_id, aspect, old, new, cause FROM state_changes ORDER BY seq"):
            kept.setdefault(row[0], []).append(row)
        for camera_id in {told[0] for told in acknowledged.changes}:
            mine = [told for told in acknowledged.changes if told[0] == camera_id]
            assert in_order(mine, kept.get(camera_id, [])) == []
        check_accounts(db, acknowledged)


#: A camera's state and its incident are one transaction: no blow falls between them.
APART = """SELECT s.camera_id, s.link, s.picture FROM camera_states s WHERE
    (s.link = 'down' AND s.state <> 'maintenance' AND NOT EXISTS
        (SELECT 1 FROM incidents i WHERE i.camera_id = s.camera_id AND i.kind = 'offline' AND i.state = 'open'))
    OR (s.link = 'up' AND EXISTS
        (SELECT 1 FROM incidents i WHERE i.camera_id = s.camera_id AND i.kind = 'offline' AND i.state = 'open'))
    OR (s.picture = 'bad' AND s.link <> 'down' AND s.state <> 'maintenance' AND NOT EXISTS
        (SELECT 1 FROM incidents i WHERE i.camera_id = s.camera_id AND i.kind = 'fault' AND i.state = 'open'))
    OR (s.picture = 'good' AND EXISTS
        (SELECT 1 FROM incidents i WHERE i.camera_id = s.camera_id AND i.kind = 'fault' AND i.state = 'open'))"""
STORIES = """SELECT i.id FROM incidents i WHERE
    (SELECT count(*) FROM incident_entries e WHERE e.incident_id = i.id) <>
    (SELECT count(*) FROM audit a WHERE a.object_kind = 'incident' AND a.object_id = i.id)
    OR (SELECT count(*) FROM incident_entries e WHERE e.incident_id = i.id) <>
    (SELECT count(*) FROM changes c WHERE c.kind = 'incident' AND c.object_id = i.id)"""


def check_incidents(db: sqlite3.Connection) -> None:
    assert db.execute(APART).fetchall() == []
    assert db.execute(STORIES).fetchall() == [], "what happened to it, the feed and the audit are one"


def check_accounts(db: sqlite3.Connection, acknowledged: Acknowledged) -> None:
    """None refused, and none that was proved once is in doubt again. A first try may have been cut off by the blow."""
    accounts = dict(db.execute("SELECT host, state FROM device_accounts"))
    assert "refused" not in accounts.values()
    assert {host for host, state in accounts.items() if state == "proved"} >= acknowledged.proved
    acknowledged.proved |= {host for host, state in accounts.items() if state == "proved"}


async def shake(fleet: Fleet, dice: Random) -> None:
    """Two other cameras have another fault from now on."""
    for camera in fleet.cameras:
        for fault in FAULTS:
            await fleet.set_fault(camera.id, fault, False)
    for camera in dice.sample(fleet.cameras, 2):
        await fleet.set_fault(camera.id, dice.choice(FAULTS), True)


@pytest.mark.soak
async def test_nothing_acknowledged_is_lost(fleet: Fleet, tmp_path: Path, seed: int, soak: bool) -> None:
    dice, data, acknowledged = Random(seed), tmp_path / "data", Acknowledged()
    # At this level every request to a camera is a line: the blow falls between any two of them.
    config = configuration(fleet, tmp_path / "config", data, {"logging": {"level": "debug"}})
    rounds = 50 if soak else 3
    for turn in range(rounds):
        await shake(fleet, dice)
        await live_and_die(config, data, turn, dice.randrange(1, LINES), acknowledged)
        check_database(data / "xueliang.sqlite", acknowledged)
        code, out, err = await command("audit", "verify", "--config", str(config), "--json")
        assert code == 0, err
        assert json.loads(out)["sound"]
        assert wrong_logins(fleet) == 0
    assert acknowledged.points
    assert acknowledged.changes
    await recovers(fleet, config, data)
    check_database(data / "xueliang.sqlite", acknowledged)
    print(f"{rounds} rounds: {len(acknowledged.points)} imports, {len(acknowledged.changes)} changes acknowledged")


def wrong_logins(fleet: Fleet) -> int:
    return fleet.rtsp.refused.total() + sum(fleet.onvif.auth.refused.values())


async def recovers(fleet: Fleet, config: Path, data: Path) -> None:
    """Every camera is well once its fault is gone, and the service ends in order."""
    for camera in fleet.cameras:
        for fault in FAULTS:
            await fleet.set_fault(camera.id, fault, False)
    async with Served(config) as service:
        async with asyncio.timeout(90):
            while True:
                answer = await control.ask(data / "control.sock", "status", {})
                states = [camera["state"] for camera in answer["cameras"]]
                if states == ["ok"] * len(fleet.cameras):
                    break
                heard = len(service.lines)
                await service.until(lambda: len(service.lines) > heard)  # noqa: B023 - awaited at once
        service.process.terminate()
        assert await service.ended() == 0
    assert wrong_logins(fleet) == 0
    with closing(sqlite3.connect(data / "xueliang.sqlite")) as db:
        assert {state for (state,) in db.execute("SELECT state FROM device_accounts")} == {"proved"}
