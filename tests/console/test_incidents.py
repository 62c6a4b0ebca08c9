"""Incidents in a browser: a fault appears by itself with its proof, is taken, taken back, commented, and goes; by
keyboard, by thumb, and while the service is slow, refuses, or has forgotten the login."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import TimeoutError as PageTimeout

from tests.console.conftest import PHONE, Open
from tests.support.console_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
WORDS = "树枝遮挡，已联系园林"


@asynccontextmanager
async def covered(town: World, camera: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """The incident of a camera whose lens somebody covered; open until the block ends."""
    await town.fault(camera["id"], "covered_70")
    try:
        await town.until_state(camera["id"], "fault")

        async def there() -> Any:
            found = await town.get("/incidents", camera=camera["id"], state=["open", "acknowledged"])
            return found["items"]

        yield (await town.until(there))[0]
    finally:
        await town.fault(camera["id"], "covered_70", on=False)
        await town.until_state(camera["id"], "ok")


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def cameras(town: World) -> list[dict[str, Any]]:
    """Those that no recorder stands before."""
    return [one for one in await town.cameras() if "录像机" not in one["device_name"]]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def standing(town: World, cameras: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    """One incident that stands while this file's tests act on it; of the technician's unit."""
    unit = next(one["id"] for one in (await town.get("/units"))["items"] if "Heguang" in one["name"])
    camera = next(one for one in cameras if one["unit_id"] == unit)
    async with covered(town, camera) as incident:
        yield incident


def row(page: Any, incident_id: str) -> Any:
    return page.locator(f'[role=row][data-key="{incident_id}"]')


async def settled(page: Any, incident_id: str) -> None:
    await row(page, incident_id).wait_for(timeout=20_000)


async def pictures(page: Any, count: int, within: str = ".evidence") -> list[int]:
    """Widths of evidence pictures, once so many are there."""
    await page.wait_for_function(
        "([within, count]) => { const all = [...document.querySelectorAll(`${within} img`)];"
        " return all.length === count && all.every((one) => one.complete && one.naturalWidth > 0); }",
        arg=[within, count],
        timeout=20_000,
    )
    return list(await page.eval_on_selector_all(f"{within} img", "(all) => all.map((one) => one.naturalWidth)"))


async def acknowledged_by(town: World, incident_id: str) -> Any:
    return (await town.get(f"/incidents/{incident_id}"))["acknowledged_by"]


async def test_a_fault_appears_by_itself_with_its_proof_and_goes(
    desk: Open, town: World, cameras: list[dict[str, Any]]
) -> None:
    camera = cameras[-1]
    page = await desk("operator", "/incidents")
    await page.locator(".empty, [role=row][data-key]").first.wait_for()
    async with covered(town, camera) as incident:
        shown = row(page, incident["id"]).or_(page.locator(".told .pill"))
        await shown.first.wait_for(timeout=20_000)
        with contextlib.suppress(PageTimeout):  # the row may enter by itself while the hand is on its way
            if not await row(page, incident["id"]).count():
                await page.click(".told .pill", timeout=5_000)
        await settled(page, incident["id"])
        words = await row(page, incident["id"]).inner_text()
        assert camera["name"] in words
        assert "遮挡" in words
        assert "未确认" in words
        await row(page, incident["id"]).click()
        await page.wait_for_url(re.compile(rf"open={incident['id']}"))
        assert all(width > 100 for width in await pictures(page, 3))
        captions = await page.locator(".evidence figcaption").all_inner_texts()
        assert all(re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", caption) for caption in captions)
        assert [caption.split()[0] for caption in captions] == ["最后正常", "首次异常", "差异"]
        assert "检出处已标出" in captions[1]
        assert "不同之处已框出" in captions[2]
        assert "交换机" in await page.locator(".pane .reach").inner_text()

        kept = await desk("operator", f"/incidents?open={incident['id']}")
        await kept.locator(".pane .head").wait_for()
        assert camera["name"] in await kept.locator(".pane .head").inner_text()
    await page.locator(".pane .head", has_text="已恢复").wait_for(timeout=20_000)
    assert "已恢复" in await row(page, incident["id"]).inner_text()
    await page.click("text=已恢复，未确认")
    await settled(page, incident["id"])


async def test_acknowledged_by_a_key_and_taken_back(desk: Open, town: World, standing: dict[str, Any]) -> None:
    page = await desk("operator", "/incidents")
    await settled(page, standing["id"])
    await row(page, standing["id"]).focus()
    await page.keyboard.press("KeyA")
    undo = row(page, standing["id"]).get_by_text(re.compile(r"撤销（\d+ 秒）"))
    await undo.wait_for()
    assert await acknowledged_by(town, standing["id"]) == town.users["operator"]["name"]
    await undo.click()
    await row(page, standing["id"]).get_by_role("button", name="确认", include_hidden=True).wait_for()
    assert await acknowledged_by(town, standing["id"]) is None
    acts = [one["act"] for one in (await town.get(f"/incidents/{standing['id']}"))["entries"]]
    assert acts[-2:] == ["acknowledged", "withdrawn"]


async def test_everything_by_keyboard_and_what_is_typed_is_no_command(
    desk: Open, town: World, standing: dict[str, Any]
) -> None:
    page = await desk("operator", "/incidents")
    await settled(page, standing["id"])
    await page.keyboard.press("KeyJ")
    while await page.evaluate("document.activeElement.dataset.key") != standing["id"]:
        await page.keyboard.press("KeyJ")
    await page.keyboard.press("Enter")
    await page.locator(".pane .head").wait_for()
    await page.keyboard.press("KeyC")
    await page.locator(".comment textarea:focus").wait_for()
    await page.keyboard.type("a garage, c r l")
    await page.keyboard.press("Control+Enter")
    await page.locator(".story .said", has_text="a garage, c r l").wait_for()
    assert await acknowledged_by(town, standing["id"]) is None
    await page.keyboard.press("Escape")
    await row(page, standing["id"]).focus()
    await page.keyboard.press("KeyR")
    await page.locator(".pane [role=status]", has_text=re.compile("检查")).wait_for(timeout=20_000)
    await page.keyboard.press("KeyL")
    await page.locator(".pane .tile video").wait_for(state="attached", timeout=20_000)
    await page.keyboard.press("KeyL")
    await page.locator(".pane .tile").wait_for(state="detached")
    await row(page, standing["id"]).focus()
    await page.keyboard.press("Escape")
    await page.locator(".pane").wait_for(state="detached")
    await row(page, standing["id"]).focus()
    await page.keyboard.press("Enter")
    await page.locator(".pane .head").wait_for()
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(rf"/cameras/{standing['camera_id']}"))


async def test_a_technicians_journey_under_one_thumb(desk: Open, town: World, standing: dict[str, Any]) -> None:
    page = await desk("technician", "/", size=PHONE)
    await page.wait_for_url(re.compile(r"/incidents\?unit=mine"))
    await settled(page, standing["id"])
    await row(page, standing["id"]).locator(".nm").click()
    await page.wait_for_url(re.compile(rf"/incidents/{standing['id']}$"))
    await pictures(page, 2)
    height = PHONE[1]
    for part in (".head", ".evidence", ".reach", ".told", ".deeds"):
        box = await page.locator(part).first.bounding_box()
        assert box is not None, part
        assert 0 <= box["y"] <= height - box["height"], (part, box)
    await page.get_by_role("button", name="差异").click()
    await page.locator(".evidence img[alt^=差异]").wait_for()
    assert await page.locator(".evidence img").count() == 2
    await page.get_by_role("button", name="首次异常").click()
    take = page.get_by_role("button", name="确认", exact=True)
    box = await take.bounding_box()
    assert box is not None
    assert box["y"] > height * 0.6
    assert box["height"] >= 44
    await take.click()
    await page.get_by_role("button", name=re.compile(r"撤销（\d+ 秒）")).wait_for()
    assert await acknowledged_by(town, standing["id"]) == town.users["technician"]["name"]
    await page.get_by_role("button", name="写备注").click()
    await page.keyboard.type(WORDS)
    await page.get_by_role("button", name="发送").click()
    await page.locator(".story .said", has_text=WORDS).wait_for()
    await page.get_by_role("button", name="立即检查").click()
    await page.locator(".deeds [role=status]").wait_for(timeout=20_000)
    assert not [made for made in page.watched.requests if "/whep" in made or "/views" in made]
    await page.get_by_role("button", name=re.compile("撤销")).click()
    await take.wait_for()


async def test_who_works_for_several_units_sees_all_of_theirs(
    desk: Open, town: World, standing: dict[str, Any]
) -> None:
    units = (await town.get("/units"))["items"]
    mine = next(one["id"] for one in units if one["id"] == standing["unit_id"])
    other = next(one["id"] for one in units if one["id"] != mine)
    page = await desk("technician", "/password")

    async def granted(route: Any) -> None:
        told = await (await route.fetch()).json()
        told["grants"] = [one | {"unit_id": unit} for one in told["grants"] for unit in (other, mine)]
        await route.fulfill(json=told)

    await page.route("**/api/v1/session", granted)
    async with page.expect_response(re.compile(r"/api/v1/incidents\?.*limit=100")) as asked:
        await page.goto(f"{town.url}/incidents?unit=mine")
    url = (await asked.value).url
    assert f"unit={mine}" in url
    assert f"unit={other}" in url
    await settled(page, standing["id"])


Refuse = Callable[[Any], Awaitable[None]]


async def unready(route: Any) -> None:
    problem = {"code": "unavailable", "what": "服务正忙。", "detail": "操作没有生效。", "fix": "请稍后再试。"}
    await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))


async def cut(route: Any) -> None:
    await route.abort()


@pytest.mark.parametrize(("how", "said"), [(unready, "服务正忙。"), (cut, "连不上服务。")])
async def test_what_was_typed_outlives_a_refusal_and_a_reload(
    desk: Open, standing: dict[str, Any], how: Refuse, said: str
) -> None:
    page = await desk("operator", f"/incidents/{standing['id']}")
    await page.get_by_role("button", name="写备注").click()
    await page.keyboard.type(said + WORDS)
    await page.route("**/comments", how)
    await page.get_by_role("button", name="发送").click()
    await page.locator(".comment .problem", has_text=said).wait_for()
    await page.unroute("**/comments")
    await page.reload()
    await page.get_by_role("button", name="写备注").click()
    assert await page.input_value(".comment textarea") == said + WORDS
    await page.get_by_role("button", name="发送").click()
    await page.locator(".story .said", has_text=said + WORDS).wait_for()
    assert await page.input_value(".comment textarea") == ""


async def test_an_expired_login_is_asked_for_over_what_was_typed(
    desk: Open, town: World, standing: dict[str, Any]
) -> None:
    page = await desk("operator", f"/incidents/{standing['id']}", fresh=True)
    await page.get_by_role("button", name="写备注").click()
    await page.keyboard.type("先看再说")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="发送").click()
    again = page.get_by_role("dialog")
    await again.get_by_text("填写的内容还在，尚未提交。").wait_for()
    await again.locator("input[autocomplete=current-password]").fill(town.users["operator"]["password"])
    await page.keyboard.press("Enter")
    await again.wait_for(state="hidden")
    assert await page.input_value(".comment textarea") == "先看再说"
    await page.get_by_role("button", name="发送").click()
    await page.locator(".story .said", has_text="先看再说").wait_for()


async def test_a_slow_service_is_told_and_pressing_again_does_it_once(
    desk: Open, town: World, standing: dict[str, Any]
) -> None:
    page = await desk("operator", f"/incidents/{standing['id']}")
    held: list[Any] = []

    async def hold(route: Any) -> None:
        if held:
            await route.continue_()
            return
        held.append(route)
        await route.fetch()  # it happens, and nobody hears of it

    await page.get_by_role("button", name="写备注").click()
    await page.keyboard.type("只写一次")
    await page.route("**/comments", hold)
    await page.get_by_role("button", name="发送").click()
    await page.locator(".comment [data-code=slow]", has_text="服务 5 秒没有应答。").wait_for(timeout=10_000)
    assert await page.input_value(".comment textarea") == "只写一次"
    await page.get_by_role("button", name="发送").click()
    await page.locator(".story .said", has_text="只写一次").wait_for()
    await held[0].abort()
    texts = [one["text"] for one in (await town.get(f"/incidents/{standing['id']}"))["entries"]]
    assert texts.count("只写一次") == 1


async def test_of_two_at_once_the_later_sees_both_versions(desk: Open, town: World, standing: dict[str, Any]) -> None:
    page = await desk("operator", f"/incidents/{standing['id']}")

    async def older(route: Any) -> None:
        await route.continue_(headers={**route.request.headers, "if-match": '"v0"'})

    await page.route("**/acknowledge", older)
    await page.get_by_role("button", name="确认", exact=False).first.click()
    both = page.locator(".conflict")
    await both.wait_for()
    words = await both.inner_text()
    assert "您看到的" in words
    assert "现在的" in words
    assert "您的操作没有保存。" in words
    assert await acknowledged_by(town, standing["id"]) is None
    await page.unroute("**/acknowledge")
    await both.get_by_role("button", name="仍然确认").click()
    undo = page.get_by_role("button", name=re.compile("撤销"))
    await undo.wait_for()
    await undo.click()
    await page.locator(".deeds .primary").wait_for()


async def test_what_still_stands_can_only_be_called_a_false_alarm(desk: Open, standing: dict[str, Any]) -> None:
    page = await desk("operator", f"/incidents/{standing['id']}", lang="en")
    await page.get_by_role("button", name="Close with cause").click()
    asked = page.get_by_role("dialog")
    await asked.get_by_text("it can only be called a false alarm now", exact=False).wait_for()
    await page.wait_for_function("() => document.activeElement?.textContent?.trim() === 'Cancel'")
    assert await asked.locator("select option:not([disabled])").all_inner_texts() == ["false alarm"]
    await asked.get_by_role("button", name="Cancel").click()


async def test_who_may_see_no_evidence_asks_for_none_and_may_not_act(desk: Open, standing: dict[str, Any]) -> None:
    page = await desk("lead", f"/incidents?open={standing['id']}")
    await page.locator(".pane .story li").first.wait_for()
    assert not [made for made in page.watched.requests if re.search(r"/(evidence|sample|picture|views)", made)]
    assert await page.locator(".pane .evidence, .pane .primary").count() == 0
    assert await row(page, standing["id"]).get_by_text("确认", exact=True).count() == 0


async def test_a_foreign_or_mistyped_one_is_not_found(desk: Open) -> None:
    page = await desk("operator", "/incidents/01a20000-0000-7000-8000-000000000000")
    await page.get_by_text("没有这条事件").wait_for()
    assert await page.get_by_role("button", name="确认").count() == 0
