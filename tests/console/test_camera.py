"""One camera: how it stands and its proof; a picture only when asked for, by those who may, and on the register."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.console.conftest import PHONE, Open
from tests.support.console_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

PICTURES = re.compile(r"/(sample|views|picture)\b|/evidence/|/whep/")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def camera(town: World) -> dict[str, Any]:
    found: dict[str, Any] = (await town.cameras())[2]
    return found


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def covered(town: World) -> AsyncIterator[dict[str, Any]]:
    """A camera whose lens is covered, once that is an incident with its proof."""
    one: dict[str, Any] = (await town.cameras())[4]
    await town.fault(one["id"], "covered_100")

    async def filed() -> Any:
        items = (await town.get("/incidents", camera=one["id"], state=["open", "acknowledged"]))["items"]
        proof = (await town.get(f"/incidents/{items[0]['id']}"))["first_bad"] if items else None
        return proof is not None

    await town.until(filed, 90)
    yield one
    await town.fault(one["id"], "covered_100", on=False)
    await town.until_state(one["id"], "ok", seconds=90)


async def opened(desk: Open, role: str, camera: dict[str, Any], more: str = "", **look: Any) -> Any:
    page = await desk(role, f"/cameras/{camera['id']}{more}", **look)
    await page.locator("h1 .state-mark").wait_for()
    return page


def asked_for_pictures(page: Any) -> list[str]:
    return [one for one in page.watched.requests if PICTURES.search(one.split("?")[0])]


async def views_of(page: Any, camera: dict[str, Any], desk: Open) -> list[dict[str, Any]]:
    auditor = await desk("auditor", "/audit")
    found = await auditor.evaluate("id => fetch(`/api/v1/views?camera=${id}`).then(one => one.json())", camera["id"])
    items: list[dict[str, Any]] = found["items"]
    return items


async def test_a_still_comes_when_asked_for_with_its_age_and_a_row_of_the_register(
    desk: Open, camera: dict[str, Any]
) -> None:
    page = await opened(desk, "operator", camera)
    assert camera["name"] in await page.locator("h1").inner_text()
    await page.wait_for_load_state("networkidle")
    assert asked_for_pictures(page) == []
    async with page.expect_response(re.compile("/sample")) as asked:
        await page.get_by_role("button", name="看静态画面").click()
    answer = await asked.value
    picture = page.locator(".shot img")
    await picture.wait_for()
    assert await picture.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
    assert re.search(r"静态 .+（.+前）", await page.locator(".shot .plate").inner_text())
    view = answer.headers["x-view-id"]
    row = next(one for one in await views_of(page, camera, desk) if one["view_id"] == view)
    assert (row["kind"], row["purpose"]) == ("sample", "duty")


@pytest.mark.parametrize("role", ["lead", "auditor", "admin"])
async def test_a_role_without_pictures_makes_no_picture_request(desk: Open, camera: dict[str, Any], role: str) -> None:
    page = await opened(desk, role, camera, "?tab=references")
    await page.wait_for_load_state("networkidle")
    for key in "lsvo":
        await page.keyboard.press(key)
    assert await page.get_by_text("您的角色不看画面。").count() == 1
    assert await page.locator("main img, main video").count() == 0
    assert asked_for_pictures(page) == []
    assert page.url.split("?")[0].endswith(camera["id"])


async def test_an_unknown_camera_says_so_in_three_sentences(desk: Open) -> None:
    for lang, words in (
        ("zh", "找不到这路摄像机。它不存在，或不在您的区域。请核对编号，或请管理员开通区域。"),
        ("en", "Camera not found. It does not exist or is outside your areas. Check the id, or ask for the area."),
    ):
        page = await desk("operator", "/cameras/no-such-camera", lang=lang)
        note = page.locator("main .empty")
        await note.wait_for()
        text = await note.inner_text()
        assert re.sub(r"\s", "", text).startswith(re.sub(r"\s", "", words))


async def test_a_snapshot_asks_for_a_reason_which_goes_into_the_register(
    desk: Open, camera: dict[str, Any], tmp_path: Path
) -> None:
    page = await opened(desk, "operator", camera)
    await page.keyboard.press("s")
    dialog = page.get_by_role("dialog")
    await dialog.wait_for()
    assert "连同您的姓名写入登记" in await dialog.inner_text()
    await page.wait_for_function("() => document.activeElement?.textContent?.includes('取消')")
    await dialog.get_by_label("事由").select_option("inspection")
    await dialog.get_by_label("说明").fill("路面积水")
    async with page.expect_download() as saved:
        await dialog.get_by_role("button", name="截图").click()
    kept = tmp_path / "kept.jpg"
    await (await saved.value).save_as(kept)
    assert kept.read_bytes()[:2] == b"\xff\xd8"
    await page.get_by_text(re.compile("已保存 .+ 的画面，登记号")).wait_for()
    assert "inspection: 路面积水" in [one["purpose"] for one in await views_of(page, camera, desk)]


async def test_escape_closes_the_question_and_not_the_page(desk: Open, camera: dict[str, Any]) -> None:
    page = await opened(desk, "operator", camera)
    await page.keyboard.press("s")
    dialog = page.get_by_role("dialog")
    await dialog.wait_for()
    await page.keyboard.press("Escape")
    await dialog.wait_for(state="hidden")
    assert page.url.endswith(camera["id"])
    await page.keyboard.press("Escape")
    await page.wait_for_url(re.compile("/cameras$"))


async def test_a_fault_shows_its_measure_beside_its_limit_and_its_proof_opens_one_by_one(
    desk: Open, covered: dict[str, Any]
) -> None:
    page = await opened(desk, "operator", covered)
    await page.locator("h1").get_by_text("遮挡").wait_for()
    bad = page.locator(".verdicts tr.bad").first
    await bad.wait_for()
    assert re.search(r"遮挡.*上限 [\d.]+", re.sub(r"\s+", " ", await bad.inner_text()))
    figures = page.locator("figure")
    await figures.first.wait_for()
    assert asked_for_pictures(page) == []
    for caption in ("最后正常", "首次异常"):
        figure = figures.filter(has_text=caption)
        await figure.get_by_role("button", name="打开").click()
        assert await figure.locator("img").evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
    assert len(asked_for_pictures(page)) == 2
    await page.get_by_role("link", name="故障事件").last.click()
    await page.wait_for_url(re.compile("tab=incidents"))
    await page.locator("main table").get_by_text("遮挡").first.wait_for()
    await page.get_by_role("link", name="变化").click()
    await page.locator("main table").get_by_text("故障").first.wait_for()


async def test_a_month_is_part_of_the_address(desk: Open, camera: dict[str, Any]) -> None:
    page = await opened(desk, "lead", camera)
    async with page.expect_response(re.compile("/timeline")):
        await page.get_by_role("button", name="30 天").click()
    await page.wait_for_url(re.compile("from="))
    await page.locator('button[aria-pressed="true"]', has_text="30 天").wait_for()
    assert await page.locator("main table").get_by_text("正常").count() > 0


async def test_replacing_a_reference_is_asked_and_cancelled_by_default(desk: Open, camera: dict[str, Any]) -> None:
    page = await opened(desk, "admin", camera, "?tab=references")
    await page.get_by_role("button", name="重新学习…").click()
    dialog = page.get_by_role("dialog", name=re.compile("重新学习？"))
    await dialog.wait_for()
    assert "不能恢复" in await dialog.inner_text()
    await page.wait_for_function("() => document.activeElement?.textContent?.includes('取消')")
    await page.keyboard.press("Enter")
    await dialog.wait_for(state="hidden")
    assert [one for one in page.watched.requests if one.startswith("POST") and "references" in one] == []


async def test_a_password_is_written_and_never_read(desk: Open, camera: dict[str, Any]) -> None:
    page = await opened(desk, "admin", camera, "?tab=device")
    sent: list[dict[str, Any]] = []

    async def take(route: Any) -> None:
        sent.append(json.loads(route.request.post_data))
        await route.fulfill(status=204)

    # Kept from the camera, which has its own already.
    await page.route("**/credentials", take)
    await page.get_by_role("button", name="填写新密码…").click()
    form = page.locator("form.form")
    await form.get_by_label("账号").fill("operator")
    await form.get_by_label("新密码").fill("not shown again")
    await form.get_by_role("button", name="保存").click()
    await page.get_by_text("已保存。").wait_for()
    assert sent == [{"account": "operator", "password": "not shown again", "allow_clear": False}]
    assert "not shown again" not in await page.content()


async def test_two_who_edit_one_record_see_both_versions(desk: Open, camera: dict[str, Any], town: World) -> None:
    mine = await opened(desk, "admin", camera, "?tab=device")
    theirs = await opened(desk, "admin", camera, "?tab=device")
    for page in (mine, theirs):
        await page.get_by_role("button", name="修改路径…").click()
    before = await mine.get_by_label("名称（可带端口，如 SW-12 口 7）").first.input_value()
    try:
        for page, words in ((theirs, "SW-9 口 1"), (mine, "SW-9 口 2")):
            await page.get_by_label("名称（可带端口，如 SW-12 口 7）").first.fill(words)
            await page.get_by_role("button", name="保存").click()
            if page is theirs:
                await page.get_by_role("button", name="修改路径…").wait_for()
        both = await mine.locator(".changed").inner_text()
        assert "SW-9 口 1" in both
        assert "SW-9 口 2" in both
        await mine.get_by_role("button", name="仍保存我的").click()
        await mine.get_by_role("button", name="修改路径…").wait_for()
        device = await town.get(f"/devices/{camera['device_id']}")
        assert device["access_path"][0]["name"] == "SW-9 口 2"
    finally:
        await mine.reload()
        await mine.get_by_role("button", name="修改路径…").click()
        await mine.get_by_label("名称（可带端口，如 SW-12 口 7）").first.fill(before)
        await mine.get_by_role("button", name="保存").click()
        await mine.get_by_role("button", name="修改路径…").wait_for()


async def test_on_a_phone_the_picture_and_what_can_be_done_come_first(desk: Open) -> None:
    page = await desk("technician", "/cameras", size=PHONE)
    await page.locator("[data-key]").first.click()  # one of the unit's own
    await page.locator("h1 .state-mark").wait_for()
    tops = [
        (await page.locator(one).first.bounding_box())["y"]
        for one in ("h1", ".shot", ".acts", ".day", "dl.facts", ".tabs")
    ]
    assert tops == sorted(tops)
    acts = await page.locator(".acts").bounding_box()
    assert acts["y"] + acts["height"] <= PHONE[1]
    verdicts = page.locator("details.verdicts")
    opens = await verdicts.get_attribute("open") is not None
    assert opens == ("项异常" in await verdicts.locator("summary").inner_text())  # folded while nothing is bad


async def test_a_service_that_is_gone_leaves_what_was_known_and_says_so(desk: Open, camera: dict[str, Any]) -> None:
    page = await opened(desk, "operator", camera)
    await page.route("**/api/v1/cameras/**", lambda route: route.abort())
    await page.keyboard.press("r")
    note = page.locator("main .problem").first
    await note.wait_for()
    assert "连不上服务。" in await note.inner_text()
    assert camera["name"] in await page.locator("h1").inner_text()
