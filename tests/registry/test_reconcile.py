"""What an adopted device shows later: channels behind a password, another firmware, another identity."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import SecretStr

from config.errors import Kind, XueliangError
from registry.adopt import GivenCredentials, accept_identity
from registry.camera_list import credentials_of, position
from registry.database import Database
from registry.device import DeviceKind
from registry.device_store import get_device
from registry.found_device import FoundDevice
from registry.proposal import ProposalStatus
from registry.proposal_store import list_proposals
from registry.reconcile import learn, learn_all, observe
from tests.support.found_devices import CAMERA, RECORDER, adopt, channel, proposed, vault
from tests.support.registry_world import SYSTEM, add_world


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
