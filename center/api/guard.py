"""Edge: before a request is read: is this host ours, does it come from a page of ours, and who is behind it."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from center.api.asked import Core
from center.api.limits import ANSWERING
from center.api.problems import Problem
from center.api.security import SAFE, check_host, check_origin, credential
from registry.principal import PrincipalKind

#: Asked by machines that know us by address; they carry no login and change nothing.
UNGUARDED = frozenset({"/healthz", "/readyz", "/metrics"})
LOGIN = "/api/v1/session"
#: Opened by what is in the header alone: a ticket or a token, never a cookie.
WHEP = "/whep/"


class Guard:
    """Writes ``login`` (who was recognised), or ``refusal`` (why nobody was), into the request's state."""

    def __init__(self, app: ASGIApp, core: Core) -> None:
        self._app = app
        self._core = core

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in UNGUARDED:
            await self._look(scope)
        await self._app(scope, receive, send)

    async def _look(self, scope: Scope) -> None:
        headers, site, state = Headers(scope=scope), self._core.site, scope["state"]
        origins = site.origins(scope["scheme"], scope.get("server"))
        state["secure"] = site.secure(scope["scheme"])
        check_host(headers.get("host", ""), scope["scheme"], origins)
        if not scope["path"].startswith(ANSWERING):
            return
        if headers.get("origin", next(iter(origins), "")) not in origins:
            raise Problem("origin")  # no other site has business here, not even to read
        if scope["method"] not in SAFE and scope["path"] == LOGIN and "authorization" not in headers:
            check_origin(scope["method"], headers, origins)
        try:
            cookies = [] if scope["path"].startswith(WHEP) else headers.getlist("cookie")
            found = credential(headers, cookies, site.cookie(scope["scheme"]))
            if found is None:
                return
            if found.kind is PrincipalKind.ACCOUNT:
                check_origin(scope["method"], headers, origins)
            state["login"] = await self._core.logins.identify(found)
        except Problem as problem:
            if problem.type.status != 401:
                raise
            state["refusal"] = problem
