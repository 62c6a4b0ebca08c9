"""From proposed to watched: device, cameras, streams and points in one transaction, or none of them."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import SecretStr

from config.errors import Kind, XueliangError
from config.scope import Grant, Permission, Scope
from registry.adopt import GivenCredentials, adopt_all, refuse
from registry.audit_store import page
from registry.camera_list import camera_list, credentials_of
from registry.database import Database
from registry.proposal import ProposalStatus
from registry.proposal_store import get_proposal
from registry.propose import Outcome, propose, propose_all
from registry.reconcile import learn, learn_all
from tests.support.found_devices import CAMERA, RECORDER, adopt, channel, counts, proposed, vault
from tests.support.registry_world import SYSTEM, add_world
from tests.support.statements import statements


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
