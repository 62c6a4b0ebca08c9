"""Edge: the frame around every request: an id, a size, a time, headers that keep browsers in bounds, and no crash."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
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
#: The whole of a request's head. h11 bounds only what comes in pieces.
MAX_HEAD = 16 * 1024
#: Bytes and seconds for what is refused as too large.
DROP = 2 * 1024 * 1024
DROP_SECONDS = 2.0
ANSWERING = "/api/", "/events", "/whep/"


@dataclass(frozen=True, slots=True)
class BodyRule:
    """What one address takes: so many bytes of these types."""

    most: int
    types: frozenset[str] = frozenset({"application/json"})


#: An offer of a browser has 3 to 8 kB; a layer is chosen in JSON.
WHEP_BODY = BodyRule(64 * 1024, frozenset({"application/sdp", "application/trickle-ice-sdpfrag", "application/json"}))
#: An inventory of 20,000 rows has 6 MB, a third more in base64.
IMPORT_BODY = BodyRule(8 * 1024 * 1024 + 64 * 1024)


@dataclass(frozen=True, slots=True)
class Limits:
    """``bodies`` by the beginning of the path, the first that fits; ``stranger`` for whoever is not logged in.
    Seconds for the body and for the answer to begin; what goes on after its beginning (events) has no end here."""

    body: BodyRule = BodyRule(256 * 1024)
    stranger: int = 16 * 1024
    bodies: Mapping[str, BodyRule] = field(
        default_factory=lambda: {"/whep/": WHEP_BODY, "/api/v1/imports": IMPORT_BODY}
    )
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
                _check_head(scope)
                await self._app(scope, receive, out)
        except Exception as error:
            over = True
            problem = Problem("slow") if isinstance(error, TimeoutError) and timer.expired() else problem_of(error)
            if problem.type.code == "internal":
                log.exception("x request %s failed", request_id)
            if not begun:
                await _refuse(problem, scope, request_id, receive, out)


def _check_head(scope: Scope) -> None:
    size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    size += sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    if size > MAX_HEAD:
        raise Problem("malformed", what=f"the request's head has more than {MAX_HEAD} bytes")
    # RFC 9112 section 6.1: where two programs read a length differently, one request hides another.
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
        raise Problem("malformed", what="the body's length is told in two ways")


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
            await self._drop(receive)
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
                    if total > most or not message.get("more_body"):
                        break
        except TimeoutError as error:
            raise Problem("body_timeout") from error
        if total > most:
            chunks.clear()
            if message.get("more_body"):
                await self._drop(receive)
            raise Problem("too_large", facts={"limit": most})
        body = b"".join(chunks)
        if total:
            _check_type(headers, rule)
            if "json" in headers.get("content-type", "").lower():  # /whep/ takes SDP
                _check_json(body)
        return body

    async def _drop(self, receive: Receive) -> None:
        """Take some of what is refused: a connection closed on bytes that nobody took is reset, and whoever sent them
        never reads why. Beyond that they find out so."""
        dropped = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(DROP_SECONDS):
                while dropped < DROP:
                    message = await receive()
                    dropped += len(message.get("body", b""))
                    if message["type"] == "http.disconnect" or not message.get("more_body"):
                        return


def _check_type(headers: Headers, rule: BodyRule) -> None:
    kind, _, rest = headers.get("content-type", "").partition(";")
    charset = rest.strip().lower().replace('"', "")
    if kind.strip().lower() not in rule.types or charset not in ("", "charset=utf-8"):
        raise Problem("media_type", where="Content-Type", facts={"allowed": sorted(rule.types)})
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem("media_type", where="Content-Encoding")


def _check_json(body: bytes) -> None:
    """JSON (RFC 8259) that every reader reads alike: no member twice, no numbers that are none, UTF-8. Which of two
    members counts differs between programs, and a filter before us may have read the other one."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise Problem("malformed", what="a member stands in the body twice", where="body")
        return found

    def no_number(_: str) -> None:
        raise ValueError

    try:
        json.loads(body.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise Problem("malformed", what="the body is not JSON", where="body") from error


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
