"""The frame around every page: who is let in, what stands still, what is kept, what it never does."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.console.conftest import PHONE, Open
from tests.support.console_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def text(page: Any, selector: str) -> str:
    return str(await page.locator(selector).first.inner_text())


async def enter(page: Any, name: str, password: str) -> None:
    await page.fill("input[autocomplete=username]", name)
    await page.fill("input[autocomplete=current-password]", password)
    await page.click("form button.primary")


async def test_a_wrong_password_is_told_in_three_sentences_and_the_name_stays(desk: Open, town: World) -> None:
    page = await desk(None, "/cameras?q=a")
    await page.wait_for_url(re.compile(r"/login\?next="))
    await enter(page, town.users["viewer"]["name"], "not the password")
    problem = page.locator("[data-code=login_failed]")
    await problem.wait_for()
    assert "用户名或密码不对。" in await problem.inner_text()
    assert await page.input_value("input[autocomplete=username]") == town.users["viewer"]["name"]
    assert await page.input_value("input[autocomplete=current-password]") == ""

    await page.fill("input[autocomplete=current-password]", town.users["viewer"]["password"])
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/cameras\?q=a$"))


@pytest.mark.parametrize(
    "away",
    ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "/api/v1/system", "javascript:1"],
)
async def test_next_leads_nowhere_but_to_a_page_of_ours(desk: Open, town: World, away: str) -> None:
    page = await desk(None, f"/login?next={away}")
    await enter(page, town.users["operator"]["name"], town.users["operator"]["password"])
    await page.wait_for_url(f"{town.url}/now")
    assert page.url == f"{town.url}/now"


@pytest.mark.parametrize(
    ("role", "path"),
    [("operator", "/now"), ("technician", "/incidents"), ("auditor", "/audit"), ("lead", "/now"), ("screen", "/wall")],
)
async def test_each_role_begins_where_its_work_is(desk: Open, role: str, path: str) -> None:
    page = await desk(role, "/")
    await page.wait_for_url(re.compile(re.escape(path) + r"(\?|$)"))
    assert await page.evaluate("location.pathname") == path


async def test_what_a_login_may_not_open_is_not_in_its_menu_and_typed_it_says_why(desk: Open) -> None:
    page = await desk("operator", "/users")
    await page.get_by_role("heading", name="您没有打开这一页的权限").wait_for()
    menu = await text(page, "header nav")
    assert "用户" not in menu
    assert "审计" not in menu
    assert "电视墙" in menu


async def test_unknown_parts_of_an_address_are_dropped_with_a_notice(desk: Open) -> None:
    page = await desk("operator", "/cameras?q=x&colour=red")
    await page.wait_for_url(re.compile(r"/cameras\?q=x$"))
    assert "colour" in await text(page, ".strips")


async def test_an_address_that_is_no_page_says_so_and_leads_back(desk: Open) -> None:
    page = await desk("operator", "/now")
    await page.locator("main h1").wait_for()
    await page.evaluate("history.pushState({}, '', '/no/such'); dispatchEvent(new PopStateEvent('popstate'))")
    await page.get_by_text("没有这一页").wait_for()
    await page.get_by_role("link", name="去现况").click()
    await page.wait_for_url(re.compile(r"/now$"))
    assert await page.get_by_text("没有这一页").count() == 0


async def test_silence_veils_the_page_and_stops_its_clock_then_polling_takes_the_veil_away(desk: Open) -> None:
    page = await desk("operator", "/cameras")
    await page.locator("header .light.open").wait_for()
    await page.route("**/events*", lambda route: route.abort())
    await page.route("**/api/v1/changes*", lambda route: route.abort())
    await page.clock.install()
    await page.clock.fast_forward(16_000)
    await page.locator("header .light.lost").wait_for(timeout=25_000)
    assert await page.locator("main.veiled").count() == 1
    assert "页面停在那一刻" in await text(page, ".strips [role=alert]")
    stood = await text(page, "header .light time")
    await page.unroute("**/api/v1/changes*")
    await page.locator("header .light.polling").wait_for(timeout=15_000)
    assert await page.locator("main.veiled").count() == 0
    assert "轮询" in await text(page, ".strips")
    assert await text(page, "header .light time") != stood
    await page.unroute("**/events*")
    await page.get_by_role("button", name="立即重连").click()
    await page.locator("header .light.open").wait_for(timeout=30_000)
    assert "已补齐" in await text(page, ".strips")


async def test_an_expired_login_is_asked_for_over_the_page_and_nothing_typed_is_lost(desk: Open, town: World) -> None:
    page = await desk("auditor", "/audit", fresh=True)
    await page.locator(".filters input").first.fill("what I was writing")
    await page.context.clear_cookies()
    await page.locator(".filters button.primary").click()
    dialog = page.get_by_role("dialog")
    await dialog.wait_for()
    assert "登录已过期" in await dialog.inner_text()
    await dialog.locator("input[type=password]").fill(town.users["auditor"]["password"])
    await page.keyboard.press("Enter")
    await dialog.wait_for(state="hidden")
    assert await page.locator(".filters input").first.input_value() == "what I was writing"


async def test_windows_of_one_browser_share_one_stream(desk: Open, town: World) -> None:
    page = await desk("lead", "/now")
    await page.locator("header .light.open").wait_for()
    others = []
    for _ in range(3):
        other = await page.context.new_page()
        heard: list[str] = []
        other.on("request", lambda made, heard=heard: heard.append(made.url))
        await other.goto(f"{town.url}/now")
        await other.locator("header .light.open").wait_for(timeout=15_000)
        others.append((other, heard))
    assert [url for _, heard in others for url in heard if "/events" in url] == []
    await page.close()  # another takes over
    other, heard = others[0]
    await town.until(lambda: _any_events(others), 15)
    await other.locator("header .light.open").wait_for()


async def _any_events(windows: list[tuple[Any, list[str]]]) -> bool:
    return sum("/events" in url for _, heard in windows for url in heard) == 1


async def test_single_keys_act_but_not_while_typing_and_can_be_switched_off(desk: Open) -> None:
    page = await desk("operator", "/now")
    await page.locator("header nav").wait_for()
    await page.keyboard.press("/")
    assert await page.evaluate("document.activeElement.id") == "find"
    await page.keyboard.type("gc")
    assert page.url.endswith("/now")
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await page.wait_for_url(re.compile(r"/cameras$"))
    await page.evaluate("localStorage.setItem('xl-keys', 'off'); sessionStorage.setItem('xl-keys', 'off')")
    await page.reload()
    await page.locator("header nav").wait_for()
    await page.keyboard.press("g")
    await page.keyboard.press("n")
    assert page.url.endswith("/cameras")


async def test_the_policy_allows_nothing_inline_and_nobody_else(desk: Open, town: World) -> None:
    page = await desk("operator", "/now")
    answered = await page.request.get(f"{town.url}/now")
    policy = answered.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    refused = await page.evaluate(
        """() => new Promise(done => {
          document.addEventListener('securitypolicyviolation', event => done(event.violatedDirective));
          document.body.insertAdjacentHTML('beforeend', '<p style="color: red">x</p>');
        })"""
    )
    assert refused.startswith("style-src")
    page.watched.wrongs.clear()  # that one was ours


async def test_the_first_load_is_small(desk: Open) -> None:
    page = await desk(None, "/login")
    await page.locator("input[autocomplete=username]").wait_for()
    sizes = await page.evaluate("performance.getEntriesByType('resource').map(one => [one.name, one.encodedBodySize])")
    assert 0 < sum(size for _, size in sizes) <= 200_000, json.dumps(sizes)


async def test_on_a_phone_the_menu_is_under_the_thumb(desk: Open) -> None:
    page = await desk("technician", "/incidents", size=PHONE)
    bar = page.locator("nav.phone .bar")
    await bar.wait_for()
    box = await bar.bounding_box()
    assert box["y"] + box["height"] == PHONE[1]
    for target in await bar.locator("a, button").all():
        size = await target.bounding_box()
        assert min(size["width"], size["height"]) >= 44
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
