"""Every page at every size, in both languages and themes: what assistive technology meets, and what eyes do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import pytest
import pytest_asyncio

from tests.console.conftest import DESK, PHONE, SIZES, WIDE, Open
from tests.console.pages import PAGES, PageOf
from tests.support.axe import serious
from tests.support.console_world import ROOT, World

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCREENSHOTS = ROOT / "docs" / "screenshots"
LOOKS = tuple(product(SIZES, ("zh", "en"), ("dark", "light")))
#: Each page in two looks that together hold a phone and a desk, both languages, both themes; all twelve in the soak.
FEW = ((PHONE, "zh", "light"), (DESK, "en", "dark"))


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def places(town: World) -> AsyncIterator[dict[str, str]]:
    """Ids for the addresses; one camera, of the technician's unit, is covered: there is an incident with its proof."""
    cameras = await town.cameras()
    unit = next(one["id"] for one in (await town.get("/units"))["items"] if "Heguang" in one["name"])
    covered = next(one["id"] for one in cameras if one["unit_id"] == unit)
    await town.fault(covered, "covered_70")

    async def standing() -> Any:
        found = await town.get("/incidents", camera=covered, state=["open", "acknowledged"])
        return found["items"]

    incident = (await town.until(standing))[0]["id"]
    wall = ",".join(one["id"] for one in cameras[:9])
    yield {"camera": covered, "incident": incident, "wall": wall}
    await town.fault(covered, "covered_70", on=False)
    await town.until_state(covered, "ok")


async def _settled(page: Any, of: PageOf) -> None:
    await page.locator(of.there).first.wait_for(state="attached")
    await page.wait_for_load_state("load")
    # Nothing is loading any more, and every picture that was asked for stands.
    await page.wait_for_function(
        """() => !document.querySelector('.load.shown') && [...document.images].every(one => one.complete)"""
    )


#: What is too small to be met by a pointer or a thumb (WCAG 2.5.8): 24 px on desks, 44 on phones, but for links within
#: a line of text.
_SMALL = """least => [...document.querySelectorAll(
    'button, .button, select, input:not([type=hidden]), summary, nav a')]
  .filter(one => one.offsetParent !== null && !one.closest('.hidden-text'))
  .map(one => [one, (one.closest('label') ?? one).getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && Math.min(box.width, box.height) < least - 0.5)
  .map(([one, box]) => `${one.tagName}.${one.className} "${one.textContent.trim().slice(0, 20)}" ` +
    `${Math.round(box.width)}x${Math.round(box.height)}`)"""
#: Texts that lose their end when they are 40 % longer, as another language's are.
_CUT = """() => { const found = [];
  for (const one of document.querySelectorAll('.button, .tabs > *, .label, h1, h2, h3, th, dt, .chip')) {
    if (one.children.length || one.closest('[role=grid], .hidden-text') || one.classList.contains('one-line')) continue;
    const text = one.textContent.trim();
    if (!text) continue;
    one.textContent = text + 'x'.repeat(Math.ceil(text.length * 0.4));
    if (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflow !== 'visible') found.push(text);
    one.textContent = text;
  } return found; }"""
_WIDE = """() => [document.documentElement, document.querySelector('main')]
  .filter(one => one && one.scrollWidth > one.clientWidth).map(one => `${one.tagName} ${one.scrollWidth}`)"""


@pytest.mark.parametrize("of", PAGES, ids=lambda of: of.name)
async def test_it_is_fit_for_everybody(of: PageOf, desk: Open, places: dict[str, str], soak: bool) -> None:
    """Nothing serious by axe; targets large enough; longer words whole; no sideways scroll at 320 px."""
    found: dict[str, list[str]] = {}
    for size, lang, theme in LOOKS if soak else FEW:
        page = await desk(of.role, of.path.format(**places), size=size, lang=lang, theme=theme)
        await _settled(page, of)
        look = f"{size[0]} {lang} {theme}"
        found[f"{look}: axe"] = await serious(page)
        found[f"{look}: targets"] = await page.evaluate(_SMALL, 44 if size == PHONE else 24)
        found[f"{look}: cut off"] = await page.evaluate(_CUT)
        if size == PHONE and of.name != "wall":
            await page.set_viewport_size({"width": 320, "height": 640})
            found[f"{look}: wider than 320"] = await page.evaluate(_WIDE)
        await page.close()
    assert {what: lines for what, lines in found.items() if lines} == {}


#: Nothing says that it is loading, and every tile with a camera lives.
_STANDS = """() => !/正在加载|Loading/.test(document.body.innerText) &&
  [...document.querySelectorAll('main .tile[data-state]')].every(one => one.dataset.state === 'live')"""


@pytest.mark.parametrize("of", PAGES, ids=lambda of: of.name)
async def test_its_screenshots(of: PageOf, desk: Open, places: dict[str, str], request: pytest.FixtureRequest) -> None:
    """With ``--screenshots`` into docs/screenshots, at every size in both languages and themes."""
    if not request.config.getoption("--screenshots"):
        pytest.skip("pictures for docs are made by --screenshots")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for size, lang, theme in LOOKS:
        page = await desk(of.role, of.path.format(**places), size=size, lang=lang, theme=theme)
        await _settled(page, of)
        await page.wait_for_function(_STANDS, timeout=20_000)
        await asyncio.wait_for(page.evaluate("document.fonts.ready.then(() => true)"), 10)
        file = SCREENSHOTS / f"{of.name}-{size[0]}-{lang}-{theme}.jpg"
        await page.screenshot(path=file, type="jpeg", quality=60 if size == WIDE else 82)
        assert file.stat().st_size > 5_000
        await page.close()
