"""From found to watched: proposals, conflicts, adoption in one transaction, identity that changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from camera_gateway.access_unit import Codec
from camera_gateway.onvif.report import Channel, DeviceReport, Identity, Profile
from config.errors import Kind, XueliangError
from config.scope import Grant, Permission, Scope
from registry.adopt import GivenCredentials, accept_identity, adopt, adopt_all, hold_back, refuse
from registry.adoption_rule import AdoptionRule, decide
from registry.audit_store import page
from registry.camera_list import camera_list, credentials_of, position
from registry.camera_store import change_camera
from registry.change_feed_store import after
from registry.database import Database
from registry.device import Device, DeviceKind
from registry.device_store import add_device, change_device, get_device
from registry.found_device import FoundChannel, FoundDevice, FoundStream, from_report, pack, unpack
from registry.identity import fact
from registry.lifecycle import Lifecycle
from registry.proposal import Proposal, ProposalStatus
from registry.proposal_store import get_proposal, list_proposals
from registry.propose import Outcome, propose, propose_all
from registry.reconcile import learn, learn_all, observe
from registry.stream import StreamRole
from registry.tables import bindings, cameras, devices, placements, points, streams
from registry.vault import Vault
from tests.support.registry_world import SYSTEM, add_world

CAMERA = FoundDevice(
    "127.3.0.1",
    80,
    "sweep",
    onvif_xaddr="http://127.3.0.1/onvif/device_service",
    make="Maker",
    model="Dome 1",
    firmware="1.0",
    serial="SN-1",
    mac="0a:00:00:00:00:01",
    endpoint_uuid="urn:uuid:1",
)


def channel(number: int, host: str = "127.3.0.2") -> FoundChannel:
    main = FoundStream(StreamRole.MAIN, f"rtsp://{host}/{number}/main", "h264", 1920, 1080, 25.0, 2.0, f"P{number}")
    sub = FoundStream(StreamRole.SUB, f"rtsp://{host}/{number}/sub", "h264", 640, 360)
    return FoundChannel(f"VS{number}", number, f"Gate {number}", (main, sub))


RECORDER = FoundDevice(
    "127.3.0.2",
    8000,
    "multicast",
    DeviceKind.RECORDER,
    make="Maker",
    model="NVR 16",
    serial="SN-2",
    channels=tuple(channel(number) for number in range(1, 17)),
)


def vault(db: Database) -> Vault:
    assert db.keys is not None
    return Vault(db.keys)


async def counts(db: Database) -> list[int]:
    async with db.read() as connection:
        tables = (devices, cameras, points, bindings, streams, placements)
        return [
            (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one() for table in tables
        ]


async def proposed(db: Database, found: FoundDevice) -> str:
    answer = await propose(SYSTEM, db, found, area_id="a")
    assert answer.proposal is not None
    return answer.proposal.id


async def test_a_recorder_is_adopted_whole(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    before = await counts(db)
    given = GivenCredentials("admin", SecretStr("pw"))
    done = await adopt(SYSTEM, db, vault(db), await proposed(db, RECORDER), area_id="a", credentials=given)
    assert len(done.cameras) == 16
    assert [b - a for a, b in zip(before, await counts(db), strict=True)] == [1, 16, 16, 16, 32, 16]
    watched = [camera for camera in await camera_list(SYSTEM, db) if camera.device_id == done.device.id]
    assert [camera.channel for camera in watched] == list(range(1, 17))
    first = watched[0]
    assert first.main is not None
    assert (first.main.url, first.main.gop_seconds) == ("rtsp://127.3.0.2/1/main", 2.0)
    assert first.point_name == first.camera_name == "Maker NVR 16 127.3.0.2 Gate 1"
    assert first.access_path[0].kind == "recorder"
    credentials = await credentials_of(SYSTEM, db, vault(db), done.device.id)
    assert credentials is not None
    assert credentials.fingerprint == first.credential_ref
    async with db.read() as connection:
        (row,) = await page(SYSTEM, connection, act="proposal.adopt")
    assert '"cameras": 16' in row.details


async def test_channels_named_alike_become_one(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    twice = dataclasses.replace(
        RECORDER, channels=(channel(1), channel(2), dataclasses.replace(channel(3), token="VS1"))
    )
    done = await adopt(SYSTEM, db, vault(db), await proposed(db, twice), area_id="a")
    assert [camera.channel for camera in done.cameras] == [1, 2]
    assert await learn(SYSTEM, db, done.device.id, twice) == ()


async def test_a_failed_adoption_leaves_nothing(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    proposal_id = await proposed(db, RECORDER)
    before = await counts(db)
    wrong = GivenCredentials("admin", SecretStr("x" * 10_000))
    with pytest.raises(XueliangError):
        await adopt(SYSTEM, db, vault(db), proposal_id, area_id="a", credentials=wrong)
    assert await counts(db) == before
    async with db.read() as connection:
        assert (await get_proposal(SYSTEM, connection, proposal_id)).status is ProposalStatus.NEW


async def test_channels_that_need_a_password_come_afterwards(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    bare = dataclasses.replace(RECORDER, channels=(), kind=DeviceKind.CAMERA)
    done = await adopt(SYSTEM, db, vault(db), await proposed(db, bare), area_id="a")
    assert done.cameras == ()
    assert len(await learn(SYSTEM, db, done.device.id, RECORDER)) == 16
    at = await position(SYSTEM, db)
    assert await learn(SYSTEM, db, done.device.id, RECORDER) == ()
    assert await position(SYSTEM, db) == at
    more = dataclasses.replace(RECORDER, channels=(*RECORDER.channels, channel(17)))
    assert [camera.channel for camera in await learn(SYSTEM, db, done.device.id, more)] == [17]
    async with db.read() as connection:
        assert (await get_device(SYSTEM, connection, done.device.id)).kind is DeviceKind.RECORDER


async def test_a_proposal_is_settled_once(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    proposal_id = await proposed(db, CAMERA)
    for version, kind in ((9, Kind.CONFLICT), (None, None), (None, Kind.CONFLICT)):
        if kind is None:
            await adopt(SYSTEM, db, vault(db), proposal_id, area_id="a")
            continue
        with pytest.raises(XueliangError) as caught:
            await adopt(SYSTEM, db, vault(db), proposal_id, area_id="a", version=version)
        assert caught.value.kind is kind
    assert (await propose(SYSTEM, db, CAMERA)).outcome is Outcome.KNOWN


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


async def test_a_changed_identity_is_held_until_accepted(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    given = GivenCredentials("admin", SecretStr("pw"))
    done = await adopt(SYSTEM, db, vault(db), await proposed(db, CAMERA), area_id="a", credentials=given)
    impostor = dataclasses.replace(CAMERA, serial="SN-X", mac="0a:00:00:00:00:99", endpoint_uuid="urn:uuid:9")
    assert (await observe(SYSTEM, db, done.device.id, impostor)).held
    assert await credentials_of(SYSTEM, db, vault(db), done.device.id) is None
    assert await learn(SYSTEM, db, done.device.id, impostor) == ()
    async with db.read() as connection:
        (open_one,) = (await list_proposals(SYSTEM, connection, status=ProposalStatus.CONFLICT)).items
    with pytest.raises(XueliangError):
        await adopt(SYSTEM, db, vault(db), open_one.id, area_id="a", settle_conflict=True)
    device = await accept_identity(SYSTEM, db, open_one.id)
    assert (device.serial, device.identity_hold) == ("SN-X", False)
    assert await credentials_of(SYSTEM, db, vault(db), done.device.id) is not None
    assert (await observe(SYSTEM, db, done.device.id, impostor)) == (
        await observe(SYSTEM, db, done.device.id, impostor)
    )


async def test_a_new_firmware_is_written_down_and_empty_facts_are_filled(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    done = await adopt(SYSTEM, db, vault(db), await proposed(db, FoundDevice("127.3.0.1", 80, "import")), area_id="a")
    assert (await observe(SYSTEM, db, done.device.id, CAMERA)).changed == (
        "endpoint_uuid",
        "firmware",
        "mac",
        "make",
        "model",
        "onvif_xaddr",
        "serial",
    )
    newer = dataclasses.replace(CAMERA, firmware="1.1")
    assert (await observe(SYSTEM, db, done.device.id, newer)).changed == ("firmware",)
    at = await position(SYSTEM, db)
    assert (await observe(SYSTEM, db, done.device.id, newer)).changed == ()
    assert await position(SYSTEM, db) == at


async def test_adopting_needs_its_permission(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    await add_world(db, "b", 2, cameras=1)
    proposal_id = await proposed(db, CAMERA)
    reader = Scope("reader", (Grant(frozenset({Permission.READ, Permission.EDIT}), area_id="a"),))
    adopter = Scope("adopter", (Grant(frozenset({Permission.READ, Permission.ADOPT}), area_id="a"),))
    for scope, area, kind in ((reader, "a", Kind.FORBIDDEN), (adopter, "b", Kind.NOT_FOUND)):
        with pytest.raises(XueliangError) as caught:
            await adopt(scope, db, vault(db), proposal_id, area_id=area)
        assert caught.value.kind is kind
    await adopt(adopter, db, vault(db), proposal_id, area_id="a")
    async with db.read() as connection:
        (row,) = await page(SYSTEM, connection, act="device.add", principal="adopter")
    assert row.area_id == "a"


async def test_the_list_since_a_position_holds_what_changed(db: Database) -> None:
    await add_world(db, "a", 1, cameras=3)
    at = await position(SYSTEM, db)
    assert await camera_list(SYSTEM, db, at) == []
    async with db.write() as connection:
        await change_camera(SYSTEM, connection, "a-camera-0002", 1, lifecycle=Lifecycle.REMOVED)
    (left,) = await camera_list(SYSTEM, db, at)
    assert (left.camera_id, left.active) == ("a-camera-0002", False)
    assert [camera.camera_id for camera in await camera_list(SYSTEM, db)] == ["a-camera-0001", "a-camera-0003"]
    async with db.write() as connection:
        await change_device(SYSTEM, connection, "a-recorder", 1, host="127.1.0.9")
    assert {camera.host for camera in await camera_list(SYSTEM, db, at)} == {"127.1.0.9"}
    assert len(await camera_list(SYSTEM, db, 10_000)) == 2
    (one, _) = await camera_list(SYSTEM, db)
    assert [window.id for window in one.windows] == ["a-window"]
    assert one.mask == (((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)),)
    assert [step.kind for step in one.access_path] == ["recorder", "switch"]


async def test_steps_of_life_keep_to_the_table_and_versions_are_held(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    async with db.write() as connection:
        at = await position(SYSTEM, db)
        same = await change_camera(SYSTEM, connection, "a-camera-0001", 1, name="Camera 1")
        assert same.version == 1
    for fields, version in (({"lifecycle": Lifecycle.PROPOSED}, 1), ({"name": "x"}, 2), ({"name": "x"}, 0)):
        with pytest.raises(XueliangError) as caught:
            async with db.write() as connection:
                await change_camera(SYSTEM, connection, "a-camera-0001", version, **fields)
        assert caught.value.kind is Kind.CONFLICT
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await change_camera(SYSTEM, connection, "a-camera-0001", 1, name="x" * 201)
    assert caught.value.kind is Kind.INVALID
    async with db.read() as connection:
        assert (await after(SYSTEM, connection, at)).changes == ()


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


async def test_many_are_adopted_together_and_one_that_cannot_be_stays_behind(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    found = [
        dataclasses.replace(CAMERA, host=f"127.8.0.{n}", serial=f"S{n}", mac="", endpoint_uuid="") for n in range(130)
    ]
    told = [one.proposal for one in await propose_all(SYSTEM, db, found, area_id="a")]
    proposals = [one for one in told if one is not None]
    await refuse(SYSTEM, db, proposals[7].id, "belongs to the school")
    given = GivenCredentials("admin", SecretStr("pw"))
    twice = [*proposals, proposals[-1]]
    done = await adopt_all(SYSTEM, db, vault(db), twice, area_id="a", credentials=given)
    failed = [index for index, one in enumerate(done) if isinstance(one, XueliangError)]
    assert failed == [7, 130]
    adopted = [one for one in done if not isinstance(one, XueliangError)]
    assert all(len(one.cameras) == len(CAMERA.channels) for one in adopted)
    secrets_of = {(await credentials_of(SYSTEM, db, vault(db), one.device.id)) for one in adopted[:3] + adopted[-3:]}
    assert {one.password.get_secret_value() for one in secrets_of if one is not None} == {"pw"}
    one = adopted[-1].device
    assert await learn(SYSTEM, db, one.id, dataclasses.replace(found[-1], host=one.host)) == ()


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of any database meanwhile; rows written together are one."""
    asked: list[str] = []

    def ask(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", ask)
    try:
        yield asked
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", ask)


async def test_a_sweeps_worth_costs_no_statements_by_the_device(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    asked: dict[int, tuple[int, int, int]] = {}
    for number in (2, 60):
        found = [
            dataclasses.replace(CAMERA, host=f"127.{number}.0.{n}", serial="", mac="", endpoint_uuid="")
            for n in range(number)
        ]
        with statements() as proposing:
            told = [one.proposal for one in await propose_all(SYSTEM, db, found, area_id="a")]
        given = GivenCredentials(like_device="a-recorder")
        with statements() as adopting:
            done = await adopt_all(
                SYSTEM, db, vault(db), [one for one in told if one is not None], area_id="a", credentials=given
            )
        devices_made = [one.device for one in done if not isinstance(one, XueliangError)]
        full = [
            (one.id, dataclasses.replace(CAMERA, host=one.host, mac="", channels=(channel(1, one.host),)))
            for one in devices_made
        ]
        with statements() as learning:
            learned = await learn_all(SYSTEM, db, full)
        assert [len(one) for one in learned if not isinstance(one, XueliangError)] == [1] * number
        asked[number] = (len(proposing), len(adopting), len(learning))
    assert asked[2] == asked[60]
    assert sum(asked[60]) < 80
    assert devices_made[0].id in {one.device_id for one in await camera_list(SYSTEM, db)}


async def test_one_that_is_gone_does_not_keep_the_others_from_being_learned(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    proposal_id = await proposed(db, CAMERA)
    device = (await adopt(SYSTEM, db, vault(db), proposal_id, area_id="a")).device
    impostor = dataclasses.replace(RECORDER, host="127.1.0.1", port=80, serial="SN-other")
    done = await learn_all(
        SYSTEM,
        db,
        [
            ("none", RECORDER),
            ("a-recorder", impostor),
            (device.id, dataclasses.replace(CAMERA, channels=(channel(1),))),
        ],
    )
    assert isinstance(done[0], XueliangError)
    assert done[0].kind is Kind.NOT_FOUND
    assert done[1] == ()
    assert not isinstance(done[2], XueliangError)
    assert [camera.device_id for camera in done[2]] == [device.id]
    async with db.read() as connection:
        assert (await get_device(SYSTEM, connection, "a-recorder")).identity_hold


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
