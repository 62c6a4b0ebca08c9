"""Every page at every size, in both languages and themes: what assistive technology meets, and what eyes do."""

from __future__ import annotations

import asyncio
from itertools import product
from pathlib import Path
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
#: Each page in four looks that together hold every size, language and theme; all twelve in the soak.
FEW = ((PHONE, "zh", "light"), (DESK, "zh", "dark"), (DESK, "en", "light"), (WIDE, "en", "dark"))


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def places(town: World) -> dict[str, str]:
    """Ids for the addresses; one camera is covered, so that there is an incident with its proof."""
    cameras = await town.cameras()
    covered = cameras[1]["id"]
    await town.fault(covered, "covered_70")

    async def standing() -> Any:
        found = await town.get("/incidents", camera=covered, state=["open", "acknowledged"])
        return found["items"]

    incident = (await town.until(standing))[0]["id"]
    wall = ",".join(one["id"] for one in cameras[:9])
    return {"camera": covered, "incident": incident, "wall": wall}


async def _settled(page: Any, of: PageOf) -> None:
    await page.locator(of.there).first.wait_for(state="attached")
    await page.wait_for_load_state("load")
    # Nothing is loading any more, and every picture that was asked for stands.
    await page.wait_for_function(
        """() => !document.querySelector('.load.shown') && [...document.images].every(one => one.complete)"""
    )


@pytest.mark.parametrize("of", PAGES, ids=lambda of: of.name)
async def test_assistive_technology_meets_no_serious_hindrance(
    of: PageOf, desk: Open, places: dict[str, str], soak: bool
) -> None:
    found = {}
    for size, lang, theme in LOOKS if soak else FEW:
        page = await desk(of.role, of.path.format(**places), size=size, lang=lang, theme=theme)
        await _settled(page, of)
        if lines := await serious(page):
            found[f"{size[0]} {lang} {theme}"] = lines
        await page.close()
    assert found == {}


@pytest.mark.parametrize("of", [of for of in PAGES if of.name != "wall"], ids=lambda of: of.name)
async def test_no_page_scrolls_sideways_at_320_px(of: PageOf, desk: Open, places: dict[str, str]) -> None:
    page = await desk(of.role, of.path.format(**places), size=(320, 640), lang="en")
    await _settled(page, of)
    wide = await page.evaluate(
        """() => [document.documentElement, document.querySelector('main')]
          .filter(one => one && one.scrollWidth > one.clientWidth).map(one => `${one.tagName} ${one.scrollWidth}`)"""
    )
    assert wide == []


@pytest.mark.parametrize("of", PAGES, ids=lambda of: of.name)
async def test_targets_are_large_enough(of: PageOf, desk: Open, places: dict[str, str]) -> None:
    """24 px on desks, 44 on phones (WCAG 2.5.8), but for links within a line of text."""
    for size, least in ((DESK, 24), (PHONE, 44)):
        page = await desk(of.role, of.path.format(**places), size=size)
        await _settled(page, of)
        small = await page.evaluate(
            """least => [...document.querySelectorAll(
                'button, .button, select, input:not([type=hidden]), summary, nav a')]
              .filter(one => one.offsetParent !== null && !one.closest('.hidden-text'))
              .map(one => [one, (one.closest('label') ?? one).getBoundingClientRect()])
              .filter(([, box]) => box.width > 0 && Math.min(box.width, box.height) < least - 0.5)
              .map(([one, box]) => `${one.tagName}.${one.className} "${one.textContent.trim().slice(0, 20)}" ` +
                `${Math.round(box.width)}x${Math.round(box.height)}`)""",
            least,
        )
        assert small == [], size
        await page.close()


@pytest.mark.parametrize("of", PAGES, ids=lambda of: of.name)
async def test_longer_words_are_not_cut_off(of: PageOf, desk: Open, places: dict[str, str]) -> None:
    """English with 40 % more letters: no button, tab or label loses its end."""
    page = await desk(of.role, of.path.format(**places), lang="en")
    await _settled(page, of)
    cut = await page.evaluate(
        """() => { const found = [];
          for (const one of document.querySelectorAll('.button, .tabs > *, .label, h1, h2, h3, th, dt, .chip')) {
            if (one.children.length || one.closest('[role=grid]') || one.matches('.one-line, .hidden-text')) continue;
            const text = one.textContent.trim();
            if (!text) continue;
            one.textContent = text + 'x'.repeat(Math.ceil(text.length * 0.4));
            if (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflow !== 'visible') found.push(text);
            one.textContent = text;
          } return found; }"""
    )
    assert cut == []


@pytest.mark.parametrize("of", PAGES, ids=lambda of: of.name)
async def test_its_screenshots(
    of: PageOf, desk: Open, places: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """With ``--screenshots`` into docs/screenshots, at every size in both languages and themes; else one for nobody."""
    wanted = bool(request.config.getoption("--screenshots"))
    folder = SCREENSHOTS if wanted else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    for size, lang, theme in LOOKS if wanted else LOOKS[:1]:
        page = await desk(of.role, of.path.format(**places), size=size, lang=lang, theme=theme)
        await _settled(page, of)
        if of.name == "wall":
            await page.locator(".tile[data-state=live]").first.wait_for(timeout=20_000)
        await asyncio.wait_for(page.evaluate("document.fonts.ready.then(() => true)"), 10)
        file = folder / f"{of.name}-{size[0]}-{lang}-{theme}.jpg"
        await page.screenshot(path=file, type="jpeg", quality=82)
        assert file.stat().st_size > 5_000
        await page.close()
