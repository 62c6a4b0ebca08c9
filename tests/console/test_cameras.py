"""The list of cameras: found by name, filtered as its address says, changed in place, of few nodes however long."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.console.conftest import PHONE, Open
from tests.support.console_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROW = ".grid [data-key]"


async def listed(page: Any) -> Any:
    await page.locator(ROW).first.wait_for()
    return page


async def keys(page: Any) -> list[str]:
    found: list[str] = await page.evaluate(f"[...document.querySelectorAll('{ROW}')].map(one => one.dataset.key)")
    return found


def query(page: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


async def test_a_camera_is_found_by_part_of_its_name_and_the_address_says_so(desk: Open, town: World) -> None:
    cameras = await town.cameras()
    wanted = cameras[3]
    part = wanted["name"][:3]
    same = [one["id"] for one in cameras if part in one["name"]]
    page = await listed(await desk("operator", "/cameras"))
    await page.locator("input.q").fill(part)
    await page.get_by_text(f"{len(cameras)} 路中 {len(same)} 路").wait_for()
    assert query(page)["q"] == [part]
    assert sorted(await keys(page)) == sorted(same)
    await page.locator(f'[data-key="{wanted["id"]}"]').click()
    await page.wait_for_url(f"**/cameras/{wanted['id']}")
    await page.go_back()
    await listed(page)
    assert await page.locator("input.q").input_value() == part
    assert sorted(await keys(page)) == sorted(same)


async def test_an_area_is_chosen_in_the_tree_with_the_keyboard_and_shows_exactly_its_cameras(
    desk: Open, town: World
) -> None:
    areas = (await town.get("/areas"))["items"]
    page = await listed(await desk("operator", "/cameras"))
    await page.locator("[role=treeitem]").nth(2).wait_for()
    await page.locator("[role=treeitem]").first.focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile("area="))
    area = next(one for one in areas if one["id"] == query(page)["area"][0])
    await page.get_by_text(f"{area['name']} {area['total']} 路中 {area['total']} 路").wait_for()
    assert await page.locator("[role=treeitem][aria-selected=true]").get_attribute("data-id") == area["id"]
    inside = (await town.get("/cameras", area=area["id"], limit=100))["items"]
    assert sorted(await keys(page)) == sorted(one["id"] for one in inside)


async def test_rows_change_in_place_and_what_leaves_waits_behind_a_pill(desk: Open, town: World) -> None:
    cameras = await town.cameras()
    struck = (await town.alone(5))["id"]
    every = await listed(await desk("operator", "/cameras?sort=name"))
    good = await listed(await desk("operator", "/cameras?sort=name&state=ok"))
    before, of_good = await keys(every), await keys(good)
    assert struck in of_good
    # A page that somebody touches takes nothing in by itself.
    await town.fault(struck, "unreachable")
    try:
        await every.locator(f'[data-key="{struck}"]', has_text="离线").wait_for(timeout=60_000)
        assert await keys(every) == before
        await good.locator(f'[data-key="{struck}"]', has_text="离线").wait_for(timeout=5_000)
        pill = good.locator("button.pill")
        assert "离开 1" in await pill.inner_text()
        assert await keys(good) == of_good
        await pill.click()
        await good.locator(f'[data-key="{struck}"]').wait_for(state="detached")
        await pill.wait_for(state="detached")
        await every.get_by_role("button", name=re.compile("^离线")).click()
        await every.wait_for_url(re.compile("state=offline"))
        await every.get_by_text(f"{len(cameras)} 路中 1 路").wait_for()
        assert await keys(every) == [struck]
    finally:
        await town.fault(struck, "unreachable", on=False)
    await town.until_state(struck, "ok")


async def test_marked_rows_go_to_the_wall_and_are_checked_by_single_keys(desk: Open, town: World) -> None:
    page = await listed(await desk("operator", "/cameras?sort=name"))
    first, second = (await keys(page))[:2]
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    bar = page.locator(".marked")
    await bar.get_by_text("已选 2 路").wait_for()
    async with page.expect_response("**/api/v1/checks") as asked:
        await page.keyboard.press("r")
    answer = await asked.value
    assert answer.status == 202
    assert sorted(json.loads(answer.request.post_data)["camera_ids"]) == sorted([first, second])
    await bar.get_by_text("已要求检查 2 路").wait_for()
    await page.keyboard.press("o")
    await page.wait_for_url(re.compile("/wall"))
    assert query(page) == {"layout": ["4"], "cams": [f"{first},{second}"]}


async def test_more_than_twenty_are_checked_only_after_a_question(desk: Open) -> None:
    page = await desk("operator", "/now")
    await many(page, 30)
    await page.locator("header nav").get_by_role("link", name="摄像机").click()
    await listed(page)
    await page.get_by_role("checkbox", name="选中已载入的全部").check()
    await page.locator(".marked").get_by_text("已选 30 路").wait_for()
    await page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="立即检查 30 路？")
    await dialog.wait_for()
    cancel = dialog.get_by_role("button", name="取消")
    await page.wait_for_function("() => document.activeElement?.textContent?.includes('取消')")
    await cancel.press("Enter")
    await dialog.wait_for(state="hidden")
    assert [one for one in page.watched.requests if "/checks" in one] == []


async def test_a_list_is_taken_away_with_a_reason_that_is_on_record(desk: Open, town: World) -> None:
    page = await listed(await desk("operator", "/cameras?sort=name"))
    (first,) = (await keys(page))[:1]
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await page.locator(".marked").get_by_role("button", name="导出").click()
    asked = page.get_by_role("dialog", name="导出 1 路")
    await page.wait_for_function("document.activeElement?.textContent?.includes('取消')")
    await asked.get_by_label("说明").fill("交运维单位")
    async with page.expect_download() as taken:
        await asked.get_by_role("button", name="导出 1 路").click()
    file = await taken.value
    assert re.fullmatch(r"cameras-\d{8}-\d{6}\.csv", file.suggested_filename)
    rows = (await file.path()).read_text("utf-8-sig").splitlines()
    assert len(rows) == 2
    assert rows[1].endswith(first)
    await page.get_by_text("已导出 1 路").wait_for()
    auditor = await desk("auditor", "/password")
    answered = await auditor.request.get(f"{town.url}/api/v1/audit?what=camera.export&limit=1")
    written = (await answered.json())["items"][0]
    assert written["who"] == town.users["operator"]["name"]
    assert written["details"]["purpose"].endswith(": 交运维单位")


async def test_columns_and_order_are_part_of_the_address(desk: Open) -> None:
    page = await listed(await desk("operator", "/cameras?cols=name,address,next&sort=-since"))
    heads = await page.locator("[role=columnheader]").all_inner_texts()
    assert [head.strip() for head in heads] == ["", "状态", "名称", "地址", "下次检查"]
    await page.locator(".chooser summary").click()
    await page.get_by_label("编号", exact=True).check()
    await page.wait_for_url(re.compile("cols=name(,|%2C)code(,|%2C)address(,|%2C)next"))
    await page.get_by_role("columnheader", name="名称").get_by_role("button").click()
    await page.wait_for_url(re.compile("sort=name"))
    assert await page.locator("[aria-sort=ascending]").inner_text() == "名称"
    await page.go_back()
    await page.wait_for_url(re.compile("sort=-since"))


async def test_nothing_that_matches_says_which_filter_to_drop(desk: Open, town: World) -> None:
    page = await desk("operator", "/cameras?q=nobody-is-called-that&state=ok")
    await page.get_by_text("没有符合的摄像机").wait_for()
    await page.get_by_role("button", name="去掉筛选：查找 “nobody-is-called-that”").click()
    await listed(page)
    assert query(page) == {"state": ["ok"]}


async def test_a_refusing_service_leaves_the_rows_and_says_what_to_do(desk: Open) -> None:
    page = await listed(await desk("operator", "/cameras"))
    rows = await keys(page)
    problem = {"code": "unavailable", "status": 503, "what": "服务忙。", "detail": "没有查到。", "fix": "请重试。"}

    async def refuse(route: Any) -> None:
        await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))

    await page.route("**/api/v1/cameras?*", refuse)
    await page.locator("input.q").fill("x")
    note = page.locator(".main .problem")
    await note.wait_for()
    assert re.sub(r"\s", "", await note.inner_text()).startswith("服务忙。没有查到。请重试。")
    left = await keys(page)  # the note takes the room of a row or two
    assert left
    assert left == rows[: len(left)]
    assert await page.locator("input.q").input_value() == "x"
    await page.unroute("**/api/v1/cameras?*")
    await page.locator("input.q").fill("")
    await note.wait_for(state="detached")


async def test_a_slow_service_is_said_to_be(desk: Open) -> None:
    page = await listed(await desk("operator", "/cameras"))
    held: list[Any] = []
    await page.route("**/api/v1/cameras?*", lambda route: held.append(route))
    await page.locator("input.q").fill("x")
    await page.locator(".main .load").get_by_text("正在加载").wait_for()
    await page.locator(".main .load").get_by_text(re.compile("已等 5 秒")).wait_for(timeout=10_000)
    assert await page.locator(ROW).count() > 0
    for route in held:
        await route.continue_()
    await page.locator(".main .load.shown").wait_for(state="detached")


async def test_lists_ask_for_no_picture(desk: Open) -> None:
    page = await listed(await desk("operator", "/cameras"))
    await page.wait_for_load_state("networkidle")
    assert await page.locator("main img, main video").count() == 0
    assert [one for one in page.watched.requests if re.search("sample|evidence/|picture|views", one)] == []


async def test_on_a_phone_rows_are_cards_and_the_tree_folds(desk: Open) -> None:
    page = await listed(await desk("technician", "/cameras", size=PHONE))
    assert await page.locator("[role=columnheader]").count() == 0
    assert await page.locator("[role=tree]").is_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    fold = page.get_by_role("button", name=re.compile("^区域："))
    await fold.click()
    await page.locator("[role=treeitem]").nth(1).click()
    await page.wait_for_url(re.compile("area="))
    assert await page.locator("[role=tree]").is_hidden()


async def test_on_a_phone_a_unit_is_chosen_and_rows_are_marked_by_a_thumb(desk: Open, town: World) -> None:
    page = await listed(await desk("operator", "/cameras?sort=name", size=PHONE, has_touch=True))
    unit = (await town.cameras())[0]["unit_id"]
    await page.get_by_label("全部单位").or_(page.get_by_label("运维单位")).select_option(unit)
    await page.wait_for_url(re.compile(f"unit={unit}"))
    same = (await town.get("/cameras", unit=unit, sort="name", limit=100))["items"]
    await page.get_by_text(f"{len(await town.cameras())} 路中 {len(same)} 路").wait_for()
    for one in same[:2]:
        box = page.locator(f'[data-key="{one["id"]}"] label')
        size = await box.bounding_box()
        assert min(size["width"], size["height"]) >= 44
        await box.tap()
    assert "/cameras?" in page.url  # marking opens nothing
    bar = page.locator(".marked")
    await bar.get_by_text("已选 2 路").wait_for()
    check = bar.get_by_role("button", name="立即检查")
    place = await check.bounding_box()
    assert place["y"] > PHONE[1] * 0.6
    assert place["y"] + place["height"] <= PHONE[1]
    assert place["height"] >= 44
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    async with page.expect_response("**/api/v1/checks") as asked:
        await check.tap()
    answer = await asked.value
    assert sorted(json.loads(answer.request.post_data)["camera_ids"]) == sorted(one["id"] for one in same[:2])
    await bar.get_by_role("button", name="取消选中").tap()
    await bar.wait_for(state="detached")


async def many(page: Any, count: int) -> None:
    """The list answered as the service does, with more cameras than a test can afford to have."""
    like = await page.evaluate("fetch('/api/v1/cameras?limit=1').then(one => one.json())")
    one = like["items"][0]

    async def answer(route: Any) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)
        begin, limit = int(asked.get("cursor", ["0"])[0]), int(asked["limit"][0])
        end = min(count, begin + limit)
        items = [one | {"id": f"camera-{at:05}", "name": f"新华路 {at} 号"} for at in range(begin, end)]
        body = like | {"items": items, "total": count, "next_cursor": str(end) if end < count else None}
        body["counts"] = dict.fromkeys(like["counts"], 0) | {"ok": count}
        await route.fulfill(json=body)

    await page.route("**/api/v1/cameras?*", answer)
    await page.route("**/api/v1/timelines?*", lambda route: route.fulfill(status=503, body=""))
