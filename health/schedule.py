"""Pure: who is to be checked when. Times are monotonic seconds handed in; nothing here waits or starts anything.

Each camera has a slot of its own in every interval, by a hash of its id, so that a fleet spreads itself evenly and
the same slot comes round after a restart. Cameras in trouble run in a lane of their own: one that hangs until its
deadline never keeps a healthy one waiting.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import blake2b
from random import Random

from health.freshness import Freshness, freshness
from health.observation import Tier


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """Intervals and gaps in seconds; the reasons for the numbers are in ``docs/design/scheduling.md``."""

    liveness_seconds: float = 60.0
    picture_seconds: float = 300.0
    burst_count: int = 3
    burst_gap_min_seconds: float = 20.0
    burst_gap_max_seconds: float = 40.0
    per_device: int = 2  # many recorders and cameras take 4 to 6 sessions in all, people's included
    healthy_at_once: int = 256
    troubled_at_once: int = 256
    fresh_factor: float = 1.5  # checked in time: not older than this many intervals

    def interval(self, tier: Tier) -> float:
        return self.liveness_seconds if tier is Tier.LIVENESS else self.picture_seconds


class Rank(IntEnum):
    """Who goes first where there is a choice."""

    COMMAND = 0
    BURST = 1
    SLOT = 2


@dataclass(frozen=True, slots=True)
class Planned:
    """One camera to watch. ``factor`` below 1 checks more often (a guard period), above 1 less."""

    camera_id: str
    device_id: str
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Probe:
    camera_id: str
    device_id: str
    tier: Tier
    probe_id: str
    due: float
    rank: Rank = Rank.SLOT


@dataclass(slots=True)
class _Entry:
    planned: Planned
    since: float
    troubled: bool = False
    queued: Probe | None = None
    burst_left: int = 0
    burst_of: str = ""
    checked: dict[Tier, float] = field(default_factory=dict)
    slots: dict[Tier, tuple[float, int]] = field(default_factory=dict)  # the next one: due, number
    burst_due: float | None = None


@dataclass(slots=True)
class _Running:
    probe: Probe
    troubled: bool


_Ready = list[tuple[int, float, int, Probe]]


class Schedule:
    def __init__(self, settings: ScheduleSettings, random: Random) -> None:
        self.settings = settings
        self.missed: Counter[Tier] = Counter()
        self._random = random
        self._entries: dict[str, _Entry] = {}
        self._running: dict[str, _Running] = {}
        self._timed: list[tuple[float, int, str, Tier | None]] = []  # None: a burst
        self._lanes: dict[bool, _Ready] = {False: [], True: []}
        self._in_lane: Counter[bool] = Counter()
        self._on_device: Counter[str] = Counter()
        self._device_waits: dict[str, _Ready] = {}
        self._count = 0

    # Who is watched

    def plan(self, planned: Planned, *, wall: float, now: float, troubled: bool = False) -> None:
        """Watch this camera from its next slot on; one known to be in trouble is looked at first, at once.

        ``wall`` (POSIX seconds) only finds the number of the slot; a clock that is set later moves no slot.
        """
        entry = self._entries.get(planned.camera_id)
        if entry is not None and entry.planned == planned:
            return
        known = entry
        entry = _Entry(planned, now, troubled or (known is not None and known.troubled))
        if known is not None:
            entry.since, entry.checked = known.since, known.checked
        self._entries[planned.camera_id] = entry
        for tier in Tier:
            interval = self._interval(entry, tier)
            phase = _phase(planned.camera_id, tier)
            number = math.floor(wall / interval - phase) + 1
            self._time_slot(entry, tier, now + (number + phase) * interval - wall, number)
        if troubled:
            self._offer(entry, self._probe(entry, Tier.PICTURE, f"resume/{wall:.0f}", now))

    def forget(self, camera_id: str) -> None:
        self._entries.pop(camera_id, None)

    def mark(self, camera_id: str, *, troubled: bool) -> None:
        entry = self._entries.get(camera_id)
        if entry is not None:
            entry.troubled = troubled

    def cameras(self) -> Iterator[str]:
        return iter(self._entries)

    # Extra looks

    def burst(self, camera_id: str, of: str, now: float) -> bool:
        """Keyframes in quick succession after the probe ``of``; while one burst runs, no second one begins."""
        entry = self._entries.get(camera_id)
        if entry is None or entry.burst_left or self.settings.burst_count < 1:
            return False
        entry.burst_left = self.settings.burst_count
        # A burst that begets a burst must not make its name longer and longer.
        entry.burst_of = blake2b(of.encode(), digest_size=8).hexdigest() if of.startswith("burst/") else of
        self._time_burst(entry, now)
        return True

    def check_now(self, camera_id: str, command_id: str, now: float) -> bool:
        entry = self._entries.get(camera_id)
        if entry is None:
            return False
        return self._offer(entry, self._probe(entry, Tier.PICTURE, f"command/{command_id}", now, Rank.COMMAND))

    # What may start

    def start(self, now: float) -> list[Probe]:
        """The probes that may start now; each must come back through :meth:`finished`."""
        self._fire(now)
        started: list[Probe] = []
        caps = {True: self.settings.troubled_at_once, False: self.settings.healthy_at_once}
        for lane in (True, False):  # previously bad first
            ready = self._lanes[lane]
            while ready and self._in_lane[lane] < caps[lane]:
                item = heapq.heappop(ready)
                probe = item[-1]
                entry = self._waiting(probe)
                if entry is None:
                    continue
                if self._on_device[probe.device_id] >= self.settings.per_device:
                    heapq.heappush(self._device_waits.setdefault(probe.device_id, []), item)
                    continue
                entry.queued = None
                self._running[probe.camera_id] = _Running(probe, lane)
                self._in_lane[lane] += 1
                self._on_device[probe.device_id] += 1
                started.append(probe)
        return started

    def finished(self, probe: Probe, now: float) -> None:
        running = self._running.get(probe.camera_id)
        if running is None or running.probe != probe:
            return
        del self._running[probe.camera_id]
        self._in_lane[running.troubled] -= 1
        self._on_device[probe.device_id] -= 1
        if not self._on_device[probe.device_id]:
            del self._on_device[probe.device_id]
        entry = self._entries.get(probe.camera_id)
        if entry is not None:
            entry.checked[probe.tier] = now
            if probe.tier is Tier.PICTURE:  # a picture proves all that liveness would
                entry.checked[Tier.LIVENESS] = now
            if entry.queued is not None:
                self._ready(entry, entry.queued)
        self._release(probe.device_id)

    def next_due(self) -> float | None:
        """When the next slot or burst comes up; probes held back by a limit wait for :meth:`finished` instead."""
        while self._timed:
            due, _, camera_id, tier = self._timed[0]
            if self._is_current(due, camera_id, tier):
                return due
            heapq.heappop(self._timed)
        return None

    def next_check(self, camera_id: str) -> float | None:
        """When this camera is looked at next (monotonic), a burst included."""
        entry = self._entries.get(camera_id)
        if entry is None:
            return None
        if entry.queued is not None:
            return entry.queued.due
        times = [due for due, _ in entry.slots.values()]
        return min([*times, entry.burst_due] if entry.burst_due is not None else times)

    @property
    def running(self) -> int:
        return len(self._running)

    def freshness(self, tier: Tier, now: float) -> Freshness:
        ages = (
            (now - e.checked.get(tier, e.since), self._interval(e, tier) * self.settings.fresh_factor)
            for e in self._entries.values()
        )
        return freshness(ages, self.missed[tier])

    # Inside

    def _interval(self, entry: _Entry, tier: Tier) -> float:
        return self.settings.interval(tier) * entry.planned.factor

    def _probe(self, entry: _Entry, tier: Tier, probe_id: str, due: float, rank: Rank = Rank.SLOT) -> Probe:
        return Probe(entry.planned.camera_id, entry.planned.device_id, tier, probe_id, due, rank)

    def _time_slot(self, entry: _Entry, tier: Tier, due: float, number: int) -> None:
        entry.slots[tier] = (due, number)
        self._count += 1
        heapq.heappush(self._timed, (due, self._count, entry.planned.camera_id, tier))

    def _time_burst(self, entry: _Entry, now: float) -> None:
        gap = self._random.uniform(self.settings.burst_gap_min_seconds, self.settings.burst_gap_max_seconds)
        entry.burst_due = now + gap
        self._count += 1
        heapq.heappush(self._timed, (entry.burst_due, self._count, entry.planned.camera_id, None))

    def _is_current(self, due: float, camera_id: str, tier: Tier | None) -> bool:
        entry = self._entries.get(camera_id)
        if entry is None:
            return False
        return entry.burst_due == due if tier is None else entry.slots[tier][0] == due

    def _fire(self, now: float) -> None:
        while (due := self.next_due()) is not None and due <= now:
            _, _, camera_id, tier = heapq.heappop(self._timed)
            entry = self._entries[camera_id]
            if tier is None:
                self._fire_burst(entry, due)
            else:
                self._fire_slot(entry, tier, now)

    def _fire_slot(self, entry: _Entry, tier: Tier, now: float) -> None:
        """Slots that went by unseen (a suspended machine, a stalled loop) are counted, never piled up."""
        due, number = entry.slots[tier]
        interval = self._interval(entry, tier)
        passed = int((now - due) // interval)
        self.missed[tier] += passed
        due, number = due + passed * interval, number + passed
        self._time_slot(entry, tier, due + interval, number + 1)
        if not self._offer(entry, self._probe(entry, tier, f"{tier}/{number}", due)) and not self._covered(entry, tier):
            self.missed[tier] += 1

    def _fire_burst(self, entry: _Entry, due: float) -> None:
        index = self.settings.burst_count - entry.burst_left
        entry.burst_left -= 1
        entry.burst_due = None
        self._offer(entry, self._probe(entry, Tier.PICTURE, f"burst/{entry.burst_of}/{index}", due, Rank.BURST))
        if entry.burst_left:
            self._time_burst(entry, due)

    def _covered(self, entry: _Entry, tier: Tier) -> bool:
        """A liveness slot that falls on a picture check of the same camera is answered by it."""
        running = self._running.get(entry.planned.camera_id)
        near = [entry.queued, running.probe if running else None]
        return tier is Tier.LIVENESS and any(p is not None and p.tier is Tier.PICTURE for p in near)

    def _offer(self, entry: _Entry, probe: Probe) -> bool:
        """Queue a probe unless one that says as much is queued or running; at most one waits for each camera."""
        running = self._running.get(probe.camera_id)
        if running is not None and probe.rank is not Rank.COMMAND and _says_as_much(running.probe, probe):
            return False
        if entry.queued is not None and _says_as_much(entry.queued, probe) and entry.queued.rank <= probe.rank:
            return False
        entry.queued = probe
        if running is None:
            self._ready(entry, probe)
        return True

    def _ready(self, entry: _Entry, probe: Probe) -> None:
        self._count += 1
        heapq.heappush(self._lanes[entry.troubled], (probe.rank, probe.due, self._count, probe))

    def _waiting(self, probe: Probe) -> _Entry | None:
        entry = self._entries.get(probe.camera_id)
        if entry is None or entry.queued is not probe or probe.camera_id in self._running:
            return None
        return entry

    def _release(self, device_id: str) -> None:
        """Hand a freed place on a device to the first that waits for it."""
        waits = self._device_waits.get(device_id)
        while waits:
            item = heapq.heappop(waits)
            entry = self._waiting(item[-1])
            if entry is not None:
                heapq.heappush(self._lanes[entry.troubled], item)
                break
        if waits is not None and not waits:
            del self._device_waits[device_id]


def _says_as_much(one: Probe, other: Probe) -> bool:
    return one.tier is Tier.PICTURE or other.tier is Tier.LIVENESS


def _phase(camera_id: str, tier: Tier) -> float:
    """Where in its interval a camera's slot lies, 0 to 1, the same for ever."""
    digest = blake2b(f"{tier}/{camera_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
