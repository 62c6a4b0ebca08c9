"""A wall that is watched all day: what a page holds in memory does not grow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.console.conftest import Open
from tests.support.console_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

TILES = 16
#: CONSOLE, section 7: of what is held after the warm-up.
GROWTH = 0.10
#: Seconds of warm-up and of watching: CONSOLE's half hour with ``--soak``, else what a run of all tests can afford.
LONG, SHORT = (180, 1800), (6, 14)
LIVE = "[...document.querySelectorAll('.tile')].filter(one => one.dataset.state === 'live').length"
FRAMES = "[...document.querySelectorAll('.tile video')].map(one => one.getVideoPlaybackQuality().totalVideoFrames)"


async def passed(page: Any, seconds: float) -> None:
    """By the page's own clock: it goes on watching meanwhile."""
    began = await page.evaluate("performance.now()")
    done = f"began => performance.now() - began > {seconds * 1000}"
    await page.wait_for_function(done, arg=began, polling=500, timeout=(seconds + 60) * 1000)


async def held(session: Any) -> int:
    """Bytes that nothing can be freed of: the least of three readings, each after everything was collected."""
    found = []
    for _ in range(3):
        await session.send("HeapProfiler.collectGarbage")
        found.append(int((await session.send("Runtime.getHeapUsage"))["usedSize"]))
    return min(found)


@pytest.mark.soak
async def test_sixteen_tiles_hold_no_more_after_half_an_hour(desk: Open, town: World, soak: bool) -> None:
    warm, watched = LONG if soak else SHORT
    cameras = ",".join(one["id"] for one in (await town.cameras())[:TILES])
    page = await desk("operator", f"/wall?layout={TILES}&cams={cameras}")
    await page.wait_for_function(f"() => {LIVE} === {TILES}", timeout=90_000)
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.enable")
    await passed(page, warm)
    before, frames = await held(session), await page.evaluate(FRAMES)
    await passed(page, watched)
    after, later = await held(session), await page.evaluate(FRAMES)
    print(f"held {before / 1e6:.2f} MB, after {watched} s {after / 1e6:.2f} MB ({after / before - 1:+.1%})")
    assert after <= before * (1 + GROWTH), (before, after)
    assert all(now > then for then, now in zip(frames, later, strict=True))  # and it was watching
