"""Edge: every error leaves as one problem document (RFC 9457): what happened, what it means, what to do."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from center.api.languages import prefers_chinese
from center.api.problem_texts import OF_KIND, TYPES
from config.errors import XueliangError
from config.text import printable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_MAX_ERRORS = 20
#: Members are words with underscores, headers words with hyphens between capitals.
_OURS = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*|[A-Z][A-Za-z]*(-[A-Z][A-Za-z]*)*")
_OF_STATUS = {400: "malformed", 401: "login_required", 403: "forbidden", 404: "not_found", 405: "method"}
_OF_STATUS |= {408: "body_timeout", 413: "too_large", 415: "media_type", 429: "limit", 503: "unavailable"}


class Problem(Exception):
    """An answer that is a problem of type ``code``. ``facts`` are members of the document and fill its sentences;
    ``what`` and ``fix`` say it more closely than the type does."""

    def __init__(
        self,
        code: str,
        *,
        what: str = "",
        where: str = "",
        fix: str = "",
        facts: Mapping[str, Any] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.type = TYPES[code]
        self.what, self.where, self.fix = what, where, fix
        self.facts, self.errors, self.headers = dict(facts or {}), list(errors), dict(headers or {})
        super().__init__(code)

    @classmethod
    def of(cls, error: XueliangError) -> Problem:
        return cls(OF_KIND[error.kind], what=error.what, where=error.where, fix=error.fix, facts=error.facts)


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def document(problem: Problem, zh: bool, request_id: str) -> dict[str, Any]:
    """``detail`` is the sentences in one text; ``what``, ``where`` and ``fix`` are for showing them apart."""
    kind = problem.type
    known = _Blank({**problem.facts, "request_id": request_id})
    happened, means, to_do = (text.format_map(known) for text in (kind.zh if zh else kind.en))
    # Texts raised deeper inside are English; a Chinese reader gets the type's words, and those beside them.
    what, fix = (happened, to_do) if zh else (problem.what or happened, problem.fix or to_do)
    reserved = {"type", "title", "status", "detail", "code", "what", "where", "fix", "request_id", "errors", "cause"}
    return {
        "type": f"urn:xueliang:problem:{kind.code}",
        "title": happened,
        "status": kind.status,
        "detail": f"{what.rstrip('.')}. {means} {fix}" if not zh else f"{what}{means}{fix}",
        "code": kind.code,
        "what": what,
        "where": problem.where,
        "fix": fix,
        "request_id": request_id,
        **({"cause": problem.what} if zh and problem.what else {}),
        **({"errors": problem.errors} if problem.errors else {}),
        **{name: value for name, value in problem.facts.items() if name not in reserved},
    }


def answer(problem: Problem, headers: Mapping[str, str], request_id: str) -> Response:
    """``headers`` are the request's."""
    zh = prefers_chinese(headers.get("accept-language", ""))
    status = problem.type.status
    more = dict(problem.headers)
    more["Content-Language"] = "zh" if zh else "en"
    more["Vary"] = "Accept-Language, Cookie, Authorization"
    if status == 401:
        more.setdefault("WWW-Authenticate", "Bearer")
    if status in (429, 503):
        more.setdefault("Retry-After", str(problem.facts.get("retry_after", 5)))
    return JSONResponse(document(problem, zh, request_id), status, more, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """From now on nothing but problems leaves ``app`` as an error."""
    app.add_exception_handler(Problem, _handle)
    app.add_exception_handler(XueliangError, _handle)
    app.add_exception_handler(HTTPException, _handle)
    app.add_exception_handler(RequestValidationError, _handle)
    app.add_exception_handler(Exception, _handle)


async def _handle(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    request_id = str(request.scope.get("state", {}).get("request_id", ""))
    if problem.type.status >= 500:
        trace = error if problem.type.code == "internal" else None
        log.error("x request %s: %s: %s", request_id, problem.type.code, problem.what, exc_info=trace)
    return answer(problem, request.headers, request_id)


def problem_of(error: BaseException) -> Problem:
    """What an exception is to the asker; one that nobody foresaw says nothing of itself."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, XueliangError):
        return Problem.of(error)
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    if isinstance(error, HTTPException):
        headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
        return Problem(_OF_STATUS.get(error.status_code, "malformed"), headers=headers)
    return Problem("internal")


def _of_validation(error: RequestValidationError) -> Problem:
    """The parts that are wrong, never what was sent: it may be a password."""
    found = error.errors()
    if any(item["loc"][:1] == ("path",) for item in found):
        return Problem("not_found")  # an id that cannot be one is one that is not there
    if any(item["type"] == "json_invalid" for item in found):
        return Problem("malformed", what="the body is not JSON", where="body")
    errors = [
        {
            "where": printable("/".join(_part(part) for part in item["loc"]), 120),
            "what": "no member of this name is known" if item["type"] == "extra_forbidden" else str(item["msg"])[:200],
        }
        for item in found[:_MAX_ERRORS]
    ]
    return Problem("invalid", where=errors[0]["where"] if errors else "", errors=errors)


def _part(part: int | str) -> str:
    """A name that none of ours is made like may be a password that stands in the wrong place."""
    return str(part) if isinstance(part, int) or _OURS.fullmatch(part) else "?"
