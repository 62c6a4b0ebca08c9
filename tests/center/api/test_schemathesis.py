"""Schemathesis over everything that the API describes: what it says is what it answers, whatever is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from config.clock import ManualClock
from config.scope import Role
from registry.database import Database
from registry.keys import KeyRing
from registry.migrations.run import migrate
from tests.support.api_rig import Rig, served, storage_of
from tests.support.api_world import add_district

CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
#: Endless; its own tests read it.
ENDLESS = "/events"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    db = await Database.open(f"sqlite:///{tmp_path / 'x.db'}", clock=ManualClock(), keys=KeyRing.ephemeral())
    await migrate(db)
    async with served(storage_of(db, tmp_path / "data")) as found:
        await add_district(db, found.core.storage.folder.evidence, "a", 1)
        yield found
    await db.close()


def walk(url: str, document: dict[str, Any], secret: str, examples: int) -> tuple[int, dict[str, str]]:
    """Operations walked, and what was wrong with which."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=url)
    walked, wrong = 0, {}
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # a description that is none raises here
        if operation.path == ENDLESS:
            continue
        walked += 1

        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def run(case: Any) -> None:
            response = case.call(headers={"Authorization": f"Bearer {secret}"}, timeout=30)
            case.validate_response(response, checks=CHECKS)

        try:
            run()
        except Exception as error:
            wrong[operation.label] = f"{type(error).__name__}: {error}"[:1500]
    return walked, wrong


async def test_the_api_is_as_it_says(rig: Rig, soak: bool) -> None:
    platform = await rig.token("machine", Role.ADMIN)
    document = (await platform.get("/api/v1/openapi.json")).json
    walked, wrong = await asyncio.to_thread(walk, rig.url, document, platform.token, 60 if soak else 4)
    assert wrong == {}
    assert walked >= 50
