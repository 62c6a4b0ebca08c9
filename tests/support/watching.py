"""Pure: what a test hears of the running service, and waiting for it without looking at a clock."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from health.observation import Observation
from health.ports import Outcome
from health.state import CameraState, Change


@dataclass
class Watching:
    """A listener of the engine; everything by camera id. ``pictures`` counts judged pictures."""

    states: dict[str, CameraState] = field(default_factory=dict)
    seen: dict[str, list[Observation]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    pictures: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, seen: Observation, outcome: Outcome) -> None:
        self.states[seen.camera_id] = outcome.state
        self.seen.setdefault(seen.camera_id, []).append(seen)
        self.changes += outcome.changes
        self.checks[seen.camera_id] += 1
        if seen.picture is not None:
            self.pictures[seen.camera_id] += 1
        self.news.set()

    def shown(self, camera_id: str) -> tuple[str, str]:
        state = self.states.get(camera_id)
        return (state.state.value, state.cause) if state is not None else ("", "")

    async def until(self, done: Callable[[], bool], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            return False
        return True
