"""Edge: live pictures over WHEP (draft-ietf-wish-whep): an offer in, an answer out, and the session behind it.

Opened by a single-use ticket of ``POST /api/v1/cameras/{id}/views``, or by an API token that may look; never by a
cookie. What opened a session is what changes and ends it.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from center.api.asked import Asked, Core, Needs
from center.api.problems import Problem
from center.api.shapes import Id
from center.api.viewing import full, recorded
from center.live_views import LiveViews
from config.errors import Kind, XueliangError
from config.scope import Permission
from registry import view_register_store
from registry.session import TOKEN_MARK, digest
from registry.view import Intent, ViewKind
from streaming.ports import Asked as AskedView
from streaming.relay import Relay
from streaming.view_state import End, Role

router = APIRouter(prefix="/whep", tags=["live"])

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
#: draft-ietf-wish-whep section 4.7: choosing a layer; here, one of the camera's streams.
LAYER = "urn:ietf:params:whep:ext:core:layer"
_MOVING = frozenset({ViewKind.LIVE, ViewKind.TOUR})
#: Problems of the relay that are types of their own.
_OWN = {"codec": "codec", "offline": "offline", "ice_restart": "ice_restart"}


class Bearer(Needs):
    """A ticket, or a token with the right to look. Which camera it opens is checked where it is used."""

    async def __call__(self, request: Request) -> Holder:  # type: ignore[override]
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Problem("login_required", fix="Send a ticket or a token as bearer")
        asked = await super().__call__(request) if secret.strip().startswith(TOKEN_MARK) else None
        return Holder(request.app.state.core, secret.strip(), asked)


class Holder:
    """Who holds a bearer. ``asked`` is a token's; ``None`` for a ticket."""

    def __init__(self, core: Core, secret: str, asked: Asked | None) -> None:
        self.core = core
        self.secret = secret
        self.asked = asked

    @property
    def views(self) -> LiveViews:
        """Raises ``unavailable`` while there are no live pictures."""
        if self.core.live_views is None or not self.core.live_views.enabled:
            raise Problem("unavailable", what="live pictures are switched off", fix="See streaming.enabled")
        return self.core.live_views

    @property
    def mark(self) -> bytes:
        """The same for the one who opened a session, whatever the ticket's state."""
        return digest(self.secret)

    async def begin(self, camera_id: str) -> tuple[str, str]:
        """(view id, principal id), the register row written. Raises ``ticket``, ``masked``, ``register`` and more."""
        if self.asked is None:
            redeemed = await self.core.views.redeem(self.secret, camera_id)
            if redeemed.row.kind not in _MOVING:
                raise Problem("ticket", what=f"this ticket is for a {redeemed.row.kind.value}")
            return redeemed.row.view_id, redeemed.known.principal.id
        known = self.asked.known
        if not known.purpose:
            raise Problem("forbidden", what="this token has no purpose", facts={"permission": Permission.LIVE.value})
        intent = Intent(ViewKind.LIVE, known.purpose)
        async with recorded(self.asked) as connection:
            cameras = await view_register_store.viewable(self.asked.scope, connection, [camera_id], intent.kind)
            (ticket,) = await view_register_store.begin(
                self.asked.scope, connection, known.principal.id, cameras, intent
            )
        redeemed = await self.core.views.redeem(ticket.secret, camera_id)
        return redeemed.row.view_id, known.principal.id


Held = Annotated[Holder, Depends(Bearer(Permission.LIVE))]


@router.options("/{camera_id}", summary="What is taken here")
async def options(camera_id: Id) -> Response:
    return Response(status_code=204, headers={"Accept-Post": SDP, "Allow": "OPTIONS, POST, GET, HEAD"})


@router.get("/{camera_id}", summary="Nothing; a session is made by POST")
async def nothing(held: Held, camera_id: Id) -> Response:
    return Response(status_code=204)


@router.head("/{camera_id}", summary="The type of an answer")
async def head(held: Held, camera_id: Id) -> Response:
    return Response(status_code=200, media_type=SDP)


@router.post("/{camera_id}", status_code=201, summary="Open a view")
async def open_view(
    held: Held,
    camera_id: Id,
    request: Request,
    stream: Annotated[Role, Query(description="the other one is shown where this one cannot be")] = Role.MAIN,
) -> Response:
    """An SDP offer in, the answer with all candidates out. 409 and 503 say after how long to come back."""
    offer = await _text(request, SDP)
    views = held.views
    async with _problems():
        view_id, principal = await held.begin(camera_id)
        try:
            opened = await views.relay.open(AskedView(view_id, camera_id, principal, stream, held.mark), offer)
        except BaseException as error:
            views.not_shown(view_id, _reason(error))
            raise
    place = f"/whep/{camera_id}/{opened.session}"
    headers = {
        "Location": place,
        "ETag": f'"{opened.session[:16]}"',
        "Accept-Patch": FRAGMENT,
        "Link": f'<{place}/layer>; rel="{LAYER}"',
        "X-View-Id": view_id,
        "X-Stream": opened.role.value,
    }
    return Response(opened.answer, 201, headers, SDP)


@router.patch("/{camera_id}/{session}", status_code=204, summary="More candidates")
async def trickle(held: Held, camera_id: Id, session: Id, request: Request) -> Response:
    """Trickle ICE (RFC 8840). A restart is not done in place: 422."""
    fragment = await _text(request, FRAGMENT)
    relay = _mine(held, camera_id, session)
    async with _problems():
        await relay.trickle(session, fragment)
    return Response(status_code=204)


@router.post("/{camera_id}/{session}/layer", status_code=204, summary="Main or sub, from the next keyframe on")
async def layer(held: Held, camera_id: Id, session: Id, request: Request) -> Response:
    """JSON with ``encodingId``: ``main`` or ``sub``. The session, its ticket and its register row stay."""
    relay = _mine(held, camera_id, session)
    try:
        wanted = json.loads(await _text(request, "application/json"))
        role = Role(wanted["encodingId"])
    except (ValueError, TypeError, KeyError) as error:
        raise Problem("invalid", where="encodingId", what="encodingId is main or sub") from error
    async with _problems():
        await relay.switch(session, role)
    return Response(status_code=204)


@router.delete("/{camera_id}/{session}", summary="End a view")
async def end_view(held: Held, camera_id: Id, session: Id) -> Response:
    await _mine(held, camera_id, session).end(session, End.CLOSED)
    return Response(status_code=200)


def _mine(held: Holder, camera_id: str, session: str) -> Relay:
    """Raises ``not_found``: a session of somebody else's is not there."""
    relay = held.views.relay
    view = relay.view_of(session)
    if view.camera_id != camera_id or not hmac.compare_digest(view.mark, held.mark):
        raise Problem("not_found")
    return relay


async def _text(request: Request, kind: str) -> str:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
        raise Problem("media_type", where="Content-Type", facts={"allowed": [kind]})
    try:
        return (await request.body()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem("offer", what="the body is not UTF-8", where="body") from error


def _reason(error: BaseException) -> str:
    return str(error.facts.get("code", error.kind.value)) if isinstance(error, XueliangError) else "not shown"


@asynccontextmanager
async def _problems() -> AsyncIterator[None]:
    """What the relay refuses, as problems of their own types."""
    try:
        yield
    except XueliangError as error:
        code = str(error.facts.get("code", ""))
        facts = {name: value for name, value in error.facts.items() if name != "code"}
        if code == "limit":
            raise full(error) from error
        if code == "ticket" or code == "masked":
            raise Problem(code, what=error.what) from error
        if code in _OWN:
            retry = {"Retry-After": str(facts["retry_after"])} if "retry_after" in facts else {}
            own = _OWN[code]
            raise Problem(own, what=error.what, where=error.where, facts=facts, headers=retry) from error
        if error.kind is Kind.INVALID:
            raise Problem("offer", what=error.what, where=error.where, fix=error.fix) from error
        if error.kind in (Kind.UNAVAILABLE, Kind.INTERNAL):
            raise Problem("register" if error.where != "streaming" else "unavailable", what=error.what) from error
        raise
