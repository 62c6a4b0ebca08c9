"""Wiring: what checks learn beside their verdicts is told to the registry: a clock that is off, a stream that changed.

A clock is a finding on the camera, never an outage. What was told once is told again only when it changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from camera_gateway.onvif.clock import DRIFT_SECONDS, whole_hours
from config.scope import Scope
from health.observation import Observation, Tier
from registry import reconcile
from registry.database import Database
from registry.watched_camera import WatchedCamera

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """``code`` is for machines, ``value`` in the unit of the finding (seconds for a clock)."""

    code: str
    value: float
    zh: str
    en: str

    def as_dict(self) -> dict[str, Any]:
        return {"code": self.code, "value": self.value, "zh": self.zh, "en": self.en}


def clock_finding(offset: float | None) -> Finding | None:
    """``offset`` is device minus ours in seconds, to the second. Under 5 s nothing is said: it breaks nothing."""
    if offset is None or abs(offset) < DRIFT_SECONDS:
        return None
    hours = whole_hours(offset)
    if hours is not None:
        return Finding(
            "clock",
            offset,
            f"时钟偏差{hours:+d}小时：疑似将本地时间当作UTC设置，请核对时区",
            f"the clock is {hours:+d} h off: local time seems to be set as if it were UTC; check the time zone",
        )
    return Finding(
        "clock",
        offset,
        f"时钟偏差{offset:+.0f}秒：请校时（NTP）",
        f"the clock is {offset:+.0f} s off: set it, by NTP if there is one",
    )


def findings_of(last_liveness: Facts | None) -> list[Finding]:
    """From the last liveness check as it is kept; a camera that told no time has none."""
    found = clock_finding((last_liveness or {}).get("facts", {}).get("clock_offset"))
    return [] if found is None else [found]


class DriftWatch:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._scope = Scope.system("health")
        self._clocks: dict[str, str] = {}  # by device: what was told of its clock
        self._streams: dict[str, tuple[str, int, int]] = {}  # by camera: what its stream was last seen to be

    def resume(self, camera: WatchedCamera, last_liveness: Facts | None) -> None:
        """What was told before a restart is not told anew."""
        offset = (last_liveness or {}).get("facts", {}).get("clock_offset")
        if offset is not None:
            self._clocks[camera.device_id] = _mark(offset)

    async def tell(self, camera: WatchedCamera, seen: Observation) -> None:
        """Raises ``UNAVAILABLE``, and ``NOT_FOUND`` for a camera that was removed meanwhile."""
        if seen.tier is Tier.LIVENESS and "clock_offset" in seen.facts:
            await self._clock(camera, float(seen.facts["clock_offset"]))
        if seen.tier is Tier.PICTURE and "codec" in seen.facts:
            await self._stream(camera, seen.facts)

    async def _clock(self, camera: WatchedCamera, offset: float) -> None:
        mark, before = _mark(offset), self._clocks.get(camera.device_id, "")
        if before == mark:
            return
        self._clocks[camera.device_id] = mark  # at once: on a busy disk the next look ends before this is written
        hours = whole_hours(offset) if mark else None
        try:
            await reconcile.observe_clock(self._scope, self._db, camera.device_id, offset if mark else None, hours)
        except BaseException:
            self._clocks[camera.device_id] = before
            raise

    async def _stream(self, camera: WatchedCamera, facts: Facts) -> None:
        now = (str(facts["codec"]), int(facts.get("width", 0)), int(facts.get("height", 0)))
        if self._streams.get(camera.camera_id) == now or not all(now) or camera.main is None:
            return
        known = (camera.main.codec, camera.main.width, camera.main.height)
        if known != now:
            await reconcile.observe_stream(self._scope, self._db, camera.camera_id, camera.main.url, *now)
        self._streams[camera.camera_id] = now

    def forget(self, camera: str) -> None:
        self._streams.pop(camera, None)


def _mark(offset: float) -> str:
    """What is worth telling apart: off or not, by whole hours, else by the power of two of its seconds."""
    found = clock_finding(offset)
    if found is None:
        return ""
    hours = whole_hours(offset)
    sign = "-" if offset < 0 else "+"
    return f"{hours:+d} h" if hours is not None else f"{sign}2^{int(abs(offset)).bit_length()} s"
