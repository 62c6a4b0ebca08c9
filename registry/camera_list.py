"""Wiring: the list of cameras that the service watches, and the credentials it watches them with."""

from __future__ import annotations

from camera_gateway.target import Credentials
from config.errors import Kind, XueliangError
from config.scope import Scope
from registry import camera_list_store
from registry.change_feed_store import head
from registry.credential_store import find_credentials
from registry.database import Database
from registry.vault import Vault
from registry.watched_camera import PathStep, WatchedCamera, WatchedStream

__all__ = ["PathStep", "WatchedCamera", "WatchedStream", "camera_list", "credentials_of", "position"]


async def camera_list(scope: Scope, db: Database, since_position: int | None = None) -> list[WatchedCamera]:
    """Every camera in scope that is to be watched, in the order of ids; four queries whatever their number.

    With ``since_position`` (see :func:`position`, read *before* the list) only cameras that a change after it may
    concern, those that left the list among them with ``active`` false; the whole list where the feed no longer
    reaches back, or so much changed that the whole is cheaper.
    """
    async with db.read() as connection:
        try:
            touched = await camera_list_store.touched(scope, connection, since_position)
        except XueliangError as error:
            if error.kind is not Kind.GONE:
                raise
            touched = None
        return await camera_list_store.rows(scope, connection, touched)


async def position(scope: Scope, db: Database) -> int:
    """Where the change feed stands; to be handed to the next :func:`camera_list`."""
    async with db.read() as connection:
        return (await head(scope, connection)).position


async def credentials_of(scope: Scope, db: Database, vault: Vault, device_id: str) -> Credentials | None:
    """Account and password of a device for the gateway; only ``Scope.system`` may ask."""
    async with db.read() as connection:
        return await find_credentials(scope, connection, vault, device_id)
