"""Wiring: a service of a whole district for the console, as a process of its own, and pages watched closely."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import TimeoutError as PlaywrightTimeout

from tests.support.api_rig import Client
from tests.support.tree import ROOT

START_SECONDS = 120.0
#: Lists of ids and their answers are one line each.
_LINE = 4 * 1024 * 1024

#: The states as the console calls them in Chinese.
STATES: dict[str, str] = {
    code: names["zh"]
    for code, names in json.loads((ROOT / "console/src/generated/words.json").read_text("utf-8"))["states"].items()
}

#: Put into every page before its own scripts: what is long, what moves, what is painted, and when something is there.
#: ``seen.paints``: when the page changed, but for times that go on; ``until`` gives the moment when what made
#: ``test`` true stood on the screen: two frames later, the first of which has drawn it.
WATCH = """
if (location.protocol !== 'about:') localStorage.setItem('xl-language', 'zh');
window.seen = {long: [], shift: 0, shifted: [], paints: [], changes: 0, resyncs: [], heard: 0};
window.EventSource = class extends EventSource {
  constructor(...how) {
    super(...how);
    for (const kind of ['change', 'tick']) this.addEventListener(kind, () => { seen.heard = performance.now(); });
    this.addEventListener('change', () => { seen.changes += 1; });
    this.addEventListener('resync', () => { seen.resyncs.push(performance.now()); });
  }
};
new PerformanceObserver(list => {
  for (const one of list.getEntries()) seen.long.push([one.startTime, one.duration]);
}).observe({type: 'longtask', buffered: true});
new PerformanceObserver(list => {
  for (const one of list.getEntries()) {
    if (one.hadRecentInput) continue;
    seen.shift += one.value;
    seen.shifted.push([one.value, one.sources.map(at => at.node && (at.node.className || at.node.nodeName))]);
  }
}).observe({type: 'layout-shift', buffered: true});
window.painted = () => new Promise(done =>
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))));
window.until = test => new Promise(done => {
  const look = () => {
    if (!test()) return;
    watcher.disconnect();
    painted().then(done);
  };
  const watcher = new MutationObserver(look);
  watcher.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  look();
});
window.countPaints = within => {
  seen.paints = [];
  const own = one => {
    if (one.attributeName === 'value') return false;  // written anew by the framework, and nothing to see
    const at = one.target.nodeType === 1 ? one.target : one.target.parentElement;
    return at !== null && at.closest(within) !== null && at.closest('time, [role=status]') === null;
  };
  window.painter?.disconnect();
  let due = false;
  window.painter = new MutationObserver(all => {
    if (due || !all.some(own)) return;
    due = true;
    seen.paints.push(performance.now());
    requestAnimationFrame(() => { due = false; });
  });
  painter.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
};
"""


#: Whether every row in sight says the state that it should: the ids of those that do not.
_WRONG = """words => [...document.querySelectorAll('.cameras [data-key]')]
  .filter(row => words[row.dataset.key] !== undefined)
  .filter(row => row.querySelector('.state').textContent.trim() !== words[row.dataset.key])
  .map(row => row.dataset.key)"""
IN_SIGHT = f"words => ({_WRONG})(words).length === 0"
#: One sight further down; false at the end of what was loaded.
_FURTHER = """() => { const at = document.querySelector('.cameras .scroller');
  const before = at.scrollTop; at.scrollTop += at.clientHeight; return painted().then(() => at.scrollTop > before); }"""


async def wrong_rows(page: Any, words: dict[str, str], patience: float = 3.0) -> list[str]:
    """Walks over the list of cameras from its top: which of the rows never came to show the word they should, each
    sight given so many seconds; a row that is nowhere is wrong too."""
    missing, wrong = set(words), []
    await page.evaluate("document.querySelector('.cameras .scroller').scrollTop = 0")
    await page.evaluate("painted()")
    more = True
    while more and missing:
        with contextlib.suppress(PlaywrightTimeout):
            await page.wait_for_function(IN_SIGHT, arg=words, timeout=patience * 1000)
        here = await page.evaluate("[...document.querySelectorAll('.cameras [data-key]')].map(row => row.dataset.key)")
        wrong += [one for one in await page.evaluate(_WRONG, words) if one in missing]
        missing -= set(here)
        more = await page.evaluate(_FURTHER)
    return sorted({*wrong, *missing})


@dataclass
class Many:
    """``users`` by name: name and password. ``token`` reads all there is."""

    url: str
    token: str
    users: dict[str, dict[str, str]]
    process: asyncio.subprocess.Process
    logins: dict[str, Any] = field(default_factory=dict)

    async def wish(self, do: str, **what: Any) -> dict[str, Any]:
        """See ``bench.console_service``."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **what}).encode() + b"\n")
        await self.process.stdin.drain()
        line = await self.process.stdout.readline()
        assert line, "the service has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def get(self, path: str, **query: Any) -> Any:
        """An answer of ``/api/v1``."""
        words = f"?{urlencode(query, doseq=True)}" if query else ""
        answered = await Client(self.url, token=self.token, browser=False).get(f"/api/v1{path}{words}")
        assert answered.status == 200, answered.body[:500]
        return answered.json

    async def listed(self, most: int, **query: Any) -> list[dict[str, Any]]:
        """The first so many rows of the list of cameras, in the order asked for."""
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while len(found) < most:
            page = await self.get("/cameras", limit=500, **query, **more)
            found += page["items"]
            if page["next_cursor"] is None:
                break
            more = {"cursor": page["next_cursor"]}
        return found[:most]

    async def words(self, most: int, **query: Any) -> dict[str, str]:
        """What the first so many rows say of their state, by id."""
        return {one["id"]: STATES[one["state"]] for one in await self.listed(most, **query)}

    async def context(self, browser: Any, size: tuple[int, int], user: str | None = "operator") -> Any:
        """A browser's window of its own, logged in; its pages are watched."""
        kept = self.logins.get(user or "")
        made = await browser.new_context(viewport={"width": size[0], "height": size[1]}, storage_state=kept)
        await made.add_init_script(WATCH)
        if user is not None and kept is None:
            entered = await made.request.post(
                f"{self.url}/api/v1/session", data=self.users[user], headers={"origin": self.url}
            )
            assert entered.status == 201, await entered.text()
            self.logins[user] = await made.storage_state()
        return made


@asynccontextmanager
async def many(folder: Path, cameras: int = 7500) -> AsyncIterator[Many]:
    """Until the body ends. ``folder`` is empty."""
    words = ["-m", "bench.console_service", str(folder), str(cameras)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, stdin=pipe, stdout=pipe, limit=_LINE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        if not line:
            raise RuntimeError(f"the service ended with {await process.wait()} before it served")
        told = json.loads(line)
        yield Many(told["url"], told["token"], told["users"], process)
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
