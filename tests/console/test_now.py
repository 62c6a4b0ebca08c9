"""The page of the present: every number of how many, leading to exactly its rows; what changes comes by itself."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.console.conftest import PHONE, Open
from tests.support.console_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


def bare(text: str) -> str:
    return re.sub(r"\s", "", text)


async def opened(desk: Open, role: str = "operator", path: str = "/now", **look: Any) -> Any:
    page = await desk(role, path, **look)
    await page.locator("a.tile").first.wait_for()
    return page


async def test_a_number_has_its_denominator_and_leads_to_exactly_its_rows(desk: Open, town: World) -> None:
    page = await opened(desk)
    tiles = {bare(text) for text in await page.locator("a.tile").all_inner_texts()}
    whole = (await town.get("/overview"))["total"]
    assert len(tiles) == 6
    assert all(re.search(rf"\d+共?/{whole}$", text) for text in tiles), tiles
    await page.locator("a.tile", has_text="正常").click()
    await page.wait_for_url(re.compile(r"/cameras\?state=ok$"))
    good = (await town.get("/cameras", state="ok", limit=1))["total"]
    await page.get_by_text(f"{whole} 路中 {good} 路").wait_for()


async def test_rates_say_how_they_are_counted_and_match_the_service(desk: Open, town: World) -> None:
    page = await opened(desk)
    counted = await town.get("/overview")
    shown = bare(await page.locator(".rates").inner_text())
    online, good = counted["online"], counted["picture_good"]
    assert f"在线率{online['part']}/{online['whole']}=" in shown
    assert f"画面完好率{good['part']}/{good['whole']}=" in shown
    await page.get_by_text("怎么算的").click()
    assert await page.get_by_text("未知和检修不进分母").is_visible()


async def test_what_goes_wrong_comes_by_itself_and_goes(desk: Open, town: World) -> None:
    struck = await town.alone(7)
    page = await opened(desk)
    await town.fault(struck["id"], "unreachable")
    try:
        row = page.locator("section.panel", has_text="未结束的故障事件").locator("li", has_text=struck["name"])
        await row.wait_for(timeout=60_000)
        assert "未确认" in await row.inner_text()
        changed = page.locator("section.panel", has_text="最近一小时变化").locator("li", has_text=struck["name"])
        await changed.filter(has_text="离线").first.wait_for()
        await page.locator("a.tile.offline").wait_for()
    finally:
        await town.fault(struck["id"], "unreachable", on=False)
    await town.until_state(struck["id"], "ok")
    await changed.filter(has_text="正常，此前离线").first.wait_for(timeout=10_000)
    await row.wait_for(state="detached", timeout=10_000)


@pytest.mark.parametrize("role", ["lead", "technician", "auditor", "admin"])
async def test_nobody_sees_or_asks_for_a_picture_here(desk: Open, role: str) -> None:
    page = await opened(desk, role)
    await page.wait_for_load_state("networkidle")
    assert await page.locator("main img, main video").count() == 0
    assert [one for one in page.watched.requests if re.search("sample|evidence/|picture|/views", one)] == []


async def test_one_area_shows_its_own_numbers_and_a_strange_one_is_not_found(desk: Open, town: World) -> None:
    area = next(one for one in (await town.get("/overview"))["areas"] if one["parent_id"] is not None)
    page = await opened(desk, path=f"/now?area={area['id']}")
    assert f"{area['name']} {area['cameras']} 路" in await page.locator("p.head").inner_text()
    assert await page.locator("a.tile").first.get_attribute("href") == f"/cameras?state=offline&area={area['id']}"
    page = await desk("operator", "/now?area=elsewhere")
    await page.get_by_text("找不到这个区域。").wait_for()


async def test_the_numbers_of_freshness_lead_to_exactly_their_rows(desk: Open, town: World) -> None:
    """Every camera of the town is looked at in time; what is late is told as a service would that lags behind."""
    area = next(
        one for one in (await town.get("/overview"))["areas"] if one["parent_id"] is not None and one["cameras"]
    )

    async def lagging(route: Any) -> None:
        told = await (await route.fetch()).json()
        for one in [told["checked"], *(each for each in told["areas"] if each["id"] == area["id"])]:
            one |= {"late": 2, "never": 1, "in_time": one["cameras"] - 2}
        await route.fulfill(json=told)

    page = await desk("operator", "/login")
    await page.route("**/api/v1/overview", lagging)
    await page.goto(f"{town.url}/now")
    fresh = page.locator("section.panel", has_text="新鲜度").locator("li", has_text=area["name"])
    await fresh.get_by_role("link", name="超期 2").wait_for()
    assert (
        await page.locator(".head").get_by_role("link", name="超期 2").get_attribute("href") == "/cameras?looked=late"
    )
    assert await fresh.get_by_role("link", name="从未检查 1").get_attribute("href") == (
        f"/cameras?area={area['id']}&looked=never"
    )
    async with page.expect_response(re.compile(r"/api/v1/cameras\?.*looked=late")) as asked:
        await fresh.get_by_role("link", name="超期 2").click()
    assert f"area={area['id']}" in (await asked.value).url
    assert page.url.endswith(f"/cameras?area={area['id']}&looked=late")
    late = (await (await asked.value).json())["total"]
    await page.get_by_text(f"{area['name']} {area['cameras']} 路中 {late} 路").wait_for()
    await page.go_back()
    await fresh.get_by_role("link", name="从未检查 1").click()
    await page.get_by_text("每一路都检查过").wait_for()
    await page.go_back()
    async with page.expect_response(re.compile(r"/api/v1/cameras\?.*looked=in_time")) as asked:
        await fresh.get_by_role("link", name=re.compile("按时检查")).click()
    in_time = (await (await asked.value).json())["total"]
    await page.get_by_text(f"{area['name']} {area['cameras']} 路中 {in_time} 路").wait_for()
    await page.get_by_role("button", name="去掉筛选：检查 按时").click()
    await page.wait_for_url(re.compile(rf"/cameras\?area={area['id']}$"))
    await page.get_by_role("button", name="超期", exact=True).click()
    await page.wait_for_url(re.compile("looked=late"))


async def test_a_refusing_service_leaves_the_numbers_and_says_what_to_do(desk: Open) -> None:
    page = await opened(desk)
    problem = {"code": "unavailable", "status": 503, "what": "服务忙。", "detail": "没有查到。", "fix": "请重试。"}

    async def refuse(route: Any) -> None:
        await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))

    await page.route("**/api/v1/overview", refuse)
    note = page.locator("main .problem")
    await note.wait_for(timeout=25_000)  # asked for anew every 15 s
    assert bare(await note.inner_text()).startswith("服务忙。没有查到。请重试。")
    assert await page.locator("a.tile").count() == 6
    await page.unroute("**/api/v1/overview")
    await note.get_by_role("button", name="重试").click()
    await note.wait_for(state="detached")


async def test_on_a_phone_it_is_one_column(desk: Open) -> None:
    page = await opened(desk, "technician", size=PHONE)
    assert await page.evaluate("document.querySelector('main').scrollWidth") <= PHONE[0]
    boxes = [await one.bounding_box() for one in await page.locator("section.panel").all()]
    assert len({round(box["x"]) for box in boxes}) == 1
