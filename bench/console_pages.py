"""Wiring: the console's pages before a whole district in Chromium: how soon they stand, scroll, filter and follow.

``python -m bench.console_pages [--cameras 7500] [--quick] [--write]``. The service is a process of its own that looks
at no camera; what changes, changes on the way that observations take (``bench.console_service``).
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from bench.console_following import Following
from bench.console_looking import Looking
from bench.harness import load_average, progress
from bench.relay_part import percentile
from bench.report import Bound, Result, Table, publish
from tests.support.chromium import ARGUMENTS
from tests.support.many_world import Many, many
from tests.support.tree import ROOT

SHARES = (0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Promise:
    """Of a series ``what``: ``share`` of its values, or the most of them, are at most ``most``."""

    what: str
    unit: str
    most: float
    share: float | None = 0.95


PROMISES = (
    Promise("first load of Now", "ms", 1500),
    Promise("another page, first time", "ms", 300),
    Promise("another page, again", "ms", 300),
    Promise("layout shift of a page's load", "", 0.02, None),
    Promise("key press in the filter to painted rows", "ms", 200),
    Promise("top to bottom of the list", "s", 10, None),
    Promise("top to bottom: longest task", "ms", 100, None),
    Promise("change to painted row", "ms", 1000),
    Promise("change to painted number on Now", "ms", 1000),
    Promise("flood: paints in the fullest second", "", 4, None),
    Promise("flood: longest task", "ms", 100, None),
    Promise("flood: rows that miss a change", "", 0, None),
    Promise("silence to its strip", "s", 16, None),
    Promise("resync to the page as the service says", "s", 2, None),
)


def _bound(promise: Promise, values: list[float]) -> Bound:
    value = max(values) if promise.share is None else percentile(values, promise.share)
    named = promise.what if promise.share is None else f"{promise.what}, p95"
    return Bound(f"console: {named}", value, promise.unit, most=promise.most)


def _row(what: str, values: list[float]) -> tuple[str, ...]:
    unit = next((promise.unit for promise in PROMISES if promise.what == what), "ms")
    figures = [*(percentile(values, share) for share in SHARES), max(values)]
    digits = {"ms": 0, "s": 1}.get(unit, 3 if max(values) < 1 else 0)
    return f"{what}, {unit}" if unit else what, *(f"{one:.{digits}f}" for one in figures), str(len(values))


async def _browser(driver: Any) -> Any:
    """Raises ``RuntimeError`` without Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise RuntimeError("no Chromium is installed (Debian: chromium)")
    return await driver.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)


async def _series(browser: Any, district: Many, quick: bool) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for part in (Looking(browser, district, quick), Following(browser, district, quick)):
        for act in part.acts():
            got = await act()
            found |= got
            for what, values in got.items():
                progress(f"console: {what}: p95 {percentile(values, 0.95):.4g}, most {max(values):.4g}")
    return found


async def _measure(cameras: int, quick: bool) -> Result:
    result = Result("console_pages")
    with tempfile.TemporaryDirectory() as folder:
        async with async_playwright() as driver, many(Path(folder), cameras) as district:
            browser = await _browser(driver)
            try:
                found = await _series(browser, district, quick)
                version = browser.version
            finally:
                await browser.close()
    result.bounds = [_bound(promise, found[promise.what]) for promise in PROMISES]
    rows = tuple(_row(what, values) for what, values in found.items())
    result.tables = [Table("What a person waits for", ("what", "p50", "p95", "most", "times"), rows)]
    result.notes = [
        f"Chromium {version} (headless, drawing in software) and the service on the same cores, 1920x1080; {cameras:,} "
        "cameras over 146 villages, every one of which changed in the last hour; nothing is checked meanwhile. Until "
        "painted: two animation frames after the change of the document.",
        "First load: a new window without any file, logged in; from the navigation to all numbers. Another page: from "
        "the click to its rows or names; its files came while the first page was read.",
        "Change: an observation of one camera through sink, states, feed and incidents. A row or number is timed from "
        "the commit that makes it known; *since the look* adds what a group commit waits for company.",
        "Flood: 1,000 cameras turn within a second, each with its incident, before three pages; counted is what is "
        "painted under the header, clocks that go on left out.",
        "Silence: the service's process is stopped. Resync: the feed has forgotten what the page would follow.",
    ]
    result.data = {"series": found, "load_after": load_average()}
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.console_pages")
    parser.add_argument("--cameras", type=int, default=7500)
    parser.add_argument("--quick", action="store_true", help="few repeats: whether it runs at all")
    parser.add_argument("--write", action="store_true", help="into docs/design/performance.md")
    options = parser.parse_args(arguments)
    subprocess.run([sys.executable, "console/build.py"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    result = asyncio.run(_measure(options.cameras, options.quick))
    publish(result, write_page=options.write)
    return 0 if result.held else 1


if __name__ == "__main__":
    sys.exit(main())
