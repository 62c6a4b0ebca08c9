"""Chromium, as operators have it: decoded pictures advance, the first one at once, main and sub in one session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.chromium import browser
from tests.support.live_rig import live

pytestmark = pytest.mark.peer


async def test_decoded_pictures_advance_and_switch_between_main_and_sub(tmp_path: Path, clips: Path) -> None:
    async with live(tmp_path, clips, gop=2.0) as town, browser(town.rig.url) as page:
        ticket = await town.ticket()
        assert await page.open("tile", "/whep/camera-0", ticket) == 201, str(await page.facts("tile"))[:900]
        await page.until("tiles.tile.frames > 15")
        facts = await page.facts("tile")
        assert facts["width"] == 640

        chosen = await town.whep("POST", f"{facts['place']}/layer", ticket, '{"encodingId": "sub"}', "application/json")
        assert chosen.status == 204
        await page.until("tiles.tile.width === 320")
        before = (await page.decoded("tile"))["framesDecoded"]
        await page.until(f"tiles.tile.frames > {before + 5}")
        stats = await page.decoded("tile")
        assert stats["framesDecoded"] > before
        assert (await page.facts("tile"))["gap"] < 1000
        assert stats["packetsLost"] == 0

        # A second viewer finds the group of pictures in the ring.
        assert await page.open("second", "/whep/camera-0", await town.ticket()) == 201
        await page.until("tiles.second.frames > 3")
        assert (await page.facts("second"))["first"] < 1500
