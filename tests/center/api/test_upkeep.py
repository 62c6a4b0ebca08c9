"""The service's own records: anchors that leave by themselves, views that nobody ended, rows after their time."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from alerts.opener import Opener, OpenerPolicy
from alerts.webhook import Webhook
from center.anchors import Anchors, places_of
from center.upkeep import Upkeep
from config.clock import ManualClock
from config.settings import Settings, clashes
from config.settings_alerts import Destination
from config.settings_audit import Audit
from registry import anchor_store, audit_store, view_register_store
from registry.audit_chain import anchor_text, parse_anchor, signed
from registry.camera_store import get_camera
from registry.database import Database
from registry.principal import Principal, PrincipalKind
from registry.principal_store import add_principal
from registry.view import Intent, ViewKind
from tests.support.api_world import add_district, camera_id
from tests.support.receiver import SECRET, receiving
from tests.support.registry_world import SYSTEM

pytestmark = pytest.mark.usefixtures("no_leaks")
HOUR = 3600.0


@pytest.fixture
def db_kind() -> str:
    """The stores themselves are tried over both databases in their own room."""
    return "sqlite"


def anchors(db: Database, clock: ManualClock, audit: Audit) -> Anchors:
    webhook = Webhook(Opener(OpenerPolicy(allow_loopback=True)), clock, 5.0)
    settings = Settings(audit=audit)
    return Anchors(db, places_of(settings, webhook), timedelta(minutes=audit.anchor_minutes))


async def grow(db: Database) -> None:
    async with db.write() as connection:
        await audit_store.append(SYSTEM, connection, "camera.change", "camera", "c")


async def test_anchors_leave_by_themselves_to_log_file_syslog_and_receiver(
    db: Database, clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    loop, heard = asyncio.get_running_loop(), asyncio.Queue[bytes]()

    class Collector(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.put_nowait(data)

    collector, _ = await loop.create_datagram_endpoint(Collector, local_addr=("127.0.0.1", 0))
    port = collector.get_extra_info("sockname")[1]
    async with receiving(clock.now) as receiver:
        to = Destination(name="other", url=f"http://127.0.0.1:{receiver.port}/", secret=SecretStr(SECRET))
        file = tmp_path / "anchors"
        audit = Audit(anchor_file=file, anchor_syslog=f"127.0.0.1:{port}", anchor_webhooks=[to])
        ours = anchors(db, clock, audit)
        await grow(db)
        await ours.run_once()
        await ours.run_once()  # not due
        (line,) = file.read_text().splitlines()
        kept = parse_anchor(line)
        assert signed(kept)
        assert kept.count == 1
        async with asyncio.timeout(5):
            datagram = await heard.get()
        assert datagram.startswith(b"<109>1 2026-01-01T")
        assert parse_anchor(datagram.decode().partition("\ufeff")[2]) == kept
        assert [got.content for got in receiver.got] == [
            {"type": "audit_anchor", "anchor": json.loads(anchor_text(kept))}
        ]
        assert anchor_text(kept) in caplog.text
        assert file.stat().st_mode & 0o777 == 0o600
        await clock.advance(HOUR)
        await ours.run_once()  # it did not grow
        assert len(receiver.got) == 1
        await grow(db)
        await ours.run_once()
        await clock.advance(24 * HOUR)
        await ours.run_once()  # silence would look like a broken way
        assert [parse_anchor(line).count for line in file.read_text().splitlines()] == [1, 2, 2]
    collector.close()
    async with db.read() as connection:
        sent = await anchor_store.sent(SYSTEM, connection)
        report = await audit_store.verify(SYSTEM, connection, kept)
    assert {name: one.rows for name, one in sent.items()} == dict.fromkeys(
        ("log", "file", "syslog", "webhook other"), 2
    )
    assert report.sound


async def test_a_place_in_trouble_is_told_and_asked_again(db: Database, clock: ManualClock, tmp_path: Path) -> None:
    file = tmp_path / "missing" / "anchors"
    async with receiving(clock.now) as receiver:
        receiver.plan[:] = ["500"]
        to = Destination(name="other", url=f"http://127.0.0.1:{receiver.port}/", secret=SecretStr(SECRET))
        ours = anchors(db, clock, Audit(anchor_file=file, anchor_webhooks=[to]))
        await ours.run_once()
        assert set(ours.trouble) == {"file", "webhook other"}
        assert "No such file" in ours.trouble["file"]
        file.parent.mkdir()
        await ours.run_once()
        assert ours.trouble == {}
        assert len(file.read_text().splitlines()) == 1
        assert len({got.key for got in receiver.got}) == 1  # the same anchor of the same moment


async def test_a_clock_that_steps_an_hour_stops_no_anchor(db: Database, clock: ManualClock, tmp_path: Path) -> None:
    ours = anchors(db, clock, Audit(anchor_file=tmp_path / "anchors"))
    for step in (0, -HOUR, HOUR, HOUR):
        clock.step(step)
        await grow(db)
        await ours.run_once()
    assert len((tmp_path / "anchors").read_text().splitlines()) == 4


def test_places_are_checked_before_the_start() -> None:
    to = Destination(name="x", url="http://10.0.0.1/", secret=SecretStr("s"))
    wrong = Settings(audit=Audit(anchor_syslog="10.0.0.5:99999", anchor_webhooks=[to, to]))
    assert [clash.key for clash in clashes(wrong)] == [
        "audit.anchor_webhooks.0.url",
        "audit.anchor_webhooks.1.name",
        "audit.anchor_webhooks.1.url",
        "audit.anchor_syslog",
    ]


async def test_rows_go_after_their_time_and_unused_tickets_end(
    db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    await add_district(db, tmp_path, "a", 1)
    upkeep = Upkeep(db, anchors(db, clock, Audit()), days=1095)
    async with db.write() as connection:
        person = await add_principal(SYSTEM, connection, Principal("p", "li", PrincipalKind.ACCOUNT))
        camera = await get_camera(SYSTEM, connection, camera_id("a", 1))
        await view_register_store.shown(SYSTEM, connection, camera, Intent(ViewKind.SAMPLE))
        await view_register_store.begin(SYSTEM, connection, person.id, [camera], Intent(ViewKind.LIVE))
    await clock.advance(60)
    await upkeep.run_once()
    assert await moments(db) == ["shown", "begin", "end"]
    await clock.advance(1094 * 24 * HOUR)
    await upkeep.run_once()
    assert await moments(db) == ["shown", "begin", "end"]
    await clock.advance(2 * 24 * HOUR)
    await upkeep.run_once()
    assert await moments(db) == []
    async with db.read() as connection:
        report = await audit_store.verify(SYSTEM, connection)
        acts = {row.act for row in await audit_store.page(SYSTEM, connection)}
    assert report.sound
    assert acts == {"view.forget", "audit.forget"}


async def moments(db: Database) -> list[str]:
    async with db.read() as connection:
        rows, _ = await view_register_store.page(SYSTEM, connection)
    return [row.moment.value for row in reversed(rows)]
