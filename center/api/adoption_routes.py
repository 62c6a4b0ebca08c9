"""Edge: many proposals settled at once: adopted with one password set, tried on one of them first, or refused."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from camera_gateway.memory import AccountState
from center.adopting import Outcome
from center.api.asked import Adopter, Asked, CredentialWriter
from center.api.problems import Problem, document, problem_of
from center.api.proposal_routes import GivenIn, given_of
from center.api.shapes import IdText, In, Line, Listed, Out
from config.errors import XueliangError
from config.scope import Permission
from registry import credential_store, rows_store
from registry.adopt import refuse
from registry.nouns_store import PROPOSAL

router = APIRouter(prefix="/api/v1", tags=["proposals"])

#: The rows of a screen that a person can have looked at.
MOST = 200


class AdoptManyIn(In):
    """All of them into one area. ``credentials``: account and password, or ``like_device``: those of a device that has
    them; left out, they are adopted without a password."""

    proposal_ids: list[IdText] = Field(min_length=1, max_length=MOST)
    area_id: IdText
    unit_id: IdText | None = None
    credentials: GivenIn | None = None


class RefuseManyIn(In):
    proposal_ids: list[IdText] = Field(min_length=1, max_length=MOST)
    reason: Line


class SettledOut(Out):
    """A device, or the problem that this one has. ``account``: proved or refused, where the password was tried on this
    device; untried where it asked for none or did not answer; null where nobody tried yet."""

    proposal_id: str
    device_id: str | None = None
    camera_ids: list[str] = Field(default_factory=list)
    account: AccountState | None = None
    problem: dict[str, object] | None = None


class SettledManyOut(Out):
    """In the order asked for. ``problem`` sums up what was left: none where all were settled."""

    done: int
    left: int
    items: list[SettledOut]
    problem: dict[str, object] | None = None


class PasswordSetOut(Out):
    """An account and password that devices have in common. ``id`` stands for it as ``like_device``; the password is
    never read. ``devices`` have it; ``proved``: one of them took it."""

    id: str
    account: str
    devices: int
    device_names: list[str]
    allow_clear: bool
    proved: bool


@router.post(
    "/proposals/adopt",
    response_model=SettledManyOut,
    responses={207: {"model": SettledManyOut, "description": "Some were not adopted; each says why"}},
    summary="Adopt several proposals",
)
async def adopt_many(asked: Adopter, body: AdoptManyIn) -> Response:
    """A password that several get is tried on one of them first. If that one refuses it, or cannot be asked, the
    others are not adopted and are sent no password. Asking again adopts nothing twice."""
    app, ids = asked.core.app, list(dict.fromkeys(body.proposal_ids))
    async with asked.read() as connection:
        await rows_store.require_place(asked.scope, connection, Permission.ADOPT, body.area_id, body.unit_id)
        found = await rows_store.get_many(asked.scope, connection, PROPOSAL, ids)
    if not found:
        return _settled(asked, [Outcome(one, error=rows_store.not_found(PROPOSAL.kind)) for one in ids])
    if app is None:
        raise Problem("unavailable", what="the service is not reaching devices")
    outcomes = await app.adopting.adopt(
        asked.scope,
        ids,
        area_id=body.area_id,
        unit_id=body.unit_id,
        given=given_of(body.credentials),
    )
    return _settled(asked, outcomes)


@router.post(
    "/proposals/refuse",
    response_model=SettledManyOut,
    responses={207: {"model": SettledManyOut, "description": "Some were not refused; each says why"}},
    summary="Refuse several proposals",
)
async def refuse_many(asked: Adopter, body: RefuseManyIn) -> Response:
    """They are not ours; seen again as they are, they stay refused."""
    outcomes: list[Outcome] = []
    for proposal_id in dict.fromkeys(body.proposal_ids):
        try:
            await refuse(asked.scope, asked.db, proposal_id, body.reason)
            outcomes.append(Outcome(proposal_id))
        except XueliangError as error:
            outcomes.append(Outcome(proposal_id, error=error))
    return _settled(asked, outcomes)


@router.get("/password-sets", summary="Passwords that devices have in common")
async def list_password_sets(asked: CredentialWriter) -> Listed[PasswordSetOut]:
    """Of devices whose passwords you may write, what most of them have first; at most 200."""
    async with asked.read() as connection:
        found = await credential_store.password_sets(asked.scope, connection, limit=MOST)
    items = []
    for one in found:
        states = [await asked.core.storage.memory.standing(key) for key in one.keys]
        items.append(
            PasswordSetOut(
                id=one.device_id,
                account=one.account,
                devices=one.devices,
                device_names=list(one.names),
                allow_clear=one.allow_clear,
                proved=AccountState.PROVED in states,
            )
        )
    return Listed(items=items)


def _settled(asked: Asked, outcomes: list[Outcome]) -> Response:
    items = [_one(asked, outcome) for outcome in outcomes]
    left = sum(item.problem is not None for item in items)
    facts = {"done": len(items) - left, "left": left}
    problem = document(Problem("adopt_partial", facts=facts), asked.zh, asked.request_id) if left else None
    out = SettledManyOut(done=len(items) - left, left=left, items=items, problem=problem)
    return JSONResponse(out.model_dump(mode="json"), 207 if left else 200)


def _one(asked: Asked, outcome: Outcome) -> SettledOut:
    if outcome.error is not None:
        told = document(problem_of(outcome.error), asked.zh, asked.request_id)
        return SettledOut(proposal_id=outcome.proposal_id, problem=told)
    if outcome.adoption is None:
        return SettledOut(proposal_id=outcome.proposal_id)
    done = outcome.adoption
    return SettledOut(
        proposal_id=outcome.proposal_id,
        device_id=done.device.id,
        camera_ids=[camera.id for camera in done.cameras],
        account=outcome.account,
    )
