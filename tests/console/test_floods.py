"""Lists that are told of something new: they rest under a hand, take it in by themselves when nobody is there, and in a
flood say so and group. The page's clock is the test's; the feed is told as another window of the browser tells it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.console.conftest import Open
from tests.support.console_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROW = ".incidents [role=row][data-key]"
PILL = ".told .pill"
#: What a window that holds the stream hands to the others.
TELL = """told => { const feed = new BroadcastChannel('xueliang-feed'); feed.postMessage(told); feed.close(); }"""
TICK = """() => { const feed = new BroadcastChannel('xueliang-feed');
  feed.postMessage({kind: 'tick', data: {now: new Date().toISOString(), after: '', epoch: ''}}); feed.close(); }"""


#: What the service says nothing of while an incident of one camera stands and nobody took it.
UNTOLD = (
    *("recovered_at", "resolved_at", "acknowledged_by", "acknowledged_at", "closing", "gb_id", "point_id", "parent_id"),
    *("point_name", "point_code", "unit_id", "group_kind", "group_id", "group_name"),
)


class Desk:
    """A page of incidents whose service is this: ``standing`` by when they began, the newest first."""

    def __init__(self, page: Any, areas: list[str]) -> None:
        self.page = page
        self.areas = areas
        self.standing: list[dict[str, Any]] = []
        self.fresh = 0
        self.now = datetime.now(UTC)

    def add(self, count: int, minutes_ago: float = 0.0) -> list[str]:
        made: list[str] = []
        for _ in range(count):
            number = len(self.standing)
            at = (self.now - timedelta(minutes=minutes_ago) + timedelta(milliseconds=number)).isoformat()
            one: dict[str, Any] = dict.fromkeys(UNTOLD) | {
                "id": f"incident-{number:03}",
                "kind": "fault",
                "state": "open",
                "cause": "covered",
                "since": at,
                "opened_at": at,
                "camera_id": f"camera-{number:03}",
                "camera_name": f"新华路 {number} 号",
                "area_id": self.areas[number % 2],
                "cameras": 1,
                "children": 0,
                "children_standing": 0,
                "version": 1,
            }
            self.standing.insert(0, one)
            made.append(str(one["id"]))
        return made

    async def begin(self, url: str) -> None:
        await self.page.clock.install()
        await self.page.route("**/api/v1/incidents?*", self._list)
        await self.page.route("**/api/v1/overview", self._overview)
        await self.page.goto(f"{url}/incidents")
        await self.page.locator(ROW).first.wait_for()

    async def tell(self, ids: list[str]) -> None:
        for one in ids:
            change = {"act": "opened", "state": "open", "cause": "covered", "version": 1}
            data = {"kind": "incident", "object_id": one, "area_id": None, "unit_id": None, "change": change}
            at = self.now.isoformat()
            await self.page.evaluate(TELL, {"kind": "change", "data": data | {"at": at, "after": ""}})

    async def rest(self, seconds: int) -> None:
        """Nobody touches anything, and the service goes on ticking."""
        for _ in range(seconds // 5):
            await self.page.clock.run_for(5_000)
            await self.page.evaluate(TICK)

    async def keys(self) -> list[str]:
        found: list[str] = await self.page.evaluate(f"[...document.querySelectorAll('{ROW}')].map(r => r.dataset.key)")
        return found

    async def _list(self, route: Any) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)
        items = self.standing if "open" in asked["state"] else []
        body = {"items": items[: int(asked["limit"][0])], "next_cursor": None, "total": len(items)}
        await route.fulfill(json=body | {"as_of": self.now.isoformat()})

    async def _overview(self, route: Any) -> None:
        told = await (await route.fetch()).json()
        told["incidents"] |= {"new": self.fresh, "flood": self.fresh > 10}
        await route.fulfill(json=told)


async def begun(desk: Open, town: World, standing: int) -> Desk:
    areas = [one["id"] for one in (await town.get("/areas"))["items"][:2]]
    one = Desk(await desk("operator", "/password"), areas)
    one.add(standing, minutes_ago=120)
    await one.begin(town.url)
    return one


async def test_what_is_new_waits_while_a_hand_is_there_and_enters_once_it_rests(desk: Open, town: World) -> None:
    one = await begun(desk, town, 3)
    page = one.page
    before = await one.keys()
    await page.mouse.move(600, 400)
    new = one.add(1)
    await one.tell(new)
    await page.clock.run_for(2_000)
    await page.locator(PILL, has_text="1 条新事件").wait_for()
    await one.rest(20)
    assert await one.keys() == before
    await page.mouse.move(600, 420)
    await one.rest(20)
    assert await one.keys() == before  # 40 s old, touched 20 s ago
    await one.rest(15)
    await page.locator(f'{ROW}[data-key="{new[0]}"]').wait_for()
    assert await one.keys() == [*new, *before]
    assert await page.locator(PILL).count() == 0


async def test_what_is_new_waits_while_somebody_reads_further_down(desk: Open, town: World) -> None:
    one = await begun(desk, town, 80)
    page = one.page
    await page.locator(".scroller").evaluate("at => { at.scrollTop = 600; }")
    await one.rest(35)
    in_sight = await one.keys()
    await one.tell(one.add(1))
    await page.clock.run_for(2_000)
    await page.locator(PILL, has_text="1 条新事件").wait_for()
    await one.rest(60)
    assert await one.keys() == in_sight
    await page.locator(PILL).click()
    await page.locator(f'{ROW}[data-key="{one.standing[0]["id"]}"]').wait_for()
    assert await page.locator(".scroller").evaluate("at => at.scrollTop") == 0


async def test_a_flood_is_said_and_grouped_and_can_be_listed_one_by_one(desk: Open, town: World) -> None:
    one = await begun(desk, town, 3)
    page, before = one.page, await one.keys()
    await page.mouse.move(600, 400)
    one.fresh = 12
    await one.tell(one.add(12))
    await one.rest(10)
    strip = page.locator(".strip", has_text="告警洪峰：10 分钟内新增 12 起")
    await strip.wait_for()
    assert await one.keys() == before  # said at once; nothing is laid anew under the hand
    await page.locator(PILL, has_text="12 条新事件").click()
    groups = page.locator(f"{ROW}[data-key^='group:']")
    await groups.first.wait_for()
    assert await groups.count() == 2
    assert all("6 起新事件" in text for text in await groups.all_inner_texts())
    assert [key for key in await one.keys() if not key.startswith("group:")][-3:] == before
    await groups.first.click()
    await page.wait_for_function(f"() => document.querySelectorAll('{ROW}').length === 11")
    await strip.get_by_role("button", name="逐条列出").click()
    await groups.first.wait_for(state="detached")
    assert len(await one.keys()) == 15
    spoken = await page.locator("[aria-live]").first.inner_text()
    assert "告警洪峰" in spoken or "新事件" in spoken
    one.fresh = 0
    await one.rest(30)  # it ends without a word of the feed
    await strip.wait_for(state="detached")


async def test_a_resting_list_of_cameras_takes_in_what_it_was_told_of(desk: Open, town: World) -> None:
    camera = (await town.cameras())[0]
    page = await desk("operator", "/password")
    await page.clock.install()
    lost = camera | {"state": "offline", "cause": "unreachable"}
    shown: list[dict[str, Any]] = [lost | {"id": "camera-before", "name": "先前离线"}]

    async def answer(route: Any) -> None:
        body = {"items": shown, "next_cursor": None, "total": len(shown), "as_of": datetime.now(UTC).isoformat()}
        await route.fulfill(json=body | {"counts": {"offline": len(shown)}})

    await page.route(re.compile(r"/api/v1/cameras\?"), answer)
    await page.goto(f"{town.url}/cameras?state=offline")
    rows = page.locator("[role=row][data-key]")
    await rows.first.wait_for()
    await page.mouse.move(700, 400)
    shown.append(lost)
    change = {"old": "ok", "state": "offline", "cause": "unreachable", "since": camera["since"], "at": camera["since"]}
    data = {"kind": "state", "object_id": camera["id"], "area_id": camera["area_id"], "unit_id": camera["unit_id"]}
    told = data | {"at": camera["since"], "after": "", "change": change | {"link": "down", "picture": "unknown"}}
    await page.evaluate(TELL, {"kind": "change", "data": told})
    await page.clock.run_for(2_000)
    await page.locator(".told .pill", has_text="新进 1").wait_for()
    for seconds in (20, 15):
        assert await rows.count() == 1, json.dumps(seconds)
        for _ in range(seconds // 5):
            await page.clock.run_for(5_000)
            await page.evaluate(TICK)
    await page.locator(f'[role=row][data-key="{camera["id"]}"]').wait_for()
    assert await page.locator(".told .pill").count() == 0
