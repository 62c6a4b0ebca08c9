"""Proposals in a browser: what answers and nobody knows is looked for, refused, adopted, with what became of each."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.console.conftest import PHONE, Open
from tests.support.console_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def waiting(page: Any, town: World) -> list[dict[str, Any]]:
    """As the admin of this page is told."""
    answered = await page.request.get(f"{town.url}/api/v1/proposals?status=new")
    found: list[dict[str, Any]] = (await answered.json())["items"]
    return found


async def opened(desk: Open, path: str = "/proposals", **more: Any) -> Any:
    page = await desk("admin", path, **more)
    await page.locator("[role=row][data-key], .empty").first.wait_for()
    return page


async def test_strangers_are_listed_and_have_been_sent_no_password(desk: Open, town: World) -> None:
    page = await opened(desk)
    strangers = await waiting(page, town)
    assert strangers, "the demo's network has devices that nobody adopted"
    rows = await page.locator("[role=row][data-key]").evaluate_all("(all) => all.map((one) => one.dataset.key)")
    assert set(rows) == {one["id"] for one in strangers}
    assert await page.get_by_text("没有向其中任何一台发过密码。").is_visible()
    assert f"{strangers[0]['host']}:{strangers[0]['port']}" in await page.locator("[role=grid]").inner_text()
    await page.click("text=已拒绝")
    await page.get_by_text("没有被拒绝的设备").wait_for()
    await page.wait_for_url(re.compile("status=refused"))


async def test_how_they_were_found_and_where_is_part_of_the_address(desk: Open, town: World) -> None:
    page = await opened(desk)
    strangers = await waiting(page, town)
    how = strangers[0]["how"]
    other = next(one for one in ("tcp", "hello", "multicast") if all(each["how"] != one for each in strangers))
    found_by = page.locator(".top").get_by_label("发现方式")
    await found_by.select_option(how)
    await page.wait_for_url(re.compile(f"how={how}"))
    same = {one["id"] for one in strangers if one["how"] == how}
    shown = "(all) => all.map((one) => one.dataset.key)"
    await page.wait_for_function(f"() => document.querySelectorAll('[role=row][data-key]').length === {len(same)}")
    assert set(await page.locator("[role=row][data-key]").evaluate_all(shown)) == same
    await found_by.select_option(other)
    await page.get_by_text("没有符合筛选的设备").wait_for()
    await page.reload()
    await page.get_by_text("没有符合筛选的设备").wait_for()
    assert await found_by.input_value() == other
    async with page.expect_response(re.compile(rf"/api/v1/proposals\?.*area=.*how={other}")):
        await page.locator(".top").get_by_label("区域").select_option(index=1)
    await page.wait_for_url(re.compile(f"area=.*&how={other}"))
    await page.get_by_role("button", name="清除筛选").click()
    await page.wait_for_url(re.compile(r"/proposals$"))
    await page.locator(f'[role=row][data-key="{strangers[0]["id"]}"]').wait_for()


async def test_who_may_not_adopt_is_told_so(desk: Open) -> None:
    page = await desk("operator", "/proposals")
    await page.get_by_text("您没有打开这一页的权限").wait_for()
    assert not [made for made in page.watched.requests if "/proposals" in made and "/api/" in made]


async def test_a_range_outside_the_networks_is_refused_at_the_field_and_kept(desk: Open) -> None:
    page = await opened(desk)
    await page.get_by_role("button", name="查找网段").click()
    field = page.get_by_label("网段", exact=True)
    await field.fill("8.8.8.0/24")
    await field.press("Enter")
    await page.locator("[data-code=address_not_allowed]").wait_for()
    assert await field.input_value() == "8.8.8.0/24"


async def test_marked_by_keyboard_asked_with_focus_on_cancel_and_what_was_typed_stays(desk: Open, town: World) -> None:
    page = await opened(desk)
    await page.keyboard.press("KeyJ")
    await page.keyboard.press("KeyX")
    await page.get_by_role("button", name="拒绝 1 台").click()
    asked = page.get_by_role("dialog")
    await page.wait_for_function("() => document.activeElement?.textContent?.trim() === '取消'")
    await asked.get_by_label("原因").fill("属于电信")

    async def refused(route: Any) -> None:
        problem = {"code": "unavailable", "what": "服务正忙。", "detail": "没有改动。", "fix": "请稍后再试。"}
        await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))

    await page.route("**/proposals/refuse", refused)
    await asked.get_by_role("button", name="拒绝 1 台").click()
    await asked.get_by_text("服务正忙。").wait_for()
    assert await asked.get_by_label("原因").input_value() == "属于电信"
    await page.unroute("**/proposals/refuse")
    assert all(one["status"] == "new" for one in await waiting(page, town))
    await asked.get_by_role("button", name="取消").click()


async def test_a_wrong_password_goes_to_one_and_each_says_what_became_of_it(desk: Open, town: World) -> None:
    page = await opened(desk)
    before = await waiting(page, town)
    await page.get_by_label("全选已列出的").check()
    await page.get_by_role("button", name=f"纳管 {len(before)} 台").click()
    asked = page.get_by_role("dialog")
    await asked.get_by_text("先在其中一台上试", exact=False).wait_for()
    await asked.get_by_label("区域").select_option(index=1)
    await asked.get_by_label("填写账号和密码").check()
    await asked.get_by_label("账号", exact=True).fill("admin")
    await asked.locator("input[type=password]").fill("not the password")
    await asked.get_by_role("button", name=f"纳管 {len(before)} 台").click()
    result = page.locator(".result")
    await result.wait_for(timeout=60_000)
    words = await result.inner_text()
    asked_for = {one["id"] for one in before}
    left = [one for one in await waiting(page, town) if one["id"] in asked_for]
    assert f"{len(left)} 台没有" in words
    assert f"没有向这 {len(left)} 台发过密码" in words
    assert all(one["host"] in words for one in before)
    assert len(left) == len(before) - 1  # the one it was tried on is ours now, and is asked no more
    assert await page.locator("[data-code=adopt_partial]").count() == 1


async def test_refused_with_a_reason_it_moves_and_a_phone_shows_it(desk: Open, town: World) -> None:
    page = await opened(desk, size=PHONE)
    stranger = (await waiting(page, town))[0]
    await page.locator(f'[data-key="{stranger["id"]}"]').click()
    await page.get_by_role("button", name="拒绝 1 台").click()
    asked = page.get_by_role("dialog")
    await asked.get_by_label("原因").fill("属于电信")
    await asked.get_by_role("button", name="拒绝 1 台").click()
    await page.get_by_text("已拒绝 1 台。").wait_for()
    await page.locator(".tabs >> text=已拒绝").click()
    moved = page.locator(f'[data-key="{stranger["id"]}"]')
    await moved.wait_for()
    assert "拒绝原因：属于电信" in await moved.inner_text()
