"""What an operator and a technician come for, from end to end."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.console.conftest import PHONE, Open
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
    rows = (await town.get("/views", camera=camera["id"], limit=50))["items"]
    assert {"live"} <= {one["kind"] for one in rows}
    assert any(one["purpose"] == "duty" for one in rows)


async def test_a_fault_appears_by_itself_is_taken_and_goes_by_itself(desk: Open, town: World) -> None:
    camera = (await town.cameras())[3]
    page = await desk("operator", "/incidents")
    await page.locator("header .light.open").wait_for()
    await town.fault(camera["id"], "black")
    row = page.locator("[role=row][data-key]", has_text=camera["name"]).first
    pill = page.locator("button.pill")
    # The list was touched by nobody; if it was, what is new waits behind the pill.
    await town.until(lambda: _either(row, pill), 45)
    if not await row.count():
        await pill.first.click()
    await row.click()
    pane = page.locator("aside, [data-pane]").first
    await pane.wait_for()
    await page.locator("img[src^='blob:']").first.wait_for(timeout=15_000)  # its proof
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("a")
    await page.get_by_role("button", name=re.compile("撤销")).first.wait_for()
    incident = (await town.get("/incidents", camera=camera["id"], limit=1))["items"][0]
    assert incident["acknowledged_by"] == town.users["operator"]["name"]
    await town.fault(camera["id"], "black", on=False)
    await town.until_state(camera["id"], "ok")
    await page.goto(f"{town.url}/incidents?status=resolved")
    await page.locator("[role=row][data-key]", has_text=camera["name"]).first.wait_for()


async def _either(row: Any, pill: Any) -> bool:
    return bool(await row.count() or await pill.count())


async def test_a_technician_deals_with_an_incident_on_a_phone(desk: Open, town: World) -> None:
    camera = (await town.cameras())[4]
    await town.fault(camera["id"], "covered_70")

    async def standing() -> Any:
        return (await town.get("/incidents", camera=camera["id"], state=["open"]))["items"]

    incident = (await town.until(standing, 45))[0]
    try:
        page = await desk("technician", f"/incidents/{incident['id']}", size=PHONE)
        take = page.get_by_role("button", name=re.compile("^确认")).first
        await take.wait_for()
        box = await take.bounding_box()
        assert box["y"] > PHONE[1] * 0.45  # within reach of a thumb
        assert box["y"] + box["height"] <= PHONE[1] - 52
        assert min(box["width"], box["height"]) >= 44
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        await take.click()
        await page.get_by_role("button", name=re.compile("撤销")).first.wait_for()
        one = await town.get(f"/incidents/{incident['id']}")
        assert one["acknowledged_by"] == town.users["technician"]["name"]
        await page.get_by_role("button", name=re.compile("撤销")).first.click()
        await take.wait_for()
        one = await town.get(f"/incidents/{incident['id']}")
        assert one["acknowledged_by"] is None
        assert {"acknowledged", "withdrawn"} <= {entry["act"] for entry in one["entries"]}  # nothing is erased
    finally:
        await town.fault(camera["id"], "covered_70", on=False)
        await town.until_state(camera["id"], "ok")


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
