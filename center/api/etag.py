"""Edge: versions as entity tags (RFC 9110 section 8.8.3): nobody overwrites what they have not seen."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Header, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from center.api.asked import Asked
from center.api.problems import Problem
from config.errors import Kind, XueliangError

_TAG = re.compile(r'(?:W/)?"v([0-9]{1,9})"')
T = TypeVar("T")

#: Declare it in every route that edits, so that the documentation tells of it.
IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=100, description='the `ETag` that was read, such as `"v3"`')
]


def etag(version: int) -> str:
    return f'"v{version}"'


def tagged(asked: Asked, body: Any, version: int, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer with its ``ETag``; 304 without a body where ``If-None-Match`` names the same."""
    tag = etag(version)
    given = asked.request.headers.get("if-none-match", "")
    if asked.request.method == "GET" and tag in [item.strip().removeprefix("W/") for item in given.split(",")]:
        return Response(status_code=304, headers={"ETag": tag})
    return JSONResponse(jsonable_encoder(body), status, {"ETag": tag, **(headers or {})})


def version_of(if_match: str | None) -> int:
    """Raises ``version_required`` without the header, ``changed`` for a tag that is none of ours."""
    if not if_match:
        raise Problem("version_required")
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise Problem("changed", where="If-Match", what="this is not an ETag of ours")
    return int(found.group(1))


async def edited(change: Awaitable[T], current: Callable[[], Awaitable[Any]], sent: Any) -> T:
    """The changed object. Where somebody was faster: 412 ``changed`` with ``current`` (as it stands, read anew) and
    ``sent`` (what was to be saved); ``sent`` must hold no secret."""
    try:
        return await change
    except XueliangError as error:
        if error.kind is not Kind.CONFLICT or "version" not in error.facts:
            raise
        facts = {
            "current": jsonable_encoder(await current()),
            "sent": jsonable_encoder(sent),
            "version": error.facts["version"],
        }
        headers = {"ETag": etag(int(error.facts["version"]))}
        raise Problem("changed", facts=facts, headers=headers) from error
