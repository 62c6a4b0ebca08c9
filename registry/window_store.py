"""Edge: the table of maintenance windows and guard periods."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from config.errors import Kind, XueliangError
from config.scope import Scope
from registry import rows_store
from registry.database import Connection
from registry.nouns_store import CAMERA, DEVICE, WINDOW
from registry.rows_store import Page
from registry.tables import windows
from registry.window import Window


async def add_window(scope: Scope, connection: Connection, window: Window) -> Window:
    """Raises ``INVALID`` for a window that ends before it starts, ``NOT_FOUND`` for a foreign area, unit or target."""
    if window.ends <= window.starts:
        raise XueliangError(Kind.INVALID, "the window ends before it starts", fix="Give an end after the start")
    if window.camera_id is not None:
        await rows_store.get(scope, connection, CAMERA, window.camera_id)
    if window.device_id is not None:
        await rows_store.get(scope, connection, DEVICE, window.device_id)
    await rows_store.require_unit(scope, connection, window.unit_id)
    return await rows_store.add(scope, connection, WINDOW, window)


async def change_window(scope: Scope, connection: Connection, window_id: str, version: int, **fields: Any) -> Window:
    """Approve, move or cancel. An approval names who approved; the figures heed only approved windows."""
    changed = await rows_store.change(scope, connection, WINDOW, window_id, version, **fields)
    if changed.ends <= changed.starts:
        raise XueliangError(Kind.INVALID, "the window ends before it starts", fix="Give an end after the start")
    return changed


async def get_window(scope: Scope, connection: Connection, window_id: str) -> Window:
    return await rows_store.get(scope, connection, WINDOW, window_id)


async def list_windows(
    scope: Scope,
    connection: Connection,
    *,
    ending_after: datetime | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[Window]:
    where = [] if ending_after is None else [windows.c.ends > ending_after]
    return await rows_store.page(scope, connection, WINDOW, *where, after=after, limit=limit)
