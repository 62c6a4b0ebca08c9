"""Wiring: how the console follows what changes: one change, a thousand at once, silence, and what comes after it."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.console_looking import DESK, NOW, ROW, STANDS
from tests.support.many_world import IN_SIGHT, Many, wrong_rows

FLOOD = 1000
PAGES = {
    "now": ("/now", NOW),
    "cameras": ("/cameras?sort=name", ROW),
    "incidents": ("/incidents", ".incidents [data-key]"),
}
#: Until the last of a flood has been painted.
CALM_SECONDS = 4.0
IN_ALL = 20
#: Resolves once what ``read`` gives is another than now, to the moment by the machine's clock.
_ARM = """read => { const text = () => [...document.querySelectorAll(read)].map(one => one.textContent).join();
  const old = text(); window.armed = until(() => text() !== old).then(at => performance.timeOrigin + at); }"""
_ARM_STRIP = """() => { window.armed = until(() => document.querySelector('.strips [role=alert]'))
  .then(at => (at - seen.heard) / 1000); }"""
_SETTLED = f"""words => until(() => seen.resyncs.length > 0 && ({IN_SIGHT})(words))
  .then(at => (at - seen.resyncs[0]) / 1000)"""


def fullest(times: Sequence[float], span: float = 1000.0) -> int:
    """The most of these moments (sorted) that lie within any ``span``."""
    return max((sum(1 for one in times[at:] if one < start + span) for at, start in enumerate(times)), default=0)


@dataclass
class Following:
    browser: Any
    district: Many
    quick: bool
    dice: random.Random = field(default_factory=lambda: random.Random(5))

    def acts(self) -> list[Callable[[], Awaitable[dict[str, list[float]]]]]:
        return [self.rows, self.numbers, self.flood, self.silence]

    async def _page(self, path: str, there: str) -> Any:
        context = await self.district.context(self.browser, DESK)
        page = await context.new_page()
        await page.goto(self.district.url + path)
        await page.evaluate(STANDS, there)
        await page.locator("header .light.open").wait_for()
        return page

    async def _changes(self, page: Any, of: Callable[[str], str]) -> tuple[list[float], list[float]]:
        """Milliseconds from the commit of single changes, and from the observations behind them, until painted."""
        ids = [one["id"] for one in await self.district.listed(IN_ALL, sort="name")]
        known, looked = [], []
        for number in range(5 if self.quick else 42):
            one = self.dice.choice(ids)
            await page.evaluate(_ARM, of(one))
            told = await self.district.wish("turn", cameras=[one])
            painted = float(await page.evaluate("armed"))
            if number > 1:
                known.append(painted - told["ended"])
                looked.append(painted - told["began"])
            await asyncio.sleep(self.dice.uniform(0.2, 1.7))
        await page.context.close()
        return known, looked

    async def rows(self) -> dict[str, list[float]]:
        page = await self._page(*PAGES["cameras"])
        known, looked = await self._changes(page, lambda one: f'.cameras [data-key="{one}"] .state')
        return {"change to painted row": known, "... since the look": looked}

    async def numbers(self) -> dict[str, list[float]]:
        page = await self._page(*PAGES["now"])
        known, looked = await self._changes(page, lambda one: NOW)
        return {"change to painted number on Now": known, "... on Now since the look": looked}

    async def flood(self) -> dict[str, list[float]]:
        ids = [one["id"] for one in await self.district.listed(FLOOD, sort="name")]
        paints: list[float] = []
        long: list[float] = []
        lost: list[float] = []
        written: list[float] = []
        found: dict[str, list[float]] = {}
        for name, (path, there) in PAGES.items():
            page = await self._page(path, there)
            if name == "cameras":  # all that change are loaded, so that each has to be followed
                await wrong_rows(page, await self.district.words(FLOOD, sort="name"))
            for _ in range(1 if self.quick else 3):
                await page.evaluate("countPaints('main'); seen.long.length = 0")
                written.append(await self._turn(ids))
                await asyncio.sleep(CALM_SECONDS)
                paints.append(fullest(await page.evaluate("seen.paints")))
                long.append(max((one[1] for one in await page.evaluate("seen.long")), default=0.0))
                found.setdefault(f"... {name}: paints in the fullest second", []).append(paints[-1])
                found.setdefault(f"... {name}: longest task", []).append(long[-1])
                if name == "cameras":
                    lost.append(len(await wrong_rows(page, await self.district.words(FLOOD, sort="name"))))
            await page.context.close()
        return {
            "flood: paints in the fullest second": paints,
            "flood: longest task": long,
            "flood: rows that miss a change": lost,
            "flood: first to last commit": written,
            **found,
        }

    async def _turn(self, ids: Sequence[str]) -> float:
        told = await self.district.wish("turn", cameras=ids, seconds=1.0)
        return float(told["ended"] - told["began"])

    async def silence(self) -> dict[str, list[float]]:
        strip: list[float] = []
        settled: list[float] = []
        for _ in range(1 if self.quick else 3):
            page = await self._page(*PAGES["cameras"])
            for what in ("**/events*", "**/api/v1/changes*", "**/api/v1/status?*"):
                await page.context.route(what, lambda route: route.abort())
            await page.evaluate(_ARM_STRIP)
            self.district.process.send_signal(signal.SIGSTOP)
            try:
                strip.append(float(await page.evaluate("armed")))
            finally:
                self.district.process.send_signal(signal.SIGCONT)
            rows = await self.district.listed(IN_ALL, sort="name")
            await self.district.wish("turn", cameras=[one["id"] for one in rows])
            await self.district.wish("forget")
            words = await self.district.words(IN_ALL, sort="name")
            await page.context.unroute("**/events*")
            await page.evaluate("document.querySelector('.strips [role=alert] button')?.click()")
            settled.append(float(await page.evaluate(_SETTLED, words)))
            await page.context.close()
        return {"silence to its strip": strip, "resync to the page as the service says": settled}
