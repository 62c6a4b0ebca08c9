"""Wiring: Chromium before our service: how long until the first picture, and until a whole wall of tiles is live."""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import async_playwright

from bench.harness import progress
from bench.relay_feed import Child, FeedSpec, Picture, child, feed
from bench.relay_part import Part, percentile
from bench.report import Bound, Table
from tests.support.chromium import ARGUMENTS

FIRST_MS, WALL_MS = 200.0, 600.0
FIRST_SPEC = FeedSpec(1, Picture(1280, 720, 2000), Picture(640, 360, 512), fps=25, gop=4.0)
WALL = 16, 25
WALL_SPEC = FeedSpec(max(WALL), Picture(1280, 720, 2000), Picture(640, 360, 512), fps=15, gop=2.0)
#: Time for the pictures before to be gone, and for the next to fall anywhere in a GOP.
PAUSE = 0.4, 2.0
PAGE = """<!doctype html><meta charset="utf-8"><title>bench</title>
<style>body{margin:0}video{width:320px;height:180px;float:left}</style><body><script>
let open = [];
function tile(path, ticket) {
  const video = document.createElement('video');
  video.muted = video.autoplay = video.playsInline = true;
  document.body.appendChild(video);
  const pc = new RTCPeerConnection({iceServers: [], bundlePolicy: 'max-bundle'});
  const one = {pc, video, ticket, frames: 0, marks: {}};
  open.push(one);
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.ontrack = event => {
    event.receiver.jitterBufferTarget = 0;
    video.srcObject = new MediaStream([event.track]);
  };
  pc.onconnectionstatechange = () => {
    if (pc.connectionState === 'connected') one.marks.connected ??= performance.now();
  };
  one.first = new Promise(resolve => {
    const seen = () => {
      if (++one.frames === 1) resolve(one.marks.first = performance.now());
      video.requestVideoFrameCallback(seen);
    };
    video.requestVideoFrameCallback(seen);
  });
  one.go = async () => {
    await pc.setLocalDescription(await pc.createOffer());
    one.marks.offered = performance.now();
    const answered = await fetch(path, {method: 'POST', body: pc.localDescription.sdp,
      headers: {'Content-Type': 'application/sdp', 'Authorization': 'Bearer ' + ticket}});
    if (answered.status !== 201) throw new Error(answered.status + ' ' + await answered.text());
    one.place = answered.headers.get('Location');
    const sdp = await answered.text();
    one.marks.answered = performance.now();
    await pc.setRemoteDescription({type: 'answer', sdp});
    await one.first;
  };
  return one;
}
// Milliseconds from just before the first createOffer, a row for each tile.
async function wall(views) {
  const tiles = views.map(([path, ticket]) => tile(path, ticket));
  await new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 50)));
  const began = performance.now();
  await Promise.all(tiles.map(one => one.go()));
  return tiles.map(({marks}) => Object.fromEntries(Object.entries(marks).map(([name, at]) => [name, at - began])));
}
const frames = () => open.map(one => one.frames);
async function clear() {
  const gone = open; open = [];
  await Promise.all(gone.map(({pc, video, place, ticket}) => {
    pc.close(); video.srcObject = null; video.remove();
    return fetch(place, {method: 'DELETE', headers: {'Authorization': 'Bearer ' + ticket}});
  }));
}
</script>"""


@asynccontextmanager
async def _page(url: str) -> AsyncIterator[tuple[Any, str]]:
    """The page at the service's own origin, and the browser's version. Raises ``RuntimeError`` without Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise RuntimeError("no Chromium is installed (Debian: chromium)")
    async with async_playwright() as driver:
        chromium = await driver.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        try:
            page = await chromium.new_page(viewport={"width": 1600, "height": 900})
            await page.route("**/bench.html", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
            await page.goto(f"{url}/bench.html")
            yield page, chromium.version
        finally:
            await chromium.close()


async def _once(page: Any, service: Child, cameras: Sequence[int], stream: str) -> list[dict[str, float]]:
    """The marks of each tile; every tile goes on moving before it is closed."""
    names = [f"camera-{number}" for number in cameras]
    tickets = await asyncio.to_thread(service.ask, ask="tickets", cameras=names)
    views = [[f"/whep/{name}?stream={stream}", ticket] for name, ticket in zip(names, tickets, strict=True)]
    try:
        marks: list[dict[str, float]] = await asyncio.wait_for(page.evaluate("views => wall(views)", views), 30)
        await page.wait_for_function("() => Math.min(...frames()) >= 5", timeout=15_000)
    finally:
        await page.evaluate("() => clear()")
    return marks


async def _series(page: Any, service: Child, cameras: int, stream: str, repeats: int) -> list[list[dict[str, float]]]:
    """Twice unmeasured, which opens every camera's session, then ``repeats`` times at any place in the GOP."""
    dice, found = random.Random(5), []
    for number in range(repeats + 2):
        await asyncio.sleep(dice.uniform(*PAUSE))
        marks = await _once(page, service, range(cameras), stream)
        if number >= 2:
            found.append(marks)
    return found


def _row(name: str, values: list[float]) -> tuple[str, ...]:
    shares = (f"{percentile(values, share):.0f}" for share in (0.5, 0.95))
    return (name, *shares, f"{max(values):.0f}", f"{min(values):.0f}", str(len(values)))


COLUMNS = ("what", "p50 ms", "p95 ms", "most ms", "least ms", "repeats")


def first(*, quick: bool) -> Part:
    """From ``createOffer`` to the first picture on the page."""
    return asyncio.run(_first(5 if quick else 40))


async def _first(repeats: int) -> Part:
    part = Part("first")
    with tempfile.TemporaryDirectory() as folder, feed(FIRST_SPEC) as cameras:
        service = child("relay_service", folder, "127.0.0.1", first=cameras.document)
        with service as running:
            async with _page(running.document["url"]) as (page, version):
                runs = await _series(page, running, 1, "main", repeats)
    marks = [run[0] for run in runs]
    values = [one["first"] for one in marks]
    progress(f"relay: first picture: median {statistics.median(values):.0f} ms, p95 {percentile(values, 0.95):.0f} ms")
    part.bounds = [
        Bound("first picture in Chromium, p95", percentile(values, 0.95), "ms", most=FIRST_MS),
        Bound("first pictures timed", len(values), "", least=30),
    ]
    steps = {"offered": "offer made", "answered": "answer there (ticket, register row, sockets)"}
    rows = [_row(text, [one[name] for one in marks]) for name, text in steps.items()]
    rows.append(_row("connected (ICE, DTLS)", [one["connected"] for one in marks if "connected" in one]))
    part.tables = [Table("First picture in Chromium", COLUMNS, (*rows, _row("first picture", values)))]
    spec = FIRST_SPEC
    part.notes = [
        f"First picture: Chromium {version} (headless, decoding in software) and service on the same cores; "
        f"{spec.main.width}x{spec.main.height} at {spec.fps} a second, keyframes {spec.gop:g} s apart; the page is "
        "loaded, the camera's session open, a ticket in hand; from before `createOffer` to the first "
        "`requestVideoFrameCallback`, `jitterBufferTarget = 0`, at any place in the GOP. WHEP goes through the whole "
        "API: ticket, rights, register row.",
    ]
    part.data = {"chromium": version, "marks": marks}
    return part


def wall(*, quick: bool) -> Part:
    """From the first ``createOffer`` until the last tile of a wall has its first picture."""
    return asyncio.run(_wall(2 if quick else 20))  # of fewer the p95 is their worst


async def _wall(repeats: int) -> Part:
    part, found, rows = Part("wall"), {}, []
    with tempfile.TemporaryDirectory() as folder, feed(WALL_SPEC) as cameras:
        service = child("relay_service", folder, "127.0.0.1", first=cameras.document)
        with service as running:
            async with _page(running.document["url"]) as (page, version):
                for tiles in WALL:
                    runs = await _series(page, running, tiles, "sub", repeats)
                    found[tiles] = runs
                    last = [max(one["first"] for one in run) for run in runs]
                    progress(f"relay: {tiles} tiles: median {statistics.median(last):.0f} ms, most {max(last):.0f} ms")
                    rows.append(_row(f"{tiles} tiles, the first of them", [min(o["first"] for o in r) for r in runs]))
                    rows.append(_row(f"{tiles} tiles, the last of them", last))
    sixteen = [max(one["first"] for one in run) for run in found[WALL[0]]]
    part.bounds = [
        Bound("wall of 16 tiles, last first picture, p95", percentile(sixteen, 0.95), "ms", most=WALL_MS),
        Bound("walls of 16 timed", len(sixteen), "", least=10),
    ]
    spec = WALL_SPEC
    part.tables = [Table("A wall in Chromium", COLUMNS, tuple(rows))]
    part.notes = [
        f"The wall: as many cameras as tiles, their {spec.sub.width}x{spec.sub.height} sub-streams of {spec.sub.kbit} "
        f"kbit/s at {spec.fps} a second, keyframes {spec.gop:g} s apart, all sessions open; every offer is made at "
        "once; every tile moved on afterwards. Cameras, service and browser share the same cores.",
    ]
    part.data = {"chromium": version, "tiles": {str(tiles): runs for tiles, runs in found.items()}}
    return part
