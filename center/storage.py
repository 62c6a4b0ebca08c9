"""Wiring: the data folder, the database in it or elsewhere, the keys, and what hangs on them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlsplit, urlunsplit

import alerts.tables  # noqa: F401 - registers alerts' tables on it
import health.tables  # noqa: F401 - registers health's tables on the one MetaData
import registry.tables  # noqa: F401 - registers registry's tables on it
from center.data_folder import DataFolder
from center.master_key import key_place
from config.clock import Clock, SystemClock
from config.errors import Kind, XueliangError
from config.settings import Settings
from registry.database import Database
from registry.key_store import open_keys
from registry.keys import KeyRing
from registry.memory_store import StoredDeviceMemory
from registry.migrations.run import Migrated, current, migrate, newest
from registry.vault import Vault


@dataclass(frozen=True, slots=True)
class Storage:
    settings: Settings
    folder: DataFolder
    db: Database
    keys: KeyRing
    vault: Vault
    memory: StoredDeviceMemory
    clock: Clock


def database_url(settings: Settings, folder: DataFolder) -> str:
    """The address the database is opened by; it holds the password and is shown to nobody."""
    url = settings.database.url
    if not url:
        return f"sqlite:///{folder.database}"
    password = settings.database.password
    if password is None:
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password.get_secret_value(), safe='')}@{host}"))


@asynccontextmanager
async def opened(settings: Settings, clock: Clock | None = None, *, may_migrate: bool = True) -> AsyncIterator[Storage]:
    """Everything open and the folder locked until the end.

    Brings an empty or older database to the newest schema, or raises ``CONFLICT`` where ``may_migrate`` is false.
    Raises ``CONFLICT`` while another process has the folder, and what the parts raise.
    """
    clock = clock or SystemClock()
    folder = DataFolder(settings.service.data_dir)
    folder.prepare()
    folder.lock()
    try:
        db = await Database.open(database_url(settings, folder), clock=clock)
        try:
            await _up_to_date(db, may_migrate)
            place = key_place(folder)
            keys = await open_keys(db, place.path, private=not place.handed)
            hold = timedelta(seconds=settings.cameras.refused_hold_seconds)
            yield Storage(settings, folder, db, keys, Vault(keys), StoredDeviceMemory(db, clock, hold), clock)
        finally:
            await db.close()
    finally:
        folder.unlock()


async def _up_to_date(db: Database, may_migrate: bool) -> Migrated | None:
    if await current(db) == newest():
        return None
    if not may_migrate:
        raise XueliangError(
            Kind.CONFLICT,
            "the database's schema is not this program's",
            fix="Back it up with the version that made it, then run xueliang migrate with the service stopped",
        )
    return await migrate(db)
