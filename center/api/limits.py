"""Edge: the frame around every request: an id, a size, a time, headers that keep browsers in bounds, and no crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from center.api.problems import Problem, answer, problem_of

log = logging.getLogger(__name__)

#: Nothing here is a page: what is answered may load, frame and run nothing.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
ANSWERING = "/api/", "/events", "/whep/"


@dataclass(frozen=True, slots=True)
class BodyRule:
    """What one address takes: so many bytes of these types."""

    most: int
    types: frozenset[str] = frozenset({"application/json"})


#: An offer of a browser has 3 to 8 kB; a layer is chosen in JSON.
WHEP_BODY = BodyRule(64 * 1024, frozenset({"application/sdp", "application/trickle-ice-sdpfrag", "application/json"}))


@dataclass(frozen=True, slots=True)
class Limits:
    """``bodies`` by the beginning of the path, the first that fits; ``stranger`` for whoever is not logged in.
    Seconds for the body and for the answer to begin; what goes on after its beginning (events) has no end here."""

    body: BodyRule = BodyRule(256 * 1024)
    stranger: int = 16 * 1024
    bodies: Mapping[str, BodyRule] = field(default_factory=lambda: {"/whep/": WHEP_BODY})
    body_seconds: float = 15.0
    answer_seconds: float = 30.0


class Frame:
    """Outermost. Every answer bears a request id; whatever goes wrong below becomes a problem document."""

    def __init__(self, app: ASGIApp, limits: Limits | None = None) -> None:
        self._app = app
        self._limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        begun = over = False

        async def out(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                if not over:
                    timer.reschedule(None)
                _mark(message, scope, request_id)
            await send(message)

        try:
            async with asyncio.timeout(self._limits.answer_seconds) as timer:
                await self._app(scope, receive, out)
        except Exception as error:
            over = True
            problem = Problem("slow") if isinstance(error, TimeoutError) and timer.expired() else problem_of(error)
            if problem.type.code == "internal":
                log.exception("x request %s failed", request_id)
            if not begun:
                await _refuse(problem, scope, request_id, receive, out)


class Bodies:
    """Takes the whole body, within its size and time, before anybody looks at it."""

    def __init__(self, app: ASGIApp, limits: Limits | None = None) -> None:
        self._app = app
        self._limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(ANSWERING):
            await self._app(scope, receive, send)
            return
        body = await self._read(scope, receive)
        first = True

        async def replay() -> Message:
            nonlocal first
            if first:
                first = False
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self._app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        headers = Headers(scope=scope)
        rule = next((r for p, r in self._limits.bodies.items() if scope["path"].startswith(p)), self._limits.body)
        most = rule.most if scope["state"].get("login") else min(rule.most, self._limits.stranger)
        size = headers.get("content-length", "0")
        if size.isdecimal() and int(size[:20]) > most:
            raise Problem("too_large", facts={"limit": most})
        chunks, total = [], 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Problem("body_timeout")
                    chunks.append(message.get("body", b""))
                    total += len(chunks[-1])
                    if total > most:
                        raise Problem("too_large", facts={"limit": most})
                    if not message.get("more_body"):
                        break
        except TimeoutError as error:
            raise Problem("body_timeout") from error
        if total:
            _check_type(headers, rule)
        return b"".join(chunks)


def _check_type(headers: Headers, rule: BodyRule) -> None:
    kind, _, rest = headers.get("content-type", "").partition(";")
    charset = rest.strip().lower().replace('"', "")
    if kind.strip().lower() not in rule.types or charset not in ("", "charset=utf-8"):
        raise Problem("media_type", where="Content-Type", facts={"allowed": sorted(rule.types)})
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem("media_type", where="Content-Encoding")


def _mark(message: Message, scope: Scope, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers["X-Request-Id"] = request_id
    if scope["path"].startswith(ANSWERING):
        headers.setdefault("Cache-Control", "no-store")
    if scope["state"].get("secure"):
        headers["Strict-Transport-Security"] = "max-age=31536000"


async def _refuse(problem: Problem, scope: Scope, request_id: str, receive: Receive, send: Send) -> None:
    state: dict[str, Any] = scope["state"]
    headers = dict(Headers(scope=scope))
    response = answer(problem, headers, str(state.get("request_id", request_id)))
    if problem.type.status in (408, 413):
        response.headers["Connection"] = "close"  # the rest of the body is still on its way
    await response(scope, receive, send)
