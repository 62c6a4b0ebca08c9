"""Edge: who asks, in what scope, of which service: what every route is handed, and the permission it declares."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from alerts.suppression import Topology
from camera_gateway.media.pool import DecodePool
from center.api.languages import prefers_chinese
from center.api.live import LiveThings
from center.api.logins import Logins
from center.api.open_views import OpenViews
from center.api.problems import Problem
from center.api.security import Site
from center.first_admin import FirstPassword
from center.storage import Storage
from config.scope import Permission, Scope
from registry.database import Connection, Database
from registry.login_store import Known

if TYPE_CHECKING:
    from center.app import App
    from center.live_views import LiveViews


@dataclass(slots=True)
class Core:
    """The service as the routes see it. ``app`` holds what checks cameras; ``missing`` says what is not ready;
    ``stills`` are the workers that mark pictures; ``demo``: what is watched is a virtual network;
    ``topology`` tells which of the watched cameras share a recorder, switch or link."""

    storage: Storage
    logins: Logins
    live: LiveThings
    site: Site
    first: FirstPassword
    views: OpenViews
    stills: DecodePool
    zone: ZoneInfo
    app: App | None = None
    missing: dict[str, str] = field(default_factory=dict)
    live_views: LiveViews | None = None
    demo: bool = False
    topology: Callable[[], Topology] | None = None

    @property
    def db(self) -> Database:
        return self.storage.db


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of anybody at all."""

    core: Core
    request: Request

    @property
    def address(self) -> str:
        """The client's, as the connection or a trusted proxy says."""
        return self.request.client.host if self.request.client else ""

    @property
    def agent(self) -> str:
        return self.request.headers.get("user-agent", "")

    @property
    def zh(self) -> bool:
        return prefers_chinese(self.request.headers.get("accept-language", ""))

    @property
    def request_id(self) -> str:
        return str(self.request.scope["state"]["request_id"])

    @property
    def login(self) -> Known | None:
        """Who was recognised by cookie or token."""
        found: Known | None = self.request.scope["state"].get("login")
        return found


@dataclass(frozen=True, slots=True)
class Asked(Visit):
    """A request of somebody known. ``scope`` is the only one that store functions get for it."""

    known: Known
    scope: Scope

    @property
    def db(self) -> Database:
        return self.core.db

    @property
    def now(self) -> datetime:
        return self.core.storage.clock.now()

    def read(self) -> AbstractAsyncContextManager[Connection]:
        return self.core.db.read()

    def write(self) -> AbstractAsyncContextManager[Connection]:
        return self.core.db.write()


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route asks of its asker: ``permission`` somewhere (where exactly is for the store to say), or with
    ``None`` merely a login; ``instead`` does as well. ``forced`` routes stay open to a password that has to be changed
    first."""

    permission: Permission | None
    forced: bool = False
    session: bool = False
    instead: Permission | None = None

    @property
    def either(self) -> tuple[Permission, ...]:
        return tuple(one for one in (self.permission, self.instead) if one is not None)

    async def __call__(self, request: Request) -> Asked:
        # Not because it waits for anything: the framework sends plain functions to a thread and back.
        state = request.scope["state"]
        known: Known | None = state.get("login")
        if known is None:
            raise state.get("refusal") or Problem("login_required")
        if known.must_change and not self.forced:
            raise Problem("password_change")
        if self.session and known.session is None:
            raise Problem("forbidden", what="this is for people, not for tokens", facts={"permission": "session"})
        core: Core = request.app.state.core
        scope = known.scope(core.storage.clock.now())
        if self.permission is not None and all(scope.where(one).nowhere for one in self.either):
            raise Problem("forbidden", facts={"permission": self.permission.value})
        return Asked(core, request, known, scope)


class Open:
    """Declares a route that needs no login; the tests name each of them."""

    async def __call__(self, request: Request) -> Visit:
        return Visit(request.app.state.core, request)


Anybody = Annotated[Visit, Depends(Open())]
LoggedIn = Annotated[Asked, Depends(Needs(None))]
Reader = Annotated[Asked, Depends(Needs(Permission.READ))]
Checker = Annotated[Asked, Depends(Needs(Permission.CHECK))]
Acknowledger = Annotated[Asked, Depends(Needs(Permission.ACKNOWLEDGE))]
Viewer = Annotated[Asked, Depends(Needs(Permission.LIVE))]
EvidenceReader = Annotated[Asked, Depends(Needs(Permission.EVIDENCE))]
#: Of a still, the register says which of the two is needed where; a screen has *live* and nothing else.
StillViewer = Annotated[Asked, Depends(Needs(Permission.EVIDENCE, instead=Permission.LIVE))]
Editor = Annotated[Asked, Depends(Needs(Permission.EDIT))]
Adopter = Annotated[Asked, Depends(Needs(Permission.ADOPT))]
CredentialWriter = Annotated[Asked, Depends(Needs(Permission.CREDENTIALS))]
ReferenceKeeper = Annotated[Asked, Depends(Needs(Permission.REFERENCE))]
Auditor = Annotated[Asked, Depends(Needs(Permission.AUDIT))]
UserManager = Annotated[Asked, Depends(Needs(Permission.USERS))]
SystemManager = Annotated[Asked, Depends(Needs(Permission.SYSTEM))]
