"""Wiring: the console's wall in Chromium: how soon a tile shows its first picture, how soon it says that it stands.

``python -m bench.console_wall [--quick] [--write]``. The demo runs as a person would start it, the console as shipped.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from bench.harness import load_average, progress
from bench.relay_part import percentile
from bench.report import Bound, Result, Table, publish
from tests.support.chromium import ARGUMENTS
from tests.support.console_world import ROOT, World, world

FIRST_MS, STALLED_S = 200.0, 4.0
CAMERAS = 8
#: Time for a picture to fall anywhere in a GOP, and for what was open to be gone.
PAUSE = 0.5, 2.5
#: When each tile was given its camera, had its first picture and its last one, and said that it stands still.
MARKS = """
window.marks = {};
const of = video => video.closest('.tile')?.dataset.camera;
const native = HTMLVideoElement.prototype.requestVideoFrameCallback;
HTMLVideoElement.prototype.requestVideoFrameCallback = function (call) {
  return native.call(this, (now, frame) => {
    const one = window.marks[of(this)];
    if (one) { one.first ??= performance.now(); one.last = performance.now(); }
    call(now, frame);
  });
};
new MutationObserver(all => { for (const {target} of all) {
  const {camera, state} = target.dataset ?? {};
  if (!camera) continue;
  const one = window.marks[camera] ??= {asked: performance.now()};
  if (state === 'stalled') one.stalled ??= performance.now();
} }).observe(document, {subtree: true, attributes: true, attributeFilter: ['data-camera', 'data-state']});
window.show = address => {
  window.marks = {};
  history.pushState({}, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
};
"""


@asynccontextmanager
async def _page(driver: Any, town: World) -> AsyncIterator[tuple[Any, str]]:
    """The wall of an operator, and the browser's version. Raises ``RuntimeError`` without Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise RuntimeError("no Chromium is installed (Debian: chromium)")
    browser = await driver.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
    try:
        context = await browser.new_context(viewport={"width": 1600, "height": 900})
        user = town.users["operator"]
        entered = await context.request.post(
            f"{town.url}/api/v1/session",
            data={"name": user["name"], "password": user["password"]},
            headers={"origin": town.url},
        )
        if not entered.ok:
            raise RuntimeError(f"no login: {entered.status}")
        await context.add_init_script(MARKS)
        page = await context.new_page()
        await page.goto(f"{town.url}/wall?layout=4")
        await page.locator(".tile").first.wait_for()
        yield page, browser.version
    finally:
        await browser.close()


async def _first(page: Any, cameras: list[str], repeats: int) -> list[float]:
    """Milliseconds from a tile that is given its camera to the first picture in it, its stream being open already."""
    dice, found = random.Random(7), []
    for number in range(repeats + len(cameras)):
        camera = cameras[number % len(cameras)]
        await page.evaluate("address => window.show(address)", f"/wall?layout=4&cams={camera}")
        await page.wait_for_function("id => window.marks[id]?.first", arg=camera, timeout=20_000)
        mark = await page.evaluate("id => window.marks[id]", camera)
        if number >= len(cameras):  # those before opened the cameras' sessions, which linger
            found.append(mark["first"] - mark["asked"])
        await page.evaluate("address => window.show(address)", "/wall?layout=4")
        await asyncio.sleep(dice.uniform(*PAUSE))
    return found


async def _stalled(page: Any, town: World, cameras: list[str]) -> list[float]:
    """Seconds from the last picture of a camera that stops to the word that it stands still."""
    found = []
    for camera in cameras:
        await page.evaluate("address => window.show(address)", f"/wall?layout=4&cams={camera}")
        query = f".tile[data-camera='{camera}'][data-state=live]"
        await page.locator(query).wait_for(timeout=60_000)
        await asyncio.sleep(3)
        await town.fault(camera, "stall")
        try:
            await page.wait_for_function("id => window.marks[id]?.stalled", arg=camera, timeout=20_000)
            mark = await page.evaluate("id => window.marks[id]", camera)
            found.append((mark["stalled"] - mark["last"]) / 1000)
        finally:
            await town.fault(camera, "stall", on=False)
    return found


async def _measure(quick: bool) -> Result:
    result = Result("console_wall")
    with tempfile.TemporaryDirectory() as folder:
        async with async_playwright() as driver, world(driver, Path(folder) / "data", CAMERAS) as town:
            await town.until_all_well()
            cameras = [str(one["id"]) for one in await town.cameras()]
            async with _page(driver, town) as (page, version):
                first = await _first(page, cameras[:2], 5 if quick else 40)
                progress(f"console: first picture: p95 {percentile(first, 0.95):.0f} ms")
                stalled = await _stalled(page, town, cameras[2:4] if quick else cameras)
                progress(f"console: last picture to stalled: most {max(stalled):.1f} s")
    result.bounds = [
        Bound("console: first picture in a tile, warm, p95", percentile(first, 0.95), "ms", most=FIRST_MS),
        Bound("console: last picture to 停滞, most", max(stalled), "s", most=STALLED_S),
    ]
    rows = (
        ("first picture, ms", *(f"{percentile(first, share):.0f}" for share in (0.5, 0.95)), f"{max(first):.0f}"),
        ("last picture to stalled, s", *(f"{percentile(stalled, s):.1f}" for s in (0.5, 0.95)), f"{max(stalled):.1f}"),
    )
    result.tables = [Table("A tile of the console", ("what", "p50", "p95", "most"), rows)]
    result.notes = [
        f"Chromium {version} (headless, decoding in software), cameras, service and checks on the same cores; the page "
        "stands, the camera's session is open; from the tile's having its camera, ticket and register row included, to "
        "the first `requestVideoFrameCallback`. Stalled: from the last such call to the word on the tile.",
    ]
    result.data = {"first_ms": first, "stalled_s": stalled, "load_before": load_average()}
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.console_wall")
    parser.add_argument("--quick", action="store_true", help="few repeats: whether it runs at all")
    parser.add_argument("--write", action="store_true", help="into docs/design/performance.md")
    options = parser.parse_args(arguments)
    subprocess.run([sys.executable, "console/build.py"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    result = asyncio.run(_measure(options.quick))
    publish(result, write_page=options.write)
    return 0 if result.held else 1


if __name__ == "__main__":
    sys.exit(main())
