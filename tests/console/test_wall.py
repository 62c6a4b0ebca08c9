"""The wall: live pictures that say what they are, mind themselves, and are on record."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import pytest_asyncio

from tests.console.conftest import PHONE, Open
from tests.support.console_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: What each tile said it was, in order; kept by the page itself, so that nothing is missed between two questions.
RECORDER = """
window.said = {};
new MutationObserver(all => { for (const one of all) {
  const tile = one.target;
  if (tile.dataset?.camera) (window.said[tile.dataset.camera] ??= []).push(tile.dataset.state);
} }).observe(document, { subtree: true, attributes: true, attributeFilter: ['data-state'] });
"""
FRAMES = "Object.fromEntries([...document.querySelectorAll('.tile')].filter(t => t.dataset.camera).map(t => "
FRAMES += "[t.dataset.camera, t.querySelector('video').getVideoPlaybackQuality().totalVideoFrames]))"
STATES = "[...document.querySelectorAll('.tile')].map(t => t.dataset.state)"
HIDE = """shown => { Object.defineProperty(document, 'visibilityState', { value: shown, configurable: true });
  document.dispatchEvent(new Event('visibilitychange')); }"""


def tile(page: Any, camera: str) -> Any:
    return page.locator(f'.tile[data-camera="{camera}"]')


async def all_live(page: Any, count: int, seconds: float = 90.0) -> None:
    condition = f"[...document.querySelectorAll('.tile')].filter(t => t.dataset.state === 'live').length === {count}"
    await page.wait_for_function(f"() => {condition}", timeout=seconds * 1000)


async def becomes(page: Any, camera: str, *states: str, seconds: float = 60.0) -> None:
    wanted = json.dumps(states)
    query = f".tile[data-camera='{camera}']"
    condition = f'{wanted}.includes(document.querySelector("{query}")?.dataset.state)'
    await page.wait_for_function(f"() => {condition}", timeout=seconds * 1000)


async def first(town: World, count: int) -> list[str]:
    return [str(one["id"]) for one in (await town.cameras())[:count]]


async def open_wall(desk: Open, cameras: list[str], layout: int, role: str = "operator", **more: Any) -> Any:
    return await desk(role, f"/wall?layout={layout}&cams={','.join(cameras)}", **more)


def posts(page: Any, part: str) -> list[str]:
    return [made for made in page.watched.requests if made.startswith("POST ") and part in made]


async def view_ids(page: Any) -> list[str]:
    found = await page.evaluate("[...document.querySelectorAll('.tile .mark .long')].map(one => one.textContent)")
    return [str(one) for one in found]


class Register:
    """The register of views, as an auditor reads it."""

    def __init__(self, town: World, page: Any) -> None:
        self._town = town
        self._page = page

    async def moments(self, views: list[str]) -> dict[str, list[str]]:
        answered = await self._page.request.get(f"{self._town.url}/api/v1/views?limit=200")
        rows = (await answered.json())["items"]
        return {one: [row["moment"] for row in rows if row["view_id"] == one] for one in views}

    async def until_over(self, views: list[str]) -> None:
        async def over() -> bool:
            return all("end" in found for found in (await self.moments(views)).values())

        await self._town.until(over, 15)


@pytest_asyncio.fixture(loop_scope="session")
async def register(desk: Open, town: World) -> Register:
    return Register(town, await desk("auditor", "/password"))


async def test_sixteen_tiles_live_on_one_call_for_tickets_each_marked_and_on_record(
    desk: Open, town: World, register: Register
) -> None:
    page = await open_wall(desk, await first(town, 16), 16)
    await all_live(page, 16)
    until_shown = page.watched.requests[: page.watched.requests.index(posts(page, "/whep/")[0])]
    assert [made for made in until_shown if "/views" in made] == ["POST /api/v1/views"]
    assert "16/16" in await page.locator(".counted").inner_text()

    before = await page.evaluate(FRAMES)
    await page.wait_for_function(
        f"before => {{ const now = {FRAMES}; return Object.keys(before).every(one => now[one] > before[one] + 5); }}",
        arg=before,
        timeout=30_000,
    )
    views = await view_ids(page)
    assert len(set(views)) == 16
    for one in range(16):
        mark = page.locator(".tile").nth(one).locator(".mark")
        assert re.search(r"operator.*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", await mark.inner_text(), re.DOTALL)
        assert views[one] in await page.locator(".tile").nth(one).locator(".tiled").inner_text()
    assert all(found == ["begin"] for found in (await register.moments(views)).values())
    assert await page.evaluate(
        "[...document.querySelectorAll('video')].every(v => v.disablePictureInPicture && !v.controls && v.muted)"
    )

    await page.goto(f"{town.url}/password")  # leaving ends them all
    await register.until_over(views)


async def test_double_click_and_enter_change_the_stream_in_the_same_session(desk: Open, town: World) -> None:
    (camera,) = await first(town, 1)
    page = await open_wall(desk, [camera], 4)
    await all_live(page, 1)
    one = tile(page, camera)
    assert "实时（子码流）" in str(await one.get_attribute("aria-label"))
    small = await page.evaluate("document.querySelector('video').videoWidth")
    opened = len(posts(page, "/whep/")), len(posts(page, "/views"))
    await one.dblclick()
    await page.wait_for_function(f"() => document.querySelector('video').videoWidth > {small}", timeout=20_000)
    await page.locator(f'.tile[data-camera="{camera}"][data-stream="main"]').wait_for()
    assert "实时（子码流）" not in str(await one.get_attribute("aria-label"))
    await one.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_function(f"() => document.querySelector('video').videoWidth === {small}", timeout=20_000)
    layers = [made for made in posts(page, "/whep/") if made.endswith("/layer")]
    assert len(layers) == 2
    assert (len(posts(page, "/whep/")) - 2, len(posts(page, "/views"))) == opened


async def test_a_camera_that_stops_is_stalled_then_gone_and_changes_no_other_tile(desk: Open, town: World) -> None:
    cameras = await first(town, 4)
    page = await open_wall(desk, cameras, 4)
    await page.evaluate(RECORDER)
    await all_live(page, 4)
    await town.fault(cameras[0], "stall")
    try:
        await becomes(page, cameras[0], "stalled")
        before = await page.evaluate(FRAMES)
        text = str(await tile(page, cameras[0]).get_attribute("aria-label"))
        assert re.search(r"停滞，画面是 \d+ 秒前的，正在重连", text)
        dimmed = "one => getComputedStyle(one.querySelector('video')).filter"
        assert await tile(page, cameras[0]).evaluate(dimmed) == "brightness(0.55)"
        assert await tile(page, cameras[0]).locator(".mark").count() == 1
        # From 10 s on the age stands over the picture, unless the service has found out meanwhile why there is none.
        one = tile(page, cameras[0])
        await one.locator(".large").or_(one.locator(".what", has_text="离线")).wait_for(timeout=30_000)
        now = await page.evaluate(FRAMES)
        assert all(now[one] > before[one] + 20 for one in cameras[1:])
    finally:
        await town.fault(cameras[0], "stall", on=False)
    await becomes(page, cameras[0], "live")
    said = (await page.evaluate("window.said"))[cameras[0]]
    assert said.index("stalled") < len(said) - 1
    assert said[-1] == "live"


async def test_a_camera_that_restarts_comes_back_by_itself_in_the_same_session(desk: Open, town: World) -> None:
    (camera,) = await first(town, 1)
    page = await open_wall(desk, [camera], 1)
    await all_live(page, 1)
    await town.fault(camera, "reboot")
    try:
        await becomes(page, camera, "offline")
        text = str(await tile(page, camera).get_attribute("aria-label"))
        assert re.search(r"离线，自 \S+ 起（.+）：\S+", text)
        assert await tile(page, camera).locator(".mark").count() == 0  # no picture, no mark
    finally:
        await town.fault(camera, "reboot", on=False)
    await becomes(page, camera, "live")


async def test_a_service_that_was_away_is_found_again_without_a_hand(desk: Open, town: World) -> None:
    """Every session gone and nothing answered for a while is what a restart is for a page."""
    cameras = await first(town, 3)
    page = await open_wall(desk, cameras, 4)
    await all_live(page, 3)
    away = re.compile(r"/(api|whep|events)")
    await page.route(away, lambda route: route.abort("connectionrefused"))
    ended = await page.context.request.post(
        f"{town.url}/api/v1/views/end", data={"view_ids": await view_ids(page)}, headers={"origin": town.url}
    )
    assert ended.status == 204
    await page.wait_for_function(f"() => {STATES}.slice(0, 3).every(one => one === 'stalled')", timeout=20_000)
    await page.unroute(away)
    await all_live(page, 3)


async def test_without_its_mark_there_is_no_picture(desk: Open, town: World, register: Register) -> None:
    cameras = await first(town, 3)
    page = await open_wall(desk, cameras, 4)
    await all_live(page, 3)
    views = await view_ids(page)
    await tile(page, cameras[0]).locator(".mark").evaluate("one => one.remove()")
    await tile(page, cameras[1]).locator(".tiled").evaluate("one => one.style.opacity = 0.001")
    for one in cameras[:2]:
        await page.wait_for_function(
            f"() => document.querySelector(\".tile[data-camera='{one}'] video\").srcObject === null", timeout=5_000
        )
        assert "水印不在了" in str(await tile(page, one).get_attribute("aria-label"))
    await register.until_over(views[:2])
    assert await tile(page, cameras[2]).get_attribute("data-state") == "live"
    await tile(page, cameras[1]).locator(".acts button").click()
    await becomes(page, cameras[1], "live")


async def test_nothing_plays_in_a_page_hidden_for_a_minute_and_a_sleep_is_slept_off(
    desk: Open, town: World, register: Register
) -> None:
    cameras = await first(town, 2)
    page = await desk("operator", "/cameras")
    await page.clock.install()
    await page.goto(f"{town.url}/wall?layout=4&cams={','.join(cameras)}")
    await all_live(page, 2)
    views = await view_ids(page)
    await page.evaluate(HIDE, "hidden")
    await page.clock.fast_forward(30_000)
    assert await page.evaluate(STATES) == ["live", "live", "empty", "empty"]
    await page.clock.fast_forward(31_000)
    await register.until_over(views)
    assert await page.evaluate("[...document.querySelectorAll('video')].every(one => one.srcObject === null)")
    asked = len(posts(page, "/views"))
    await page.clock.fast_forward(30_000)
    assert len([made for made in posts(page, "/views") if not made.endswith("/end")]) <= asked
    await page.evaluate(HIDE, "visible")
    await all_live(page, 2)
    again = await view_ids(page)
    assert not set(again) & set(views)

    await page.evaluate(RECORDER)
    await page.clock.fast_forward(600_000)  # the lid was shut for ten minutes
    await page.wait_for_function(
        f"() => {json.dumps(cameras)}.every(one => (window.said[one] ?? [])[0] === 'connecting')", timeout=10_000
    )
    await all_live(page, 2)
    assert not set(await view_ids(page)) & set(again)


def problem(code: str, status: int, **facts: Any) -> dict[str, Any]:
    three = {"what": "What happened.", "detail": "What it means.", "fix": "What to do."}
    return {"type": f"urn:xueliang:problem:{code}", "code": code, "status": status, **three, **facts}


FULL = {"code": "view_limit", "who": "camera", "open": 6, "max": 6, "retry_after": 30}
#: Refusals by the place on the wall, with the words of the design.
REFUSED: dict[int, tuple[int, dict[str, Any], str]] = {
    0: (409, {"code": "offline", "reason": "unreachable", "retry_after": 10}, r"离线，自 \S+ 起（.+）：网络不可达"),
    1: (422, {"code": "codec", "codec": "H.265"}, r"本机解不了 H\.265，它没有 H\.264 子码流"),
    2: (503, FULL, r"摄像机已满 6/6，\d+ 秒后重试"),
    3: (503, {"code": "register"}, "查看登记写不进，暂不开新画面"),
    4: (403, {"code": "masked"}, "要求隐私遮挡，不能看实时"),
    5: (404, {"code": "not_found"}, "没有这路，或不在您的区域"),
}
ENGLISH = {
    0: r"Offline since \S+ \(.+\): unreachable",
    1: r"Cannot decode H\.265 here, no H\.264 sub-stream",
    2: r"Camera full 6/6, retry in \d+ s",
    3: "View register not writable, no new pictures",
    4: "Privacy mask required, no live view",
    5: "Not found, or not in your areas",
    6: r"No video path \(UDP\) from here to the service",
}


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_every_refusal_has_its_own_tile_and_its_own_words(desk: Open, town: World, lang: str) -> None:
    cameras = await first(town, 8)
    page = await desk("operator", "/cameras", lang=lang)

    async def whep(route: Any) -> None:
        place = cameras.index(re.findall(r"/whep/([^/?]+)", route.request.url)[0])
        if route.request.method != "POST" or place == 7:
            await route.continue_()
        elif place == 6:  # an answer without a way
            answered = await route.fetch()
            text = re.sub(r"a=candidate:.*\r\n", "", await answered.text())
            await route.fulfill(response=answered, body=text)
        else:
            status, facts, _ = REFUSED[place]
            headers = {"content-type": "application/problem+json"}
            if "retry_after" in facts:
                headers["retry-after"] = str(facts["retry_after"])
            await route.fulfill(status=status, headers=headers, body=json.dumps(problem(status=status, **facts)))

    await page.route("**/whep/**", whep)
    await page.goto(f"{town.url}/wall?layout=9&cams={','.join(cameras)}")
    for place, (_, _, chinese) in REFUSED.items():
        said = tile(page, cameras[place]).locator(".what")
        words = chinese if lang == "zh" else ENGLISH[place]
        await said.filter(has_text=re.compile(words)).wait_for(timeout=20_000)
    words = r"本机到服务的视频通道（UDP）不通" if lang == "zh" else ENGLISH[6]
    await tile(page, cameras[6]).locator(".what").filter(has_text=re.compile(words)).wait_for(timeout=30_000)
    await becomes(page, cameras[7], "live")
    empty = page.locator(".tile.is-empty .what")
    assert await empty.inner_text() == ("空位，请选摄像机" if lang == "zh" else "Empty, pick a camera")
    looks = await page.evaluate("[...document.querySelectorAll('.tile')].map(t => t.querySelectorAll('.mark').length)")
    shown = [at for at, marks in enumerate(looks) if marks]
    assert set(shown) <= {1, 2, 6, 7}  # stills, and the one that lives: offline, masked and the like show nothing


async def test_a_login_that_ends_takes_its_pictures_with_it(desk: Open, town: World) -> None:
    cameras = await first(town, 2)
    page = await open_wall(desk, cameras, 4, fresh=True)
    await all_live(page, 2)
    await page.context.request.delete(
        f"{town.url}/api/v1/session", headers={"origin": town.url, "content-type": "application/json"}
    )
    for one in cameras:
        await becomes(page, one, "withdrawn", seconds=15)
        assert re.search(r"权限已于 \S+ 收回", str(await tile(page, one).get_attribute("aria-label")))
        assert await tile(page, one).locator(".mark").count() == 0


@pytest.mark.parametrize("role", ["lead", "auditor", "admin", "technician"])
async def test_who_may_not_look_asks_for_no_picture(desk: Open, town: World, role: str) -> None:
    cameras = await first(town, 2)
    page = await open_wall(desk, cameras, 4, role=role)
    await page.get_by_text("您没有打开这一页的权限").wait_for()
    pictures = re.compile(r" /(whep|api/v1/(views|wall|.*/(views|sample|evidence|picture)))")
    assert [made for made in page.watched.requests if pictures.search(made)] == []


async def test_a_screen_shows_its_wall_and_nothing_else(desk: Open, town: World) -> None:
    page = await desk("screen", "/wall?layout=4")
    await all_live(page, 4)
    assert await page.locator("header nav, .layouts, .tile [title='清空']").count() == 0
    assert "cams=" in page.url
    assert "4/4" in await page.locator(".counted").inner_text()
    assert [made for made in page.watched.requests if "/events" in made or "/evidence" in made] == []


async def test_a_screen_has_posters_until_its_pictures_live(desk: Open, town: World, register: Register) -> None:
    page = await desk("screen", "/password")
    await page.route("**/whep/**", lambda route: route.abort())
    await page.goto(f"{town.url}/wall?layout=4")
    await page.wait_for_function(
        "() => document.querySelectorAll('.tile.look-still .mark').length === 4", timeout=20_000
    )
    assert re.search(r"静态 .+（.+前）", await page.locator(".tile").first.inner_text())
    views = await view_ids(page)
    assert all(found == ["shown"] for found in (await register.moments(views)).values())
    await page.unroute("**/whep/**")
    await all_live(page, 4)


async def test_the_wall_is_worked_by_keys_and_written_in_its_address(desk: Open, town: World) -> None:
    a, b, c = await first(town, 3)
    page = await open_wall(desk, [a, b], 4)
    await all_live(page, 2)
    opened = len(posts(page, "/whep/"))
    for key in ("m", "ArrowRight", "ArrowDown", "Escape"):
        await page.keyboard.press(key)
    await page.wait_for_url(re.compile(rf"cams={b},,,{a}$"))
    assert len(posts(page, "/whep/")) == opened  # what was moved went on playing
    await page.keyboard.press("Delete")
    await page.wait_for_url(re.compile(rf"cams={b}$"))
    await page.keyboard.press("9")
    await page.wait_for_url(re.compile(r"layout=9"))
    assert await page.locator(".tile").count() == 9
    await page.keyboard.press("4")
    await page.locator('[data-place="1"] .button').click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("combobox").fill((await town.get(f"/cameras/{c}"))["name"])
    await dialog.locator(f"#pick-{c}").wait_for()
    await page.wait_for_function("() => document.querySelectorAll('#wall-found [role=option]').length === 1")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(rf"cams={b},{c}$"))
    await page.keyboard.press("Escape")
    await all_live(page, 2)
    await page.keyboard.press("f")
    await page.wait_for_function("() => document.fullscreenElement?.classList.contains('tile')")
    assert await page.locator(":fullscreen .mark, :fullscreen .words").count() > 0


async def test_on_a_phone_the_wall_is_one_tile(desk: Open, town: World) -> None:
    cameras = await first(town, 2)
    page = await open_wall(desk, cameras, 4, size=PHONE, has_touch=True, is_mobile=True)
    await all_live(page, 1)
    assert await page.locator(".tile").count() == 1
    await page.get_by_role("button", name="下一路").tap()
    await becomes(page, cameras[1], "live")
    assert await page.locator(".tile").count() == 1
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
