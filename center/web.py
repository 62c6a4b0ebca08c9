"""Edge: the service's HTTP routes: is it alive, is it ready, its metrics, the API and the console."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import SecretStr
from starlette.types import ASGIApp

from center.api import problems
from center.api.app import mount
from center.api.asked import Core
from center.api.problems import Problem
from center.console_files import ConsoleFiles
from center.console_pages import add_console

#: (reason -> words) of what is not ready; empty means ready.
Readiness = Callable[[], Mapping[str, str]]
Exposition = Callable[[], Awaitable[tuple[str, bytes]]]


def build(
    readiness: Readiness,
    metrics: Exposition,
    token: SecretStr | None,
    core: Core | None = None,
    console: ConsoleFiles | None = None,
) -> FastAPI | ASGIApp:
    """The main listener's routes, with ``core`` the API and the pages among them. Without a token, /metrics is not
    there."""
    app = _bare()

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        missing = readiness()
        return JSONResponse({"ready": not missing, "missing": dict(missing)}, 503 if missing else 200)

    @app.get("/metrics")
    async def exposed(request: Request) -> Response:
        if token is None:
            raise Problem("not_found")
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, b"Bearer " + token.get_secret_value().encode()):
            raise Problem("login_required", fix="Give the token of metrics.token as bearer")
        return await _exposition(metrics)

    if core is None:
        return app
    framed = mount(app, core)
    add_console(app, console)
    return framed


def build_metrics(metrics: Exposition) -> FastAPI:
    """The listener of its own for /metrics: no token, nothing else."""
    app = _bare()

    @app.get("/metrics")
    async def exposed() -> Response:
        return await _exposition(metrics)

    return app


def _bare() -> FastAPI:
    # The framework's own pages load scripts from a CDN.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, title="xueliang")
    problems.install(app)
    return app


async def _exposition(metrics: Exposition) -> Response:
    kind, body = await metrics()
    return Response(body, media_type=kind)
