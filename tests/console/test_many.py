"""A whole district in the console, 7,500 cameras: few nodes, few bytes, nothing that jumps, floods, resyncs, windows.

Only what can be counted: how long anything takes is measured by ``bench.console_pages``.
"""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.console.conftest import DESK, PHONE, SIZES, Watched
from tests.support.api_rig import Client
from tests.support.many_world import IN_SIGHT, STATES, Many, many, wrong_rows

pytestmark = pytest.mark.asyncio(loop_scope="session")

CAMERAS = 7500
MOST_NODES = 2500
LOGIN_BYTES, NOW_BYTES = 200_000, 600_000
MOST_SHIFT = 0.02
FLOOD, PAINTS_A_SECOND = 1000, 4
WINDOWS = 6
#: A hundred rows at once: a walk over a thousand takes ten steps.
TALL = (1366, 4000)
ROW = ".cameras [data-key]"
#: So many rows are loaded, and nothing of those in sight is still being fetched.
LOADED = """n => { const all = document.querySelector('.cameras .scroller .all');
  const rows = [...all.querySelectorAll('[data-key]')];
  return all.offsetHeight >= n * rows[0].offsetHeight && rows.every(row => row.querySelector('canvas')); }"""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def district(chromium: Any, built: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Many]:
    async with many(tmp_path_factory.mktemp("many"), CAMERAS) as made:
        yield made


@asynccontextmanager
async def window(
    district: Many, chromium: Any, size: tuple[int, int] = DESK, user: str | None = "operator"
) -> AsyncIterator[Any]:
    """A browser's window; none of its pages does what no page may."""
    made = await district.context(chromium, size, user)
    watched = Watched(district.url)
    made.watched = watched
    made.on("page", watched.hear)
    try:
        yield made
    finally:
        await made.close()
    assert watched.wrongs == []


async def opened(context: Any, district: Many, path: str, there: str) -> Any:
    page = await context.new_page()
    await page.goto(district.url + path)
    await page.locator(there).first.wait_for(state="attached")
    return page


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
async def test_the_whole_list_is_few_nodes(size: tuple[int, int], district: Many, chromium: Any) -> None:
    async with window(district, chromium, size) as context:
        page = await opened(context, district, "/cameras?sort=name", ROW)
        assert await page.locator("[role=grid]").get_attribute("aria-rowcount") == str(CAMERAS + 1)
        found = await page.evaluate(
            """async last => { const seen = [], at = document.querySelector('.cameras .scroller');
              for (let row = 0; row < last;) {
                at.scrollTop = at.scrollHeight;
                await painted();
                seen.push(document.querySelectorAll('*').length);
                row = Number([...document.querySelectorAll('.cameras [data-key]')].at(-1)?.ariaRowIndex ?? 0);
              }
              return seen; }""",
            CAMERAS + 1,
        )
        assert max(found) <= MOST_NODES, found


@pytest.mark.parametrize(
    ("user", "path", "there", "most"),
    [
        (None, "/login", "input[autocomplete=username]", LOGIN_BYTES),
        ("operator", "/now", "main a.tile", NOW_BYTES),
    ],
    ids=["login", "now"],
)
async def test_a_first_load_is_few_bytes(
    user: str | None, path: str, there: str, most: int, district: Many, chromium: Any
) -> None:
    """All that came before the page stood, answers of the API included, as small as gzip makes it."""
    async with window(district, chromium, user=user) as context:
        page = await opened(context, district, path, there)
        loaded = await page.evaluate(
            "performance.getEntriesByType('resource').map(one => [one.name, one.encodedBodySize])"
        )
    sizes = {path: len(gzip.compress((await Client(district.url).get(path)).body))}
    for name, size in loaded:
        where = urlsplit(name).path
        packed = where.startswith("/assets/")
        sizes[where] = len(gzip.compress((await Client(district.url).get(where)).body)) if packed else size
    assert len([name for name in sizes if name.startswith("/assets/")]) > 2
    assert sum(sizes.values()) <= most, sizes


PAGES = (
    ("operator", "/now", "main a.tile"),
    ("operator", "/cameras", ROW),
    ("operator", "/incidents", ".incidents [data-key]"),
    ("operator", "/cameras/{camera}", ".camera h1 .called"),
    ("operator", "/wall?layout=4", ".tile"),
    ("admin", "/proposals", "main h1"),
    ("admin", "/users", "main h1"),
    ("auditor", "/audit", "main h1"),
)


@pytest.mark.parametrize(
    ("user", "size"),
    [("operator", DESK), ("operator", PHONE), ("admin", DESK), ("auditor", DESK)],
    ids=lambda given: str(given[0]) if isinstance(given, tuple) else given,
)
async def test_nothing_jumps_while_a_page_loads(
    user: str, size: tuple[int, int], district: Many, chromium: Any
) -> None:
    camera = (await district.listed(1))[0]["id"]
    found = {}
    async with window(district, chromium, size, user) as context:
        for _, path, there in (one for one in PAGES if one[0] == user):
            page = await opened(context, district, path.format(camera=camera), there)
            await page.wait_for_load_state("networkidle")
            await page.evaluate("painted()")
            found[path] = await page.evaluate("[seen.shift, seen.shifted]")
            await page.close()
    assert {path: shifted for path, (shift, shifted) in found.items() if shift > MOST_SHIFT} == {}


async def test_a_flood_of_changes_is_painted_calmly_and_none_is_lost(district: Many, chromium: Any) -> None:
    async with window(district, chromium, TALL) as context:
        # What is in sight is asked for every so often: here nothing but the events may tell.
        await context.route("**/api/v1/status?*", lambda route: route.abort())
        now = await opened(context, district, "/now", "main a.tile")
        page = await opened(context, district, "/cameras?sort=name", ROW)
        await page.locator("header .light.open").wait_for()
        ids = list(await district.words(FLOOD, sort="name"))
        random.Random(7).shuffle(ids)
        await page.wait_for_function(LOADED, arg=FLOOD)
        heard = await now.evaluate("seen.changes")  # the first window holds the stream
        await page.evaluate("countPaints('main')")
        asked = len(context.watched.requests)
        told = (await district.wish("turn", cameras=ids, seconds=1.0))["told"]
        assert told >= FLOOD
        await now.wait_for_function("n => seen.changes >= n", arg=heard + told)
        assert await now.evaluate("seen.changes") == heard + told
        after = await district.words(FLOOD, sort="name")
        await page.wait_for_function(IN_SIGHT, arg=after)
        await page.evaluate("painted()")
        paints = await page.evaluate("seen.paints")
        listed = [one for one in context.watched.requests[asked:] if "/cameras?" in one and "limit=1" not in one]
        assert listed == []
        assert await wrong_rows(page, after) == []
        assert len(paints) <= PAINTS_A_SECOND * (paints[-1] - paints[0]) / 1000 + 1
        counts = (await district.get("/overview"))["counts"]
        for state, n in counts.items():
            await now.locator("a.tile", has_text=STATES[state]).filter(has_text=f"{n:,}").wait_for()


async def test_after_a_resync_the_page_is_what_the_service_says(district: Many, chromium: Any) -> None:
    async with window(district, chromium) as context:
        page = await opened(context, district, "/cameras?sort=name", ROW)
        await page.locator("header .light.open").wait_for()
        for what in ("**/events*", "**/api/v1/changes*", "**/api/v1/status?*"):
            await context.route(what, lambda route: route.abort())
        await page.clock.install()
        await page.clock.fast_forward(16_000)
        await page.locator("header .light.lost").wait_for(timeout=25_000)
        ids = list(await district.words(40, sort="name"))
        before = await district.words(40, sort="name")
        await district.wish("turn", cameras=ids)
        # More is gone than the feed keeps: following is no longer possible.
        assert (await district.wish("forget"))["forgotten"] > 0
        assert await wrong_rows(page, before) == []
        await context.unroute("**/events*")
        await page.clock.fast_forward(16_000)  # the next try
        await page.wait_for_function("() => seen.resyncs.length > 0")
        assert await wrong_rows(page, await district.words(40, sort="name")) == []
        await page.locator("header .light.open").wait_for()


async def test_six_windows_of_one_browser_hold_one_stream(district: Many, chromium: Any) -> None:
    async with window(district, chromium) as context:
        await opened(context, district, "/now", "main a.tile")
        others = (opened(context, district, "/now", "main a.tile") for _ in range(WINDOWS - 1))
        *_, last = await asyncio.gather(*others)
        await last.locator("header .light.open").wait_for()  # it hears what the first is told
        assert (await district.wish("streams"))["streams"] == 1
