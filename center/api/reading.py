"""Edge: who reads what is written about people leaves a row: the reading and its row are one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from center.api.asked import Asked
from registry.audit_store import append
from registry.database import Connection


@asynccontextmanager
async def reading(asked: Asked, what: str, query: Mapping[str, Any]) -> AsyncIterator[Connection]:
    """To read ``audit`` or ``views`` in. No row, no reading: raises what the database raises."""
    async with asked.write() as connection:
        yield connection
        await append(asked.scope, connection, f"{what}.read", what, "-", details=dict(query))
