"""Edge: the test's side of :mod:`tests.support.light_viewer`: viewers in another process, by number."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.tree import ROOT

#: An offer is 2 KB.
LINE = 64 * 1024


class LightViewers:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._numbers = itertools.count()
        self._heard: defaultdict[int, dict[str, Any]] = defaultdict(dict)
        self._changed: dict[int, asyncio.Event] = {}

    @property
    def pid(self) -> int:
        return self._process.pid

    async def offer(self) -> tuple[int, str]:
        """A new viewer's number and its offer."""
        number = next(self._numbers)
        self._changed[number] = asyncio.Event()
        self._say(number, "offer")
        return number, str((await self.until(number, "offer"))["offer"])

    def answer(self, number: int, text: str) -> None:
        """It connects; ``until(number, "first")`` waits for its picture."""
        self._say(number, "answer", text=text)

    async def until(self, number: int, *names: str, seconds: float = 60.0) -> dict[str, Any]:
        """All that it said so far, once one of ``names`` is among it. Raises ``TimeoutError``."""
        async with asyncio.timeout(seconds):
            while not any(name in self._heard[number] for name in names):
                self._changed[number].clear()
                await self._changed[number].wait()
        return self._heard[number]

    async def leave(self, number: int, how: str = "close") -> dict[str, Any]:
        """``vanish``: without a word to the other side."""
        self._say(number, how)
        heard = await self.until(number, "gone")
        del self._heard[number], self._changed[number]
        return heard

    async def listen(self) -> None:
        out = self._process.stdout
        assert out is not None
        while line := await out.readline():
            said = json.loads(line)
            number = said.pop("id", None)
            if number is not None:
                self._heard[number] |= said
                self._changed[number].set()

    def _say(self, number: int, do: str, **more: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": do, **more}).encode() + b"\n")


@asynccontextmanager
async def light_viewers() -> AsyncIterator[LightViewers]:
    command = [sys.executable, "-m", "tests.support.light_viewer"]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=LINE, cwd=ROOT)
    made = LightViewers(process)
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()
    listening = asyncio.create_task(made.listen(), name="light viewers")
    try:
        yield made
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()
        await asyncio.gather(listening, return_exceptions=True)
