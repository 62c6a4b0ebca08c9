"""Edge: the service's HTTP routes: is it alive, is it ready, and its metrics."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import SecretStr
from starlette.exceptions import HTTPException

#: (reason -> words) of what is not ready; empty means ready.
Readiness = Callable[[], Mapping[str, str]]
Exposition = Callable[[], Awaitable[tuple[str, bytes]]]


def build(readiness: Readiness, metrics: Exposition, token: SecretStr | None) -> FastAPI:
    """The main listener's routes. Without a token, /metrics is not there."""
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
            raise HTTPException(404)
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, b"Bearer " + token.get_secret_value().encode()):
            raise HTTPException(401, "give the token of metrics.token as bearer", {"WWW-Authenticate": "Bearer"})
        return await _exposition(metrics)

    return app


def build_metrics(metrics: Exposition) -> FastAPI:
    """The listener of its own for /metrics: no token, nothing else."""
    app = _bare()

    @app.get("/metrics")
    async def exposed() -> Response:
        return await _exposition(metrics)

    return app


def _bare() -> FastAPI:
    # The framework's own pages load scripts from a CDN.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, title="xueliang")
    app.add_exception_handler(HTTPException, _problem)
    return app


async def _exposition(metrics: Exposition) -> Response:
    kind, body = await metrics()
    return Response(body, media_type=kind)


async def _problem(_: Request, error: Exception) -> Response:
    """RFC 9457."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    titles: dict[int, str] = {401: "not logged in", 404: "nothing there", 405: "not this method"}
    body: dict[str, Any] = {"type": "about:blank", "title": titles.get(status, "error"), "status": status}
    if isinstance(error, HTTPException) and status == 401:
        body["detail"] = error.detail
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return JSONResponse(body, status, headers, media_type="application/problem+json")
