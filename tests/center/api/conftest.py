"""Wiring: a served API over each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry.database import Database
from tests.support.api_rig import Rig, served, storage_of
from tests.support.databases import (  # noqa: F401  (fixtures are found by name)
    clock,
    database_url,
    db,
    db_kind,
    postgres_folder,
)


@pytest.fixture
async def rig(db: Database, tmp_path: Path) -> AsyncIterator[Rig]:  # noqa: F811 - the fixture of that name
    async with served(storage_of(db, tmp_path / "data")) as found:
        yield found
