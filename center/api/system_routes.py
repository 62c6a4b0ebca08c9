"""Edge: what the service is and how it stands, for every login."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from center.api.asked import Anybody, LoggedIn
from center.api.shapes import Out
from config.scope import Permission
from config.settings import split_listen

router = APIRouter(prefix="/api/v1", tags=["system"])


class SystemOut(Out):
    """``insecure_http``: logins and pictures cross the network in the clear, and every page says so."""

    version: str
    now: datetime
    zone: str
    public_url: str
    insecure_http: bool
    ready: bool
    missing: dict[str, str]
    database: str | None


@router.get("/system", summary="The service and its time")
async def system(asked: LoggedIn) -> SystemOut:
    settings = asked.core.storage.settings
    host, _ = split_listen(settings.service.listen)
    own = settings.service
    clear = own.insecure_http and own.tls_cert_file is None and not host.startswith("127.") and host != "::1"
    keeper = asked.scope.where(Permission.SYSTEM).everywhere
    return SystemOut(
        version=version("xueliang"),
        now=asked.now,
        zone=own.zone,
        public_url=own.public_url,
        insecure_http=clear,
        ready=not asked.core.missing,
        missing=dict(asked.core.missing) if keeper else {},
        database=asked.db.dialect if keeper else None,
    )


@router.get("/openapi.json", summary="This API, described", response_model=dict[str, object])
async def openapi(asked: Anybody) -> Response:
    """OpenAPI 3.1."""
    return JSONResponse(asked.request.app.openapi())
