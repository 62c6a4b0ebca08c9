"""Wiring: the system's Chromium on a plain page of ours, and the live pictures that it decodes."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import async_playwright

from tests.support.peers import missing

ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--allow-loopback-in-peer-connection",  # viewer and service are one machine here
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--host-resolver-rules=MAP xueliang.example 127.0.0.1",  # behind nginx it has a name, which is nobody's
]
PAGE = """<!doctype html><meta charset="utf-8"><title>live</title><style>video{width:320px}</style><body><script>
window.tiles = {};
function tile(name, pc) {
  const tile = window.tiles[name] = {frames: 0, first: null, width: 0, state: 'new', place: null, pc};
  const video = document.createElement('video');
  video.muted = true; video.autoplay = true; video.playsInline = true;
  document.body.appendChild(video);
  pc.addEventListener('track', event => {
    if (event.track.kind !== 'video') return;
    event.receiver.jitterBufferTarget = 0;
    video.srcObject = new MediaStream([event.track]);
  });
  pc.addEventListener('connectionstatechange', () => { tile.state = pc.connectionState; });
  const began = performance.now();
  const seen = (now, data) => {
    if (tile.first === null) tile.first = performance.now() - began;
    tile.frames += 1; tile.width = data.width; tile.height = data.height; tile.rtp = data.rtpTimestamp;
    const at = performance.now();
    if (tile.frames > 3) tile.gap = Math.max(tile.gap || 0, at - tile.at);
    tile.at = at;
    video.requestVideoFrameCallback(seen);
  };
  video.requestVideoFrameCallback(seen);
  return tile;
}
async function open(name, path, ticket, more) {
  const pc = new RTCPeerConnection({iceServers: [], bundlePolicy: 'max-bundle', ...more});
  const tile = window.tile(name, pc);
  pc.addTransceiver('video', {direction: 'recvonly'});
  await pc.setLocalDescription(await pc.createOffer());
  const answered = await fetch(path, {method: 'POST', body: pc.localDescription.sdp,
    headers: {'Content-Type': 'application/sdp', 'Authorization': 'Bearer ' + ticket}});
  tile.status = answered.status;
  if (answered.status !== 201) { tile.problem = await answered.json(); return tile.status; }
  tile.place = answered.headers.get('Location');
  await pc.setRemoteDescription({type: 'answer', sdp: await answered.text()});
  return tile.status;
}
async function decoded(name) {
  const found = {};
  for (const one of (await window.tiles[name].pc.getStats()).values())
    if (one.type === 'inbound-rtp') Object.assign(found, one);
  return found;
}
function facts(name) { const {pc, ...rest} = window.tiles[name]; return rest; }
</script>"""


@dataclass
class Browser:
    """A page at ``url``'s origin, whatever the service serves there."""

    page: Any

    async def open(self, name: str, path: str, ticket: str, **more: Any) -> int:
        """The answer's status; pictures come later. ``more`` goes into the ``RTCConfiguration``."""
        return int(await self.page.evaluate("([a, b, c, d]) => open(a, b, c, d)", [name, path, ticket, more]))

    async def until(self, condition: str, seconds: float = 15.0) -> None:
        """A JavaScript expression over ``tiles`` becomes true."""
        await self.page.wait_for_function(f"() => {condition}", timeout=seconds * 1000)

    async def facts(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.page.evaluate("name => facts(name)", name)
        return found

    async def decoded(self, name: str) -> dict[str, Any]:
        """``inbound-rtp`` of getStats."""
        found: dict[str, Any] = await self.page.evaluate("name => decoded(name)", name)
        return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    """The browser itself (Playwright), for several pages. Skips where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        missing("no Chromium is installed (Debian: chromium)")
    async with async_playwright() as driver:
        started = await driver.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        try:
            yield started
        finally:
            await started.close()


async def page_at(started: Any, url: str) -> Browser:
    """A page of the browser at ``url``'s origin; closed with it."""
    page = await started.new_page()
    await page.route("**/live-test.html", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    await page.goto(f"{url}/live-test.html")
    return Browser(page)


@asynccontextmanager
async def browser(url: str) -> AsyncIterator[Browser]:
    """One page at ``url``'s origin."""
    async with chromium() as started:
        yield await page_at(started, url)
