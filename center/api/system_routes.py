"""Edge: what the service is and how it stands, for every login."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from alerts.message import MessageStatus
from alerts.queue_store import Queue, queues
from center.api.asked import Anybody, Asked, LoggedIn
from center.api.entry_routes import in_the_clear
from center.api.shapes import Out
from config.scope import Permission

router = APIRouter(prefix="/api/v1", tags=["system"])


class DeliveryOut(Out):
    """One receiver of messages, by the name it is configured under. ``oldest_seconds``: how long the oldest message
    that should have gone is overdue; ``stuck``: for ten minutes and more, or nobody sends there any longer; ``error``:
    how its last try ended. ``dead`` were given up and can be sent again."""

    destination: str
    configured: bool
    waiting: int
    held: int
    dead: int
    oldest_seconds: float
    stuck: bool
    error: str


class SystemOut(Out):
    """``delivery`` is told to whoever keeps the whole system. ``insecure_http``: logins and pictures cross the network
    in the clear, and every page says so."""

    version: str
    now: datetime
    zone: str
    public_url: str
    insecure_http: bool
    demo: bool
    ready: bool
    missing: dict[str, str]
    database: str | None
    delivery: list[DeliveryOut]


@router.get("/system", summary="The service and its time")
async def system(asked: LoggedIn) -> SystemOut:
    settings = asked.core.storage.settings
    own = settings.service
    keeper = asked.scope.where(Permission.SYSTEM).everywhere
    return SystemOut(
        version=version("xueliang"),
        now=asked.now,
        zone=own.zone,
        public_url=own.public_url,
        insecure_http=in_the_clear(asked.core),
        demo=asked.core.demo,
        ready=not asked.core.missing,
        missing=dict(asked.core.missing) if keeper else {},
        database=asked.db.dialect if keeper else None,
        delivery=await _delivery(asked) if keeper else [],
    )


async def _delivery(asked: Asked) -> list[DeliveryOut]:
    configured = {one.name for one in asked.core.storage.settings.alerts.destinations}
    async with asked.read() as connection:
        found = await queues(asked.scope, connection, asked.now)
    return [
        DeliveryOut(
            destination=name,
            configured=name in configured,
            waiting=queue.count(MessageStatus.WAITING),
            held=queue.count(MessageStatus.HELD),
            dead=queue.count(MessageStatus.DEAD),
            oldest_seconds=round(queue.oldest_seconds, 1),
            stuck=queue.stuck or (name not in configured and queue.count(MessageStatus.WAITING) > 0),
            error=queue.error,
        )
        for name, queue in sorted(({name: Queue() for name in configured} | found).items())
    ]


@router.get("/openapi.json", summary="This API, described", response_model=dict[str, object])
async def openapi(asked: Anybody) -> Response:
    """OpenAPI 3.1."""
    return JSONResponse(asked.request.app.openapi())
