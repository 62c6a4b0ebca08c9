"""A service that is killed and started again: whoever watched goes on watching without a hand."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Error as PageError

from tests.console.conftest import DESK
from tests.support.console_world import World, world

pytestmark = pytest.mark.asyncio(loop_scope="session")

CAMERAS = 4
#: CONSOLE, section 7: after the source is there.
BOUND = 15.0
#: When all tiles live, and since when not (milliseconds since 1970), as the page itself sees it.
WATCH = """count => { window.since = {live: 0, lost: 0};
  setInterval(() => {
    const live = [...document.querySelectorAll('.tile')].filter(one => one.dataset.state === 'live').length === count;
    if (live && window.since.lost && !window.since.live) window.since.live = Date.now();
    if (!live && !window.since.lost) window.since.lost = Date.now();
  }, 100); }"""


async def all_live(page: Any, seconds: float) -> None:
    live = "[...document.querySelectorAll('.tile')].filter(one => one.dataset.state === 'live').length"
    await page.wait_for_function(f"() => {live} === {CAMERAS}", timeout=seconds * 1000)


async def wall(chromium: Any, town: World) -> Any:
    """The operator's, every camera on it."""
    width, height = DESK
    context = await chromium.new_context(viewport={"width": width, "height": height})
    user = town.users["operator"]
    given = {"name": user["name"], "password": user["password"]}
    answered = await context.request.post(f"{town.url}/api/v1/session", data=given, headers={"origin": town.url})
    assert answered.status == 201, await answered.text()
    cameras = ",".join(one["id"] for one in await town.cameras())
    page = await context.new_page()
    await page.goto(f"{town.url}/wall?layout=4&cams={cameras}")
    return page


async def test_every_tile_lives_again_after_the_service_was_killed(
    driver: Any, chromium: Any, built: None, tmp_path: Path
) -> None:
    async with world(driver, tmp_path / "data", CAMERAS) as town:
        port = urlsplit(town.url).port
        assert port is not None
        page = await wall(chromium, town)
        await all_live(page, 60)
        views = {one for one in await page.locator(".tile .mark .long").all_inner_texts() if one}
        await page.evaluate(WATCH, CAMERAS)
        os.kill(town.pid, signal.SIGKILL)
    await page.wait_for_function("() => window.since.lost > 0", timeout=10_000)

    async def answers() -> float:
        try:
            answered = await page.context.request.get(f"{town.url}/readyz", timeout=2_000)
        except PageError:
            return 0.0
        return time() if answered.ok else 0.0

    asking = asyncio.create_task(town.until(answers, 90))
    async with world(driver, tmp_path / "data", CAMERAS, port) as again:
        assert again.url == town.url
        ready = await asking
        await all_live(page, BOUND)
        await page.wait_for_function("() => window.since.live > 0", timeout=5_000)
        live = await page.evaluate("window.since.live") / 1000
        print(f"live {live - ready:+.1f} s after the service answered")
        assert live - ready <= BOUND
        # Sessions are kept: nobody was asked who he is.
        assert await page.get_by_role("dialog").count() == 0
        assert re.search(r"/wall\?", page.url)
        assert (await page.context.request.get(f"{town.url}/api/v1/session")).status == 200
        anew = {one for one in await page.locator(".tile .mark .long").all_inner_texts() if one}
        assert len(anew) == CAMERAS
        assert not anew & views  # each picture is a view of its own, on record
        await page.context.close()
