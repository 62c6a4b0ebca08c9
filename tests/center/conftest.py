"""A small virtual fleet that speaks for itself, each camera on ports of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from tests.support.backup_world import made, original  # noqa: F401  (fixtures)
from tests.support.commands import run  # noqa: F401  (a fixture)


@pytest.fixture(scope="session")
def clip_cache(clips: Path) -> Path:
    return clips


@pytest.fixture
async def fleet(clip_cache: Path) -> AsyncIterator[Fleet]:
    """Two cameras with a keyframe every half second."""
    found = Fleet(FleetSpec(cameras=2, listen="port", main=(640, 360), gop=0.5, cache=clip_cache))
    await found.start()
    yield found
    await found.stop()
