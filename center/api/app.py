"""Wiring: the API on an application: its routes, its frame, its description."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from camera_gateway.media.pool import DecodePool
from center.api import (
    adoption_routes,
    area_routes,
    audit_routes,
    camera_routes,
    change_routes,
    checks_routes,
    device_routes,
    discovery_routes,
    entry_routes,
    event_stream,
    evidence_routes,
    export_routes,
    import_routes,
    incident_routes,
    live_routes,
    overview_routes,
    platform_routes,
    point_routes,
    problems,
    proposal_routes,
    reach_routes,
    reference_routes,
    sample_routes,
    session_routes,
    setup_routes,
    snapshot_routes,
    status_routes,
    system_routes,
    timeline_routes,
    token_routes,
    unit_routes,
    user_routes,
    view_routes,
    wall_routes,
    whep_routes,
)
from center.api.asked import Core, Needs, Open
from center.api.guard import Guard
from center.api.limits import Bodies, Frame, Limits
from center.api.live import LiveThings
from center.api.logins import Logins
from center.api.open_views import OpenViews
from center.api.security import PLAIN_COOKIE, SECURE_COOKIE, Site
from center.first_admin import FirstPassword
from center.storage import Storage
from center.zones import zone_of
from registry.login_passwords import Passwords

#: Every room of the API. A new one is added here and nowhere else.
ROUTERS: tuple[APIRouter, ...] = (
    entry_routes.router,
    session_routes.router,
    user_routes.router,
    token_routes.router,
    audit_routes.router,
    system_routes.router,
    setup_routes.router,
    import_routes.router,
    area_routes.router,
    unit_routes.router,
    point_routes.router,
    device_routes.router,
    adoption_routes.router,
    proposal_routes.router,
    discovery_routes.router,
    camera_routes.router,
    export_routes.router,
    status_routes.router,
    checks_routes.router,
    overview_routes.router,
    timeline_routes.router,
    sample_routes.router,
    evidence_routes.router,
    reference_routes.router,
    view_routes.router,
    wall_routes.router,
    snapshot_routes.router,
    live_routes.router,
    incident_routes.router,
    reach_routes.router,
    change_routes.router,
    event_stream.router,
    platform_routes.router,
)
#: Those of another standard, opened by what is in the header alone; not of the API's description.
BEARER: tuple[APIRouter, ...] = (whep_routes.router,)
LIMITS = Limits()

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "what", "where", "fix", "request_id"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "code", "what", "where", "fix", "cause")},
        "status": {"type": "integer"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    },
    "additionalProperties": True,
}


def core_of(storage: Storage, stills: DecodePool, passwords: Passwords | None = None) -> Core:
    """The API's own parts over an open storage. ``stills``: workers of ``health.work:work``."""
    logins = Logins.of(storage.db, storage.settings, passwords)
    views = OpenViews(storage.db, logins, storage.clock)
    return Core(
        storage=storage,
        logins=logins,
        live=LiveThings(logins.still, storage.clock, views.run_once),
        site=Site(storage.settings.service.public_url),
        first=FirstPassword(storage.folder.path),
        views=views,
        stills=stills,
        zone=zone_of(storage.settings),
    )


def mount(app: FastAPI, core: Core, limits: Limits = LIMITS) -> ASGIApp:
    """``app`` with the API on it, inside its frame: the frame is what a listener serves."""
    app.state.core = core
    problems.install(app)
    for router in (*BEARER, *ROUTERS):  # the first that fits is taken, and a wall's views are in a hurry
        app.include_router(router)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return Frame(Guard(Bodies(app, limits), core), limits)


def needs_of(route: APIRoute) -> Needs | Open | None:
    """What a route declares about its asker; ``None`` is a mistake that a test finds."""
    for dependant in route.dependant.dependencies:
        if isinstance(dependant.call, Needs | Open):
            return dependant.call
    return None


def api_routes() -> list[APIRoute]:
    """Every route of the API, in order."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1 of all routes; made once."""
    if app.openapi_schema:
        return app.openapi_schema
    routes = api_routes()
    schema = get_openapi(title="xueliang", version="1", openapi_version="3.1.0", routes=routes)
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": SECURE_COOKIE,
            "description": f"Over plain HTTP on loopback its name is `{PLAIN_COOKIE}`. Unsafe methods need our "
            "`Origin` and `Content-Type: application/json` with it.",
        },
    }
    for route in routes:
        for operation in _operations(schema, route):
            _complete(operation, needs_of(route))
    app.openapi_schema = schema
    return schema


def _operations(schema: dict[str, Any], route: APIRoute) -> Iterable[dict[str, Any]]:
    path = schema["paths"].get(route.path_format, {})
    return [path[method.lower()] for method in route.methods or () if method.lower() in path]


def _complete(operation: dict[str, Any], needs: Needs | Open | None) -> None:
    """Who may ask, and that every error is a problem document."""
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {
        "description": "A problem (RFC 9457): what happened, what it means, what to do",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if isinstance(needs, Needs):
        operation["security"] = [{"session": []}] if needs.session else [{"session": []}, {"token": []}]
        operation["x-permission"] = needs.permission.value if needs.permission else None
        if needs.instead is not None:
            operation["x-permission-instead"] = needs.instead.value
    else:
        operation["security"] = []
