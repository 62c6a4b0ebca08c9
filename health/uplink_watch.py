"""Wiring: every observation passes here first; while our own uplink is broken it says nothing about its camera."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from config.clock import Clock
from health.observation import Link, Observation
from health.uplink import OwnNetwork, UplinkGuard, as_unknown, evidence, network_failure

#: How long an answer about our own network is believed (seconds), and how often a sound one is looked at.
_BELIEVED = 3.0
_LOOK = 30.0


async def _no_anchors() -> Mapping[str, bool]:
    return {}


class UplinkWatch:
    def __init__(
        self,
        guard: UplinkGuard,
        look: Callable[[], OwnNetwork],
        clock: Clock,
        anchors: Callable[[], Awaitable[Mapping[str, bool]]] = _no_anchors,
    ) -> None:
        self.guard = guard
        self.broken: str | None = None  # what is broken of ours, in words
        self._look = look
        self._clock = clock
        self._anchors = anchors
        self._sound = look()
        self._looked = clock.monotonic()
        self._asked: float | None = None

    async def screen(self, seen: Observation, zone: str, *, was_down: bool) -> Observation:
        """``was_down``: a camera that was offline before proves nothing about our uplink by being silent."""
        now = self._clock.monotonic()
        if seen.link is Link.UP:
            self.guard.note(seen.camera_id, zone, now, failed=False)
            if now - self._looked >= _LOOK and not self.guard.suspected(now):
                self._sound, self._looked, self.broken = self._look(), now, None
            return seen
        if not network_failure(seen):
            return seen
        if not was_down:
            self.guard.note(seen.camera_id, zone, now, failed=True)
        if not self.guard.suspected(now):
            self.broken = None
            return seen
        if self._asked is None or now - self._asked >= _BELIEVED:
            self._asked = now
            self.broken = evidence(self._sound, self._look(), await self._anchors())
        return seen if self.broken is None else as_unknown(seen, self.broken)
