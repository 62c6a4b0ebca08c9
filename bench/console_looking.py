"""Wiring: what a person does in the console, timed in its pages: opening, going elsewhere, filtering, scrolling."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.many_world import Many

DESK, PHONE = (1920, 1080), (390, 844)
NOW, ROW = "main a.tile", ".cameras [data-key]"
#: From where one stands: what is clicked, and what is there once the page stands.
STEPS = (
    ("cameras", "header nav a[href='/cameras']", ROW),
    ("camera", ROW, "section.camera h1 .called"),
    ("incidents", "header nav a[href='/incidents']", ".incidents [data-key]"),
    ("now", "header nav a[href='/now']", NOW),
)
PATHS = ("/now", "/cameras", "/incidents", "/cameras/{camera}", "/wall?layout=4")
#: A little less than is promised: the last step falls into a frame.
SCROLL_SECONDS = 9.8
#: Somebody looks at the first page before going elsewhere; meanwhile the files of the others come.
READ_SECONDS = 2.5
STANDS = "there => until(() => document.querySelector(there))"
_GO = """([link, there]) => { const began = performance.now(); document.querySelector(link).click();
  return until(() => document.querySelector(there)).then(at => at - began); }"""
_SCROLL = """async seconds => {
  const at = document.querySelector('.cameras .scroller'), began = performance.now();
  const last = Number(document.querySelector('.cameras [role=grid]').ariaRowCount);
  const goal = (last - 1) * at.querySelector('[data-key]').offsetHeight - at.clientHeight;
  const bottom = () => Number([...at.querySelectorAll('[data-key]')].at(-1)?.ariaRowIndex ?? 0) >= last;
  while (!bottom() && performance.now() - began < 3000 * seconds) {
    at.scrollTop = Math.min(1, (performance.now() - began) / 1000 / seconds) * goal;
    await new Promise(requestAnimationFrame);
  }
  const took = (performance.now() - began) / 1000;
  await painted();
  return [took, Math.max(0, ...seen.long.filter(([start]) => start >= began).map(([, long]) => long))];
}"""
_ARM_KEY = """total => { let pressed = null;
  addEventListener('keydown', event => { pressed = event.timeStamp; }, {once: true, capture: true});
  const grid = () => document.querySelector('.cameras [role=grid]');
  window.armed = until(() => pressed !== null && grid()?.ariaRowCount === String(total + 1))
    .then(at => at - pressed); }"""


@dataclass
class Looking:
    browser: Any
    district: Many
    quick: bool
    dice: random.Random = field(default_factory=lambda: random.Random(3))

    def acts(self) -> list[Callable[[], Awaitable[dict[str, list[float]]]]]:
        return [self.opening, self.going, self.shifting, self.filtering, self.scrolling]

    async def _pause(self, most: float = 0.8) -> None:
        await asyncio.sleep(self.dice.uniform(most / 4, most))

    async def opening(self) -> dict[str, list[float]]:
        """Each time a new window that has nothing yet; then every other page for its first time."""
        found: list[float] = []
        further: list[float] = []
        for number in range(4 if self.quick else 22):
            context = await self.district.context(self.browser, DESK)
            page = await context.new_page()
            await page.goto(f"{self.district.url}/now", wait_until="commit")
            first = await page.evaluate(STANDS, NOW)
            await asyncio.sleep(READ_SECONDS)
            others = await self._round(page)
            if number > 1:  # the service was asked nothing yet
                found.append(first)
                further += others[:-1]
            await context.close()
        return {"first load of Now": found, "another page, first time": further}

    async def _round(self, page: Any) -> list[float]:
        found = []
        for _, link, there in STEPS:
            found.append(float(await page.evaluate(_GO, [link, there])))
            await self._pause()
        return found

    async def going(self) -> dict[str, list[float]]:
        context = await self.district.context(self.browser, DESK)
        page = await context.new_page()
        await page.goto(f"{self.district.url}/now")
        await page.evaluate(STANDS, NOW)
        await self._round(page)
        rounds = [await self._round(page) for _ in range(2 if self.quick else 20)]
        await context.close()
        found = {f"... to {name}": [one[at] for one in rounds] for at, (name, _, _) in enumerate(STEPS)}
        return {"another page, again": [value for one in rounds for value in one], **found}

    async def shifting(self) -> dict[str, list[float]]:
        camera = (await self.district.listed(1))[0]["id"]
        found = []
        for size in (DESK, (1366, 768), PHONE):
            context = await self.district.context(self.browser, size)
            for path in PATHS:
                page = await context.new_page()
                await page.goto(self.district.url + path.format(camera=camera))
                await page.wait_for_load_state("networkidle")
                await page.evaluate("painted()")
                found.append(float(await page.evaluate("seen.shift")))
                await page.close()
            await context.close()
        return {"layout shift of a page's load": found}

    async def filtering(self) -> dict[str, list[float]]:
        """Codes of cameras typed as people do, then taken away at once."""
        context = await self.district.context(self.browser, DESK)
        page = await context.new_page()
        await page.goto(f"{self.district.url}/cameras")
        await page.evaluate(STANDS, ROW)
        await page.locator("input.q").focus()
        whole = (await self.district.get("/cameras", limit=1))["total"]
        found: list[float] = []
        for number in range(3 if self.quick else 12):
            code = str(self.dice.randrange(1000, min(9999, whole)))
            # All of them have the beginning in common: how many are left changes with the first number.
            await page.keyboard.type("N-", delay=80)
            for length in range(1, len(code) + 1):
                total = (await self.district.get("/cameras", q=f"N-{code[:length]}", limit=1))["total"]
                found.append(await self._press(page, code[length - 1], total))
            await page.keyboard.press("Control+A")
            found.append(await self._press(page, "Delete", whole))
            if number == 0:
                found.clear()
        await context.close()
        return {"key press in the filter to painted rows": found}

    async def _press(self, page: Any, key: str, total: int) -> float:
        await page.evaluate(_ARM_KEY, total)
        await page.keyboard.press(key)
        took = float(await page.evaluate("armed"))
        await self._pause(0.3)
        return took

    async def scrolling(self) -> dict[str, list[float]]:
        took, long = [], []
        for _ in range(1 if self.quick else 5):
            context = await self.district.context(self.browser, DESK)
            page = await context.new_page()
            await page.goto(f"{self.district.url}/cameras?sort=name")
            await page.evaluate(STANDS, ROW)
            await self._pause()
            seconds, longest = await page.evaluate(_SCROLL, SCROLL_SECONDS)
            took.append(float(seconds))
            long.append(float(longest))
            await context.close()
        return {"top to bottom of the list": took, "top to bottom: longest task": long}
