"""Wiring: a living network of its own for the tests of the console: the demo, without faults but those a test makes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 150.0
#: How often another process is asked whether something has come to pass.
BEAT_SECONDS = 0.25


@dataclass
class World:
    """``users`` by role: name and password. ``token`` reads all there is; ``request`` is a browser's HTTP client
    (Playwright) without cookies, ``pid`` the process that serves."""

    url: str
    token: str
    users: dict[str, dict[str, str]]
    simulator: dict[str, str]
    request: Any
    pid: int = 0
    virtual_names: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **query: Any) -> Any:
        """An answer of ``/api/v1``."""
        words = f"?{urlencode(query, doseq=True)}" if query else ""
        return await self._ask("GET", f"{self.url}/api/v1{path}{words}", self.token)

    async def cameras(self) -> list[dict[str, Any]]:
        """By name."""
        found: list[dict[str, Any]] = (await self.get("/cameras", limit=100, sort="name"))["items"]
        return found

    async def alone(self, number: int) -> dict[str, Any]:
        """By name, of the cameras that share their device with none: cut off, they are an incident of their own."""
        cameras = await self.cameras()
        shared = Counter(one["device_id"] for one in cameras)
        return [one for one in cameras if shared[one["device_id"]] == 1][number]

    async def fault(self, camera_id: str, fault: str, *, on: bool = True) -> None:
        """One of the virtual network's faults, on one of our cameras."""
        body = {"fault": fault, "on": on, "parameter": None}
        await self.simulate("POST", f"/cameras/{await self.virtual(camera_id)}/faults", body)

    async def virtual(self, camera_id: str) -> str:
        """What the virtual network calls one of our cameras; its stream's address is what both know."""
        if camera_id not in self.virtual_names:
            camera = await self.get(f"/cameras/{camera_id}")
            address = next(one["url"] for one in camera["streams"] if one["role"] == "main")
            listed = await self.simulate("GET", "/cameras")
            self.virtual_names[camera_id] = next(one["id"] for one in listed["cameras"] if one["rtsp"] == address)
        return self.virtual_names[camera_id]

    async def simulate(self, method: str, path: str, body: Any = None) -> Any:
        """The virtual network's control API."""
        return await self._ask(method, self.simulator["url"] + path, self.simulator["token"], body)

    async def until(self, asked: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> Any:
        """What ``asked`` gives once that is true."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            while not (found := await asked()):
                beat = loop.create_future()
                loop.call_later(BEAT_SECONDS, _done, beat)
                await beat
        return found

    async def until_state(self, camera_id: str, *states: str, seconds: float = 60.0) -> None:
        async def there() -> bool:
            return str((await self.get(f"/cameras/{camera_id}"))["state"]) in states

        await self.until(there, seconds)

    async def until_all_well(self, seconds: float = 90.0) -> None:
        """Every camera is judged, and good."""

        async def well() -> bool:
            page = await self.get("/cameras", limit=1)
            return bool(page["total"] > 0 and page["counts"].get("ok", 0) == page["total"])

        await self.until(well, seconds)

    async def _ask(self, method: str, url: str, token: str, body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        answered = await self.request.fetch(
            url, method=method, headers=headers, data=None if body is None else json.dumps(body)
        )
        assert answered.ok, f"{method} {url}: {answered.status} {await answered.text()}"
        text = await answered.text()
        await answered.dispose()
        return json.loads(text) if text else None


def _done(beat: asyncio.Future[None]) -> None:
    if not beat.done():
        beat.set_result(None)


@asynccontextmanager
async def world(driver: Any, folder: Path, cameras: int = 20, port: int = 0) -> AsyncIterator[World]:
    """``driver`` is Playwright's. The demo runs as a process of its own, as a person would start it."""
    words = [
        "demo",
        "--json",
        "--port",
        str(port),
        "--faults",
        "none",
        "--cameras",
        str(cameras),
        "--data",
        str(folder),
    ]
    with (folder.parent / "demo.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "center", *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=log
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await process.stdout.readline()
            assert line, (folder.parent / "demo.log").read_text()[-2000:]
            told = json.loads(line)
            request = await driver.request.new_context()
            try:
                users = {user["role"]: user for user in told["users"]}
                yield World(told["url"], told["token"], users, told["simulator"], request, process.pid)
            finally:
                await request.dispose()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def until_live(page: Any, seconds: float = 45.0) -> None:
    """The page's tile shows a living picture; else fails with what it says instead."""
    try:
        await page.locator(".tile[data-state=live]").first.wait_for(timeout=seconds * 1000)
    except Exception as error:
        tile = page.locator(".tile").first
        said = await tile.inner_text() if await tile.count() else "no tile"
        wire = [one for one in page.watched.requests if "/whep" in one or "/views" in one]
        raise AssertionError(f"the tile says {said!r}; asked {wire[-6:]}") from error
