"""What people come for, from end to end, and what some of them must never be shown."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.console.conftest import Open
from tests.support.console_world import World, until_live

pytestmark = pytest.mark.asyncio(loop_scope="session")

FRAMES = """() => { const video = document.querySelector('video');
  return video ? video.getVideoPlaybackQuality().totalVideoFrames : 0; }"""


async def _more_frames(page: Any, than: int) -> None:
    await page.wait_for_function(f"() => ({FRAMES})() > {than}", timeout=20_000)


async def test_an_operator_finds_a_camera_by_name_and_sees_it_without_a_pointer(desk: Open, town: World) -> None:
    camera = (await town.cameras())[2]
    page = await desk("operator", "/now")
    await page.locator("header .light.open").wait_for()
    await page.keyboard.press("/")
    await page.keyboard.type(camera["name"])
    await page.keyboard.press("Enter")
    row = page.locator("[role=row][data-key]")
    await row.first.wait_for()
    await page.wait_for_function("() => document.querySelectorAll('[role=row][data-key]').length === 1")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(re.escape(camera["id"])))
    await page.get_by_role("heading", name=camera["name"]).wait_for()
    await page.keyboard.press("l")
    await until_live(page)
    seen = await page.evaluate(FRAMES)
    await _more_frames(page, seen + 10)
    auditor = await desk("auditor", f"/audit?tab=views&object={camera['id']}")
    row = auditor.locator("tbody tr", has_text="实时").first
    await row.wait_for()
    words = await row.inner_text()
    assert town.users["operator"]["name"] in words
    assert "值班" in words


@pytest.mark.parametrize("role", ["admin", "auditor"])
async def test_who_sees_no_pictures_asks_for_none_on_any_page(desk: Open, town: World, role: str) -> None:
    camera = (await town.cameras())[0]
    for path in ("/now", "/cameras", f"/cameras/{camera['id']}", "/incidents", "/wall", "/audit", "/users", "/setup"):
        page = await desk(role, path)
        await page.locator("main h1").first.wait_for(state="attached")
        await page.wait_for_load_state("load")
        pictures = [one for one in page.watched.requests if re.search(r"/sample|/evidence/|/picture|/whep|/views", one)]
        assert [one for one in pictures if "/api/v1/views?" not in one] == [], path
        await page.close()
