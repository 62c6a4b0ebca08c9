"""Wiring: somebody who looks at a live picture: when each decoded picture came, and what the tile was told."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiortc.mediastreams import MediaStreamError

from streaming.view_state import ViewState
from tests.support.relay_rig import Peer, Rig

#: How often a tile asks what its view is; ten times as often as the console's does.
SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Picture:
    """``at`` in the loop's seconds; ``time`` the picture's own, in 90 kHz."""

    at: float
    time: int
    width: int


class Onlooker:
    """``pictures`` as they were decoded, ``words`` as they changed: (when, word)."""

    def __init__(self, viewer: Peer, word: Callable[[], str]) -> None:
        self.pictures: list[Picture] = []
        self.words: list[tuple[float, str]] = []
        self._viewer = viewer
        self._word = word
        self._loop = asyncio.get_running_loop()
        self._more = asyncio.Event()
        self._sampling: asyncio.TimerHandle | None = None

    def now(self) -> float:
        return self._loop.time()

    async def look(self) -> None:
        """Until the view is over."""
        while True:
            try:
                frame: Any = await self._viewer.transceiver.receiver.track.recv()
            except MediaStreamError:
                return
            self.pictures.append(Picture(self.now(), frame.pts, frame.width))
            self._more.set()

    def sample(self) -> None:
        word = self._word()
        if not self.words or self.words[-1][1] != word:
            self.words.append((self.now(), word))
            self._more.set()
        self._sampling = self._loop.call_later(SAMPLE_SECONDS, self.sample)

    def stop(self) -> None:
        if self._sampling is not None:
            self._sampling.cancel()

    async def until(self, condition: Callable[[], bool], seconds: float = 30.0) -> float:
        """When a picture or a word made ``condition`` true. Raises ``TimeoutError``."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._more.clear()
                await self._more.wait()
        return self.now()

    async def more(self, count: int, seconds: float = 30.0) -> None:
        """So many more pictures."""
        goal = len(self.pictures) + count
        await self.until(lambda: len(self.pictures) >= goal, seconds)

    async def next(self, since: float, seconds: float = 30.0, width: int | None = None) -> Picture:
        """The first picture decoded after ``since`` (of a width)."""

        def found() -> list[Picture]:
            return [p for p in self.pictures if p.at > since and width in (None, p.width)]

        await self.until(lambda: bool(found()), seconds)
        return found()[0]

    def standstill(self, since: float) -> float:
        """The longest time without another picture, from the last one before ``since`` to now."""
        first = max((p.at for p in self.pictures if p.at <= since), default=since)
        times = [first, *(p.at for p in self.pictures if p.at > since), self.now()]
        return max(b - a for a, b in itertools.pairwise(times))

    def forward(self) -> bool:
        """Whether the pictures' own time never went back."""
        times = [p.time for p in self.pictures]
        return times == sorted(set(times))

    def said(self, since: float) -> tuple[str, ...]:
        """The word that held at ``since`` and those after it."""
        before = [word for at, word in self.words if at <= since]
        return (*before[-1:], *(word for at, word in self.words if at > since))


@asynccontextmanager
async def onlooker(made: Rig, viewer: Peer, view_id: str) -> AsyncIterator[Onlooker]:
    """Looks from now on; the view may still connect."""

    def word() -> str:
        for shown in made.relay.shown():
            if shown.view_id == view_id:
                state = shown.state.value if shown.state is not ViewState.OFFLINE else f"offline ({shown.cause})"
                return state if shown.fell_back is None else f"{state} ({shown.role.value}: {shown.fell_back})"
        return f"over: {next((reason for view, reason in made.ended if view == view_id), '')}"

    found = Onlooker(viewer, word)
    found.sample()
    looking = asyncio.create_task(found.look(), name="onlooker")
    try:
        yield found
    finally:
        found.stop()
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
