"""Edge: what the login page must know of the service before anybody is known."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from center.api.asked import Anybody, Core
from center.api.shapes import Out
from config.settings import split_listen

router = APIRouter(prefix="/api/v1/entry", tags=["session"])


class FrontOut(Out):
    """``insecure_http``: logins and pictures cross the network in the clear, and every page says so. ``demo``: a
    virtual network is watched. ``zone`` is the IANA name of the district's time zone."""

    now: datetime
    zone: str
    insecure_http: bool
    demo: bool


def in_the_clear(core: Core) -> bool:
    """Whether logins cross a network unencrypted."""
    own = core.storage.settings.service
    host, _ = split_listen(own.listen)
    return own.insecure_http and own.tls_cert_file is None and not host.startswith("127.") and host != "::1"


@router.get("", summary="Before a login")
async def entry(asked: Anybody) -> FrontOut:
    core = asked.core
    return FrontOut(
        now=core.storage.clock.now(),
        zone=core.storage.settings.service.zone,
        insecure_http=in_the_clear(core),
        demo=core.demo,
    )
