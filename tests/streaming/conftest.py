"""One relay for the tests of a file: a camera's clip is drawn once, its session opened when asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.live_rig import LiveRig, live


@pytest.fixture
async def town(tmp_path: Path, clips: Path) -> AsyncIterator[LiveRig]:
    async with live(tmp_path, clips) as found:
        yield found
