"""Wiring: a proposal is adopted (device, cameras, streams, points, bindings, in one transaction) or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Permission, Scope
from registry import proposal_store, rows_store
from registry.camera import Camera
from registry.channels import put_all, put_channels
from registry.credential_store import set_credentials, share_credentials
from registry.database import Connection, Database
from registry.device import Device
from registry.device_store import add_device, add_devices, change_device, get_device
from registry.found_device import FoundDevice, unpack
from registry.lifecycle import WATCHED, Lifecycle
from registry.nouns_store import DEVICE, PROPOSAL
from registry.proposal import ConflictKind, Proposal, ProposalStatus
from registry.rows_store import Edit
from registry.vault import Vault

#: Adopted in one transaction; a sweep of thousands leaves gaps for other writers.
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class GivenCredentials:
    """What the adopter types, or ``like_device``: the password set of a device that has one."""

    account: str = ""
    password: SecretStr | None = None
    allow_clear: bool = False
    like_device: str | None = None


@dataclass(frozen=True, slots=True)
class Adoption:
    device: Device
    cameras: tuple[Camera, ...]


async def adopt_in(
    scope: Scope,
    connection: Connection,
    vault: Vault,
    proposal_id: str,
    *,
    area_id: str,
    unit_id: str | None = None,
    credentials: GivenCredentials | None = None,
    version: int | None = None,
    name: str | None = None,
    lifecycle: Lifecycle = Lifecycle.IN_USE,
    settle_conflict: bool = False,
) -> Adoption:
    """The proposed device becomes ours with a camera, point and binding for every channel found so far, all of it or
    nothing in the transaction of the caller.

    Channels that only answer to credentials are added afterwards by :func:`registry.reconcile.learn`. Needs the
    permission *adopt* where the proposal lies and in ``area_id``. ``version`` is the proposal's, checked if given.
    Raises ``NOT_FOUND``, ``FORBIDDEN``, ``INVALID`` for a lifecycle that is not watched, and ``CONFLICT`` for a
    proposal that was settled before, or that conflicts and ``settle_conflict`` is not given: that says a person
    looked and found two devices.
    """
    if lifecycle not in WATCHED:
        raise XueliangError(Kind.INVALID, f"a device cannot be adopted as {lifecycle.value}")
    acting = Scope.system(scope.principal)
    proposal = await _open(scope, connection, proposal_id, version)
    await rows_store.require_place(scope, connection, Permission.ADOPT, area_id, unit_id)
    _check(proposal, settle_conflict=settle_conflict)
    found = unpack(proposal.facts)
    device = _device(found, area_id, unit_id, name, lifecycle)
    await add_device(acting, connection, device)
    cameras = await put_channels(acting, connection, device, found.channels)
    if credentials is not None:
        await require_like(scope, connection, credentials)
        await _give(acting, connection, vault, [device.id], credentials)
    await proposal_store.change_proposal(
        acting,
        connection,
        proposal.id,
        proposal.version,
        act="adopt",
        details={"cameras": len(cameras)},
        status=ProposalStatus.ADOPTED,
        device_id=device.id,
        area_id=area_id,
        unit_id=unit_id,
        reason=None,
    )
    return Adoption(device, cameras)


async def adopt_all(
    scope: Scope,
    db: Database,
    vault: Vault,
    proposals: Sequence[Proposal],
    *,
    area_id: str,
    unit_id: str | None = None,
    credentials: GivenCredentials | None = None,
) -> list[Adoption | XueliangError]:
    """As :func:`adopt_in` for a sweep's worth of new proposals that get the same credentials, in the order given; what
    one of them was refused for stands in its place. A hundred share a transaction."""
    done: list[Adoption | XueliangError] = []
    for start in range(0, len(proposals), _AT_ONCE):
        part = proposals[start : start + _AT_ONCE]
        try:
            async with db.write() as connection:
                await rows_store.require_place(scope, connection, Permission.ADOPT, area_id, unit_id)
                if credentials is not None:
                    await require_like(scope, connection, credentials)
                acting = Scope.system(scope.principal)
                stands = await _open_all(scope, connection, [(one.id, one.version) for one in part])
                done += await _adopt_some(acting, connection, vault, stands, (area_id, unit_id), credentials)
        except XueliangError as error:
            if len(part) == 1:
                done.append(error)
                continue
            # One of them stands in the way of all: the halves apart, until it is alone.
            for half in (part[: len(part) // 2], part[len(part) // 2 :]):
                done += await adopt_all(
                    scope, db, vault, half, area_id=area_id, unit_id=unit_id, credentials=credentials
                )
    return done


async def _adopt_some(
    acting: Scope,
    connection: Connection,
    vault: Vault,
    proposals: list[Proposal],
    place: tuple[str, str | None],
    credentials: GivenCredentials | None,
) -> list[Adoption]:
    for proposal in proposals:
        _check(proposal)
    found = [unpack(proposal.facts) for proposal in proposals]
    made = [_device(one, *place, None, Lifecycle.IN_USE) for one in found]
    await add_devices(acting, connection, made)
    cameras = await put_all(
        acting, connection, [(device, one.channels) for device, one in zip(made, found, strict=True)]
    )
    if credentials is not None:
        await _give(acting, connection, vault, [device.id for device in made], credentials)
    settled = {"status": ProposalStatus.ADOPTED, "area_id": place[0], "unit_id": place[1], "reason": None}
    edits = [
        Edit(
            proposal.id,
            proposal.version,
            {**settled, "device_id": device.id},
            {"cameras": len(cameras[device.id])},
        )
        for proposal, device in zip(proposals, made, strict=True)
    ]
    await proposal_store.change_proposals(acting, connection, edits, act="adopt")
    return [Adoption(device, cameras[device.id]) for device in made]


async def hold_back(scope: Scope, db: Database, proposals: Sequence[Proposal], reason: str) -> None:
    """They stay proposals for now, and say why. Told once: the same reason again changes nothing."""
    waiting = [one for one in proposals if one.reason != reason]
    for start in range(0, len(waiting), _AT_ONCE):
        async with db.write() as connection:
            part = waiting[start : start + _AT_ONCE]
            stands = await _open_all(scope, connection, [(id_, None) for id_ in dict.fromkeys(one.id for one in part)])
            edits = [Edit(one.id, one.version, {"reason": reason}) for one in stands]
            await proposal_store.change_proposals(Scope.system(scope.principal), connection, edits, act="hold")


async def refuse(scope: Scope, db: Database, proposal_id: str, reason: str, *, version: int | None = None) -> Proposal:
    """It is not ours; seen again as it is, it stays refused."""
    async with db.write() as connection:
        proposal = await _open(scope, connection, proposal_id, version)
        return await proposal_store.change_proposal(
            Scope.system(scope.principal),
            connection,
            proposal.id,
            proposal.version,
            act="refuse",
            status=ProposalStatus.REFUSED,
            reason=reason,
        )


async def accept_identity(scope: Scope, db: Database, proposal_id: str, *, version: int | None = None) -> Device:
    """The device that now answers at a known address is accepted as that device (a board or camera was exchanged).

    Its facts become the device's, and it is authenticated to again. Raises ``CONFLICT`` if that is not what the
    proposal is about.
    """
    acting = Scope.system(scope.principal)
    async with db.write() as connection:
        proposal = await _open(scope, connection, proposal_id, version)
        changed = any(conflict["kind"] == ConflictKind.IDENTITY_CHANGED for conflict in proposal.conflicts)
        if not changed or proposal.device_id is None:
            raise XueliangError(Kind.CONFLICT, "this proposal is not about a known device that changed")
        device = await get_device(acting, connection, proposal.device_id)
        await rows_store.require_place(scope, connection, Permission.ADOPT, device.area_id, device.unit_id)
        found = unpack(proposal.facts)
        facts: dict[str, Any] = {
            field: value
            for field in ("make", "model", "firmware", "serial", "mac", "endpoint_uuid")
            if (value := getattr(found, field))
        }
        device = await change_device(
            acting, connection, device.id, device.version, act="accept_identity", identity_hold=False, **facts
        )
        await proposal_store.change_proposal(
            acting, connection, proposal.id, proposal.version, act="adopt", status=ProposalStatus.ADOPTED
        )
    return device


async def _open(scope: Scope, connection: Connection, proposal_id: str, version: int | None) -> Proposal:
    return (await _open_all(scope, connection, [(proposal_id, version)]))[0]


async def _open_all(scope: Scope, connection: Connection, wanted: Sequence[tuple[str, int | None]]) -> list[Proposal]:
    """The proposals of these ids, if each still has its version (where one is given) and none was settled."""
    stand = await rows_store.get_many(scope, connection, PROPOSAL, [proposal_id for proposal_id, _ in wanted])
    if any(proposal_id not in stand for proposal_id, _ in wanted):
        raise rows_store.not_found(PROPOSAL.kind)
    for place in dict.fromkeys((one.area_id, one.unit_id) for one in stand.values()):
        await rows_store.require_place(scope, connection, Permission.ADOPT, *place)
    for proposal_id, version in wanted:
        one = stand[proposal_id]
        if version not in (None, one.version):
            raise XueliangError(Kind.CONFLICT, "the proposal was changed meanwhile", facts={"version": one.version})
        if one.status not in proposal_store.OPEN:
            raise XueliangError(Kind.CONFLICT, f"the proposal was settled before: {one.status.value}")
    return [stand[proposal_id] for proposal_id, _ in wanted]


def _check(proposal: Proposal, *, settle_conflict: bool = False) -> None:
    if proposal.status is ProposalStatus.CONFLICT and not settle_conflict:
        raise _conflicting(proposal)
    if any(conflict["kind"] == ConflictKind.IDENTITY_CHANGED for conflict in proposal.conflicts):
        raise XueliangError(
            Kind.CONFLICT,
            "a device of ours stands at this address",
            fix="Accept its new identity, or remove that device first",
        )


def _conflicting(proposal: Proposal) -> XueliangError:
    texts = "; ".join(str(conflict["text"]) for conflict in proposal.conflicts)
    return XueliangError(
        Kind.CONFLICT, f"it conflicts: {texts}"[:400], fix="Compare the devices, then adopt it as a device of its own"
    )


def _device(found: FoundDevice, area_id: str, unit_id: str | None, name: str | None, lifecycle: Lifecycle) -> Device:
    return Device(
        id=new_id(),
        name=name or found.title,
        kind=found.kind,
        host=found.host,
        port=found.port,
        area_id=area_id,
        unit_id=unit_id,
        lifecycle=lifecycle,
        onvif_xaddr=found.onvif_xaddr or None,
        make=found.make or None,
        model=found.model or None,
        firmware=found.firmware or None,
        serial=found.serial or None,
        mac=found.mac or None,
        endpoint_uuid=found.endpoint_uuid or None,
    )


async def require_like(scope: Scope, connection: Connection, given: GivenCredentials) -> None:
    """A password is taken only from a device whose password the asker could set. Raises ``NOT_FOUND`` and
    ``FORBIDDEN``."""
    if given.like_device is not None:
        like = await rows_store.get(scope, connection, DEVICE, given.like_device)
        await rows_store.require_place(scope, connection, Permission.CREDENTIALS, like.area_id, like.unit_id)


async def _give(
    acting: Scope, connection: Connection, vault: Vault, device_ids: list[str], given: GivenCredentials
) -> None:
    """To several devices as one secret: one row to change when the password does."""
    first = given.like_device
    if first is None and given.password is not None:
        first, device_ids = device_ids[0], device_ids[1:]
        await set_credentials(
            acting, connection, vault, first, given.account, given.password, allow_clear=given.allow_clear
        )
    if first is not None and device_ids:
        await share_credentials(acting, connection, first, device_ids)
