"""What was found is proposed: once, with its conflicts, and what a rule or a person may make of it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from camera_gateway.access_unit import Codec
from camera_gateway.onvif.report import Channel, DeviceReport, Identity, Profile
from config.errors import Kind, XueliangError
from config.scope import Grant, Permission, Scope
from registry.adopt import hold_back, refuse
from registry.adoption_rule import AdoptionRule, decide
from registry.camera_list import position
from registry.database import Database
from registry.device import Device, DeviceKind
from registry.device_store import add_device
from registry.found_device import FoundDevice, from_report, pack, unpack
from registry.identity import fact
from registry.proposal import Proposal, ProposalStatus
from registry.proposal_store import get_proposal, list_proposals
from registry.propose import Outcome, propose, propose_all
from registry.reconcile import learn
from registry.stream import StreamRole
from tests.support.found_devices import CAMERA, adopt, channel, proposed, vault
from tests.support.registry_world import SYSTEM, add_world


async def test_refused_stays_refused_until_something_else_answers(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    await refuse(SYSTEM, db, await proposed(db, CAMERA), "belongs to the school")
    assert (await propose(SYSTEM, db, CAMERA)).outcome is Outcome.REFUSED
    other = dataclasses.replace(CAMERA, serial="SN-9", mac="", endpoint_uuid="")
    assert (await propose(SYSTEM, db, other)).outcome is Outcome.NEW


async def test_one_shared_fact_is_a_conflict_and_never_a_merge(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    await adopt(SYSTEM, db, vault(db), await proposed(db, CAMERA), area_id="a")
    for number, (field, kind) in enumerate(
        (("serial", "same_serial"), ("mac", "same_mac"), ("endpoint_uuid", "same_endpoint")), 1
    ):
        value = getattr(CAMERA, field).swapcase()
        twin = dataclasses.replace(FoundDevice(f"127.3.1.{number}", 80, "sweep"), **{field: value})
        answer = await propose(SYSTEM, db, twin, area_id="a")
        assert answer.outcome is Outcome.CONFLICT
        assert answer.proposal is not None
        assert answer.proposal.conflicts[0]["kind"] == kind
    moved = dataclasses.replace(CAMERA, host="127.3.1.9")
    answer = await propose(SYSTEM, db, moved, area_id="a")
    assert answer.proposal is not None
    assert answer.proposal.conflicts[0]["kind"] == "moved"
    with pytest.raises(XueliangError) as caught:
        await adopt(SYSTEM, db, vault(db), answer.proposal.id, area_id="a")
    assert caught.value.kind is Kind.CONFLICT
    await adopt(SYSTEM, db, vault(db), answer.proposal.id, area_id="a", settle_conflict=True)


async def test_twins_found_in_one_sweep_conflict_with_each_other(db: Database) -> None:
    twins = [FoundDevice(f"127.3.2.{n}", 80, "sweep", serial="CLONE") for n in (1, 2)]
    assert [answer.outcome for answer in await propose_all(SYSTEM, db, twins)] == [Outcome.NEW, Outcome.CONFLICT]
    again = [answer.outcome for answer in await propose_all(SYSTEM, db, twins)]
    assert again == [Outcome.CONFLICT, Outcome.SEEN_AGAIN]


async def test_one_device_found_in_two_ways_is_one_proposal(db: Database) -> None:
    ways = [dataclasses.replace(CAMERA, how=how) for how in ("sweep", "multicast")]
    first, second = await propose_all(SYSTEM, db, ways)
    assert first == second
    async with db.read() as connection:
        assert len((await list_proposals(SYSTEM, connection)).items) == 1
    at = await position(SYSTEM, db)
    for way in (*ways, *ways):
        assert (await propose(SYSTEM, db, way)).outcome is Outcome.SEEN_AGAIN
    assert await position(SYSTEM, db) == at


async def test_a_device_that_an_inventory_listed_is_known_at_whatever_port(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    async with db.write() as connection:
        await add_device(SYSTEM, connection, Device("x", "Gate", DeviceKind.CAMERA, CAMERA.host, 554, "a"))
    answer = await propose(SYSTEM, db, CAMERA)
    assert (answer.outcome, answer.device_id) == (Outcome.KNOWN, "x")
    await learn(SYSTEM, db, "x", dataclasses.replace(CAMERA, channels=(channel(1),)))
    # Now that it has an identity, another port of the same address is another device, as behind a router.
    other = dataclasses.replace(CAMERA, port=8081, serial="SN-5", mac="", endpoint_uuid="")
    assert (await propose(SYSTEM, db, other)).outcome is Outcome.NEW


async def test_a_conflict_outside_the_areas_is_told_without_naming_it(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    await add_world(db, "b", 2, cameras=1)
    twin = FoundDevice("127.1.7.7", 80, "sweep", serial="NVR-b")
    await propose(SYSTEM, db, twin, area_id="a")
    reader = Scope("reader", (Grant(frozenset({Permission.READ}), area_id="a"),))
    async with db.read() as connection:
        page_of_a = await list_proposals(reader, connection, status=ProposalStatus.CONFLICT)
    (conflict,) = page_of_a.items[0].conflicts
    assert (conflict["kind"], conflict["with_id"]) == ("same_serial", None)
    assert "NVR b" not in repr(page_of_a)


async def test_a_proposal_held_back_says_why_once(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    proposal_id = await proposed(db, CAMERA)
    for _ in range(2):
        async with db.read() as connection:
            before = await get_proposal(SYSTEM, connection, proposal_id)
        await hold_back(SYSTEM, db, [before], "the account is refused")
    async with db.read() as connection:
        held = await get_proposal(SYSTEM, connection, proposal_id)
    assert (held.status, held.reason, held.version) == (ProposalStatus.NEW, "the account is refused", before.version)
    assert (await propose(SYSTEM, db, CAMERA)).outcome is Outcome.SEEN_AGAIN
    done = await adopt(SYSTEM, db, vault(db), proposal_id, area_id="a")
    async with db.read() as connection:
        assert (await get_proposal(SYSTEM, connection, proposal_id)).reason is None
    assert done.device.host == CAMERA.host


def test_rules_adopt_only_what_is_new_inside_their_networks() -> None:
    rule = AdoptionRule((ip_network("127.3.0.0/24"),), "a", "a-unit")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    new = Proposal("p", "127.3.0.1", 80, ProposalStatus.NEW, "sweep", now, now)
    assert decide(new, (rule,)).rule is rule
    for other in (
        dataclasses.replace(new, host="127.4.0.1"),
        dataclasses.replace(new, host="camera.example"),
        dataclasses.replace(new, status=ProposalStatus.CONFLICT),
        dataclasses.replace(new, status=ProposalStatus.REFUSED),
    ):
        assert not decide(other, (rule,)).adopt
    assert not decide(new, ()).adopt


def test_a_report_becomes_a_found_device_and_survives_its_packing() -> None:
    profiles = (
        Profile("P1", "main", "V1", "media2", Codec.H265, "H265", 3840, 2160, 25.0, 4096, 100, "rtsp://h/1"),
        Profile("P2", "sub", "V1", "media2", Codec.H264, "H264", 640, 360, 0.0, 512, 50, "rtsp://h/2"),
    )
    report = DeviceReport(
        "127.0.0.1",
        "http://127.0.0.1/onvif",
        Identity("Maker", "DS-NVR", "1", "S"),
        mac="0a:00:00:00:00:01",
        video_sources=1,
        channels=(Channel(1, "V1", profiles),),
    )
    found = from_report(report, 80, "sweep", "urn:uuid:5")
    assert found.kind is DeviceKind.RECORDER
    main, sub = found.channels[0].streams
    assert (main.role, main.gop_seconds, main.codec) == (StreamRole.MAIN, 4.0, "h265")
    assert (sub.role, sub.gop_seconds, sub.fps) == (StreamRole.SUB, None, None)
    assert unpack(pack(found)) == found


@pytest.mark.parametrize("value", ["", "  ", "0", "00:00:00:00:00:00", "---", "0000-0000", None])
def test_empty_facts_say_nothing(value: str | None) -> None:
    assert fact(value) == ""
