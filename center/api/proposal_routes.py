"""Edge: proposals (待纳管): what answers on the network and waits to be adopted or refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field, SecretStr

from camera_gateway.discovery.found import How
from center.api.asked import Adopter, Asked
from center.api.etag import IfMatch, tagged, version_of
from center.api.idempotency import IdempotencyKey, once
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.problems import Problem
from center.api.shapes import Id, IdText, In, Line, Listed, Out
from config.errors import Kind, XueliangError
from registry import proposal_store
from registry.adopt import GivenCredentials, accept_identity, adopt_in, refuse
from registry.answer_store import Answer
from registry.database import Connection
from registry.found_device import FoundDevice, unpack
from registry.proposal import ConflictKind, Proposal, ProposalStatus

router = APIRouter(prefix="/api/v1/proposals", tags=["proposals"])


class ConflictOut(Out):
    """``with_id`` is null where it lies outside your areas."""

    kind: ConflictKind
    with_id: str | None
    with_proposal: bool = False
    text: str


class ProposalOut(Out):
    """What it said of itself without a password. ``device_id``: the device it became, or, for a changed identity,
    the known device at its address."""

    id: str
    host: str
    port: int
    status: ProposalStatus
    how: str
    first_seen: datetime
    last_seen: datetime
    make: str
    model: str
    serial: str | None
    mac: str | None
    channels: int
    conflicts: list[ConflictOut]
    area_id: str | None
    unit_id: str | None
    device_id: str | None
    reason: str | None
    version: int


class GivenIn(In):
    """Account and password, or ``like_device``: those of a device that has them already."""

    account: Line = Field(default_factory=str)
    password: SecretStr | None = Field(None, min_length=1, max_length=200)
    allow_clear: bool = False
    like_device: IdText | None = None


class AdoptIn(In):
    """``settle_conflict``: somebody compared them and found two devices."""

    area_id: IdText
    unit_id: IdText | None = None
    name: Line | None = None
    credentials: GivenIn | None = None
    settle_conflict: bool = False


class RefuseIn(In):
    reason: Line


class AdoptedOut(Out):
    device_id: str
    camera_ids: list[str]


class IdentityOut(Out):
    device_id: str


class ProposalPage(Listed[ProposalOut]):
    """``counts``: by status, of all that the other filters leave."""

    counts: dict[ProposalStatus, int]


@router.get("", summary="Proposals")
async def list_proposals(
    asked: Adopter,
    status: Annotated[list[ProposalStatus], Query(max_length=4, description="any of these")] = [],  # noqa: B006
    q: Annotated[Line | None, Query(description="part of an address, serial number or MAC")] = None,
    area: Annotated[IdText | None, Query(description="found in this area or below it")] = None,
    how: Annotated[list[How], Query(max_length=4, description="found in any of these ways")] = [],  # noqa: B006
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> ProposalPage:
    """In the order of being found."""
    query = {"status": sorted(status), "q": q, "area": area, "how": sorted(how)}
    after = position(asked, cursor, **query)
    async with asked.read() as connection:
        page = await proposal_store.list_proposals(
            asked.scope, connection, status=status, text=q, area_id=area, how=how, after=after, limit=limit
        )
        counts = await proposal_store.count_proposals(asked.scope, connection, text=q, area_id=area, how=how)
    items = [_out(one) for one in page.items]
    return ProposalPage(items=items, next_cursor=next_cursor(asked, page.after, **query), counts=counts)


@router.get("/{proposal_id}", response_model=ProposalOut, summary="One proposal")
async def get_proposal(asked: Adopter, proposal_id: Id) -> Response:
    out = await _load(asked, proposal_id)
    return tagged(asked, out, out.version)


@router.post("/{proposal_id}/adopt", status_code=201, response_model=AdoptedOut, summary="Adopt a proposal")
async def adopt_proposal(
    asked: Adopter, proposal_id: Id, body: AdoptIn, if_match: IfMatch = None, key: IdempotencyKey = None
) -> Response:
    """Device, cameras, points and streams in one step. Only now it may be sent a password; channels that it tells to
    nobody without one are read soon after."""
    credentials = given_of(body.credentials)
    version = version_of(if_match) if if_match is not None else None
    adopted: list[tuple[str, FoundDevice]] = []

    async def act(connection: Connection) -> Answer:
        done = await adopt_in(
            asked.scope,
            connection,
            asked.core.storage.vault,
            proposal_id,
            area_id=body.area_id,
            unit_id=body.unit_id,
            credentials=credentials,
            version=version,
            name=body.name,
            settle_conflict=body.settle_conflict,
        )
        proposal = await proposal_store.get_proposal(asked.scope, connection, proposal_id)
        adopted.append((done.device.id, unpack(proposal.facts)))
        out = AdoptedOut(device_id=done.device.id, camera_ids=[camera.id for camera in done.cameras])
        return Answer(201, out.model_dump(mode="json"), {"Location": f"/api/v1/devices/{done.device.id}"})

    try:
        answer = await once(asked, key, act)
    except XueliangError as error:
        raise _changed(error) from error
    if asked.core.app is not None:
        asked.core.app.adopting.read_soon(adopted)
    return answer


@router.post("/{proposal_id}/refuse", summary="Refuse a proposal")
async def refuse_proposal(asked: Adopter, proposal_id: Id, body: RefuseIn, if_match: IfMatch = None) -> ProposalOut:
    """It is not ours; seen again as it is, it stays refused."""
    version = version_of(if_match) if if_match is not None else None
    try:
        return _out(await refuse(asked.scope, asked.db, proposal_id, body.reason, version=version))
    except XueliangError as error:
        raise _changed(error) from error


@router.post("/{proposal_id}/accept-identity", summary="Accept that a known device changed")
async def accept(asked: Adopter, proposal_id: Id, if_match: IfMatch = None) -> IdentityOut:
    """What now answers at a known address is that device, with a new board or housing: it gets its password again."""
    version = version_of(if_match) if if_match is not None else None
    try:
        device = await accept_identity(asked.scope, asked.db, proposal_id, version=version)
    except XueliangError as error:
        raise _changed(error) from error
    return IdentityOut(device_id=device.id)


async def _load(asked: Asked, proposal_id: str) -> ProposalOut:
    async with asked.read() as connection:
        return _out(await proposal_store.get_proposal(asked.scope, connection, proposal_id))


def given_of(given: GivenIn | None) -> GivenCredentials | None:
    if given is None:
        return None
    if (given.password is None) == (given.like_device is None):
        raise Problem("invalid", where="body/credentials", what="give a password, or a device to take it from")
    if given.password is not None and not given.account:
        raise Problem("invalid", where="body/credentials/account", what="a password needs its account")
    return GivenCredentials(given.account, given.password, given.allow_clear, given.like_device)


def _changed(error: XueliangError) -> Exception:
    """Another version than the one that ``If-Match`` names is 412; every other conflict stays what it is."""
    if error.kind is Kind.CONFLICT and "version" in error.facts:
        return Problem("changed", what=error.what, facts=error.facts)
    return error


def _out(one: Proposal) -> ProposalOut:
    names = [name for name in ProposalOut.model_fields if name in Proposal.__slots__ and name != "conflicts"]
    return ProposalOut(
        **{name: getattr(one, name) for name in names},
        make=str(one.facts.get("make", "")),
        model=str(one.facts.get("model", "")),
        channels=len(one.facts.get("channels", ())),
        conflicts=[ConflictOut(**conflict) for conflict in one.conflicts],
    )
