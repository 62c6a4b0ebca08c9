"""Wiring: one living network and one browser for all tests of the console; a page for each, watched for what is never
allowed: a violation of the policy, a request to anybody else, a broken script.

Each file says ``pytestmark = pytest.mark.asyncio(loop_scope="session")``: browser and network outlive a test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.support.chromium import ARGUMENTS
from tests.support.console_world import ROOT, World, world
from tests.support.peers import missing

DESK, PHONE, WIDE = (1366, 768), (390, 844), (3840, 2160)
SIZES = (PHONE, DESK, WIDE)


@dataclass
class Watched:
    """What a page did that none may: texts for people."""

    url: str
    wrongs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def hear(self, page: Any) -> None:
        ours = urlsplit(self.url).netloc

        def request(made: Any) -> None:
            self.requests.append(f"{made.method} {made.url.removeprefix(self.url)}")
            parts = urlsplit(made.url)
            if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != ours:
                self.wrongs.append(f"a request to another place: {made.url}")

        def said(message: Any) -> None:
            # A refused request is noted by the browser itself; pages tell it to people in their own words.
            if message.type == "error" and not message.text.startswith("Failed to load resource"):
                self.wrongs.append(f"the browser's log: {message.text}")

        page.on("request", request)
        page.on("console", said)
        page.on("pageerror", lambda error: self.wrongs.append(f"a broken script: {error}"))


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def driver() -> AsyncIterator[Any]:
    async with async_playwright() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def chromium(driver: Any) -> AsyncIterator[Any]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        missing("no Chromium is installed (Debian: chromium)")
    browser = await driver.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
    yield browser
    await browser.close()


@pytest.fixture(scope="session")
def built() -> None:
    """The console as it would be shipped, built if its sources changed. ``XUELIANG_CONSOLE_AS_IS``: as it lies there,
    for whoever works on one page while another does not pass its checks."""
    if "XUELIANG_CONSOLE_AS_IS" not in os.environ:
        subprocess.run([sys.executable, "console/build.py"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def town(
    driver: Any, chromium: Any, built: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """20 virtual cameras, every one judged and well; a test that makes a fault ends it."""
    folder = tmp_path_factory.mktemp("town") / "data"
    async with world(driver, folder) as made:
        await made.until_all_well()
        yield made


Open = Callable[..., Awaitable[Any]]


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def logins(town: World, chromium: Any) -> dict[str, Any]:
    """By role, what a browser keeps of a login; filled as roles are first used."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def desk(town: World, chromium: Any, logins: dict[str, Any]) -> AsyncIterator[Open]:
    """``await desk(role, path, size=DESK, lang="zh", theme="dark")``: a page of a person of that role; without a role
    nobody is logged in. At the test's end none may have done what no page does (``page.watched.wrongs``)."""
    contexts: list[tuple[Any, Watched]] = []

    async def context(role: str | None, size: tuple[int, int], lang: str, theme: str, **more: Any) -> Any:
        width, height = size
        made = await chromium.new_context(
            viewport={"width": width, "height": height},
            storage_state=logins.get(role or ""),
            **{"locale": "zh-CN" if lang == "zh" else "en-GB"} | more,
        )
        await made.add_init_script(
            f"localStorage.setItem('xl-language', '{lang}'); localStorage.setItem('xl-theme', '{theme}');"
        )
        return made

    async def log_in(role: str) -> None:
        made = await context(None, DESK, "zh", "dark")
        user = town.users[role]
        answered = await made.request.post(
            f"{town.url}/api/v1/session",
            data={"name": user["name"], "password": user["password"]},
            headers={"origin": town.url},
        )
        assert answered.status == 201, await answered.text()
        logins[role] = await made.storage_state()
        await made.close()

    async def opened(
        role: str | None,
        path: str,
        *,
        size: tuple[int, int] = DESK,
        lang: str = "zh",
        theme: str = "dark",
        fresh: bool = False,
        **more: Any,
    ) -> Any:
        """``fresh``: a login of this test's own, which it may end."""
        if role is not None and (fresh or role not in logins):
            await log_in(role)
        made = await context(role, size, lang, theme, **more)
        if fresh and role is not None:
            del logins[role]
        page = await made.new_page()
        page.watched = Watched(town.url)
        page.watched.hear(page)
        contexts.append((made, page.watched))
        await page.goto(town.url + path)
        return page

    yield opened
    for made, _ in contexts:
        await made.close()
    assert [wrong for _, watched in contexts for wrong in watched.wrongs] == []
