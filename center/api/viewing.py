"""Edge: the transaction of a view. No row, no view: if the register cannot be written, nothing new is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from center.api.asked import Asked
from center.api.problems import Problem
from config.errors import Kind, XueliangError
from registry.database import Connection

_WHO = {"camera": "摄像机", "account": "账号", "service": "服务"}


def full(error: XueliangError) -> Problem:
    """Who is full: the camera, the account or the service; 503 and after how long to come back."""
    facts = {name: value for name, value in error.facts.items() if name != "code"}
    facts["who_zh"] = _WHO.get(str(facts.get("who")), "")
    retry = {"Retry-After": str(facts.get("retry_after", 5))}
    return Problem("view_limit", what=error.what, where=error.where, fix=error.fix, facts=facts, headers=retry)


@asynccontextmanager
async def recorded(asked: Asked) -> AsyncIterator[Connection]:
    """Left without an exception, the rows stand on the disk. Raises ``register`` where they cannot, ``masked`` and
    ``limit`` as what they are, and what the stores raise."""
    try:
        async with asked.write() as connection:
            yield connection
    except XueliangError as error:
        if error.kind in (Kind.UNAVAILABLE, Kind.INTERNAL):
            raise Problem("register", what=error.what) from error
        if (known := refused(error)) is not None:
            raise known from error
        raise


def refused(error: XueliangError) -> Problem | None:
    """What the rules of looking refuse has a name of its own."""
    code = error.facts.get("code")
    if code == "limit" and error.kind is Kind.LIMIT:
        return full(error)
    if code == "masked":
        return Problem("masked", where=error.where)
    return None
