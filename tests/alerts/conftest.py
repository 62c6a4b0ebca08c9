"""Wiring: fixtures of the alerts' tests: both databases, and a district behind two recorders and a switch."""

from __future__ import annotations

import pytest_asyncio

from config.clock import ManualClock
from registry.database import Database
from tests.support.alerts_world import World
from tests.support.databases import (  # noqa: F401  (fixtures are found by name)
    clock,
    database_url,
    db,
    db_kind,
    postgres_folder,
)
from tests.support.registry_world import add_world


@pytest_asyncio.fixture
async def world(db: Database, clock: ManualClock) -> World:  # noqa: F811
    """Two worlds, ``east`` and ``west``, each a recorder of four channels behind a switch of its own."""
    await add_world(db, "east", 1, cameras=4)
    await add_world(db, "west", 2, cameras=4)
    return await World(db, clock).begin()
