"""Edge: logging in, who one is, changing one's password, logging out."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from pydantic import Field, SecretStr

from center.api.asked import Anybody, Asked, Core, Needs
from center.api.entry_routes import in_the_clear
from center.api.security import Credential, set_cookie
from center.api.session_shapes import ServiceOut, SessionOut
from center.api.shapes import In
from config.scope import Scope
from registry import names_store, session_store
from registry.login_store import Known
from registry.principal import PrincipalKind

router = APIRouter(prefix="/api/v1/session", tags=["session"])

#: Open to a password that has to be changed first.
Forced = Annotated[Asked, Depends(Needs(None, forced=True))]
ForcedSession = Annotated[Asked, Depends(Needs(None, forced=True, session=True))]


class LoginIn(In):
    name: str = Field(min_length=1, max_length=200)
    password: SecretStr = Field(min_length=1, max_length=1000)


class PasswordIn(In):
    current: SecretStr = Field(min_length=1, max_length=1000)
    new: SecretStr = Field(min_length=1, max_length=1000)


async def _shown(core: Core, known: Known) -> SessionOut:
    """With the names of the areas and units that its grants name: they are one's own."""
    ids = {one for grant in known.grants for one in (grant.area_id, grant.unit_id) if one is not None}
    names: dict[str, str] = {}
    if ids:
        async with core.db.read() as connection:
            names = await names_store.names_of(Scope.system(known.principal.name), connection, ids)
    return SessionOut.of(known, service_of(core), names, core.storage.clock.now())


def service_of(core: Core) -> ServiceOut:
    zone = core.storage.settings.service.zone
    return ServiceOut(version=version("xueliang"), zone=zone, insecure_http=in_the_clear(core), demo=core.demo)


@router.post("", status_code=201, response_model=SessionOut, summary="Log in")
async def log_in(asked: Anybody, body: LoginIn) -> Response:
    """Sets the session's cookie. Needs our `Origin`. Fails alike for names that exist and those that do not."""
    core = asked.core
    opened = await core.logins.log_in(body.name, body.password, asked.address, asked.agent)
    before = asked.login
    if before is not None and before.session is not None:
        async with core.db.write() as connection:
            await session_store.end_session(Scope.system(before.principal.name), connection, before.session.id)
        core.live.poke()
    core.first.used(opened.account.name)
    known = await core.logins.identify(Credential(PrincipalKind.ACCOUNT, opened.secret))
    name = core.site.cookie(asked.request.url.scheme)
    seconds = int(core.logins.rules.absolute.total_seconds())
    shown = (await _shown(core, known)).model_dump(mode="json")
    return JSONResponse(shown, 201, {"Set-Cookie": set_cookie(name, opened.secret, seconds)})


@router.get("", summary="Who am I, and what may I do")
async def who_am_i(asked: Forced) -> SessionOut:
    return await _shown(asked.core, asked.known)


@router.delete("", status_code=204, summary="Log out")
async def log_out(asked: ForcedSession) -> Response:
    """The session opens nothing from now on; what it has open ends."""
    session = asked.known.session
    if session is not None:
        async with asked.write() as connection:
            await session_store.end_session(Scope.system(asked.known.principal.name), connection, session.id)
    asked.core.live.poke()
    gone = set_cookie(asked.core.site.cookie(asked.request.url.scheme), "", 0)
    return Response(status_code=204, headers={"Set-Cookie": gone, "Clear-Site-Data": '"cookies", "storage"'})


@router.put("/password", status_code=204, summary="Change one's own password")
async def change_password(asked: ForcedSession, body: PasswordIn) -> Response:
    """Every other session of the account ends."""
    await asked.core.logins.change_password(asked.known, body.current, body.new, asked.address)
    asked.core.live.poke()
    return Response(status_code=204)
