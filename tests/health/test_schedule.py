"""Who is checked when, in virtual days."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health.observation import Tier
from health.schedule import Planned, Probe, Rank, Schedule, ScheduleSettings

WALL = 1_770_000_000.0


def run(
    schedule: Schedule,
    until: float,
    lasts: Callable[[Probe], float],
    at_end: Callable[[Probe, float], None] | None = None,
) -> list[tuple[float, Probe]]:
    """Let virtual time pass; a probe takes ``lasts(probe)`` seconds. Returns what started when."""
    started: list[tuple[float, Probe]] = []
    ends: list[tuple[float, int, Probe]] = []
    now, count = 0.0, 0
    while now <= until:
        for probe in schedule.start(now):
            started.append((now, probe))
            count += 1
            heapq.heappush(ends, (now + lasts(probe), count, probe))
        times = [t for t in (schedule.next_due(), ends[0][0] if ends else None) if t is not None]
        if not times:
            break
        now = max(now, min(times))
        while ends and ends[0][0] <= now:
            _, _, probe = heapq.heappop(ends)
            schedule.finished(probe, now)
            if at_end:
                at_end(probe, now)
    return started


def fleet(n: int, rules: ScheduleSettings, per_device: int = 1) -> Schedule:
    schedule = Schedule(rules, Random(1))
    for i in range(n):
        schedule.plan(Planned(f"c{i}", f"d{i // per_device}"), wall=WALL, now=0.0)
    return schedule


def test_every_camera_has_one_slot_in_every_interval_for_a_day() -> None:
    rules = ScheduleSettings(liveness_seconds=600, picture_seconds=3600)
    schedule = fleet(40, rules)
    started = run(schedule, 86400, lambda p: 0.5)
    counts = Counter((p.camera_id, p.tier) for _, p in started)
    assert all(counts[f"c{i}", Tier.PICTURE] == 24 for i in range(40))
    assert all(143 - 24 <= counts[f"c{i}", Tier.LIVENESS] <= 144 for i in range(40))
    assert all(at == p.due for at, p in started)
    assert not schedule.missed.total()
    assert len({(p.camera_id, p.probe_id) for _, p in started}) == len(started)


def test_the_start_is_spread_and_comes_round_after_a_restart() -> None:
    rules = ScheduleSettings()
    first = run(fleet(600, rules), 300, lambda p: 0.1)
    buckets = Counter(int(at // 30) for at, p in first if p.tier is Tier.PICTURE and at < 300)
    assert min(buckets.values()) > 30
    assert max(buckets.values()) < 100
    again = Schedule(rules, Random(2))
    for i in range(600):
        again.plan(Planned(f"c{i}", f"d{i}"), wall=WALL + 100, now=0.0)
    ids = {(p.camera_id, p.probe_id): at for at, p in first if p.tier is Tier.PICTURE}
    for at, probe in run(again, 190, lambda p: 0.1):
        if probe.tier is Tier.PICTURE:
            assert at + 100 == pytest.approx(ids[probe.camera_id, probe.probe_id], abs=1e-3)


def test_a_third_that_hangs_delays_no_healthy_camera() -> None:
    rules = ScheduleSettings(healthy_at_once=20, troubled_at_once=20)
    schedule = fleet(2000, rules)

    def dead(probe: Probe) -> bool:
        return int(probe.camera_id[1:]) % 10 < 3

    def lasts(probe: Probe) -> float:
        return 8.0 if dead(probe) else 0.2

    started = run(schedule, 1800, lasts, lambda p, now: schedule.mark(p.camera_id, troubled=dead(p)))
    late = [at - p.due for at, p in started if not dead(p) and at > 600]
    assert max(late) <= 0.2  # its own liveness call may just be running
    healthy = Counter(p.camera_id for at, p in started if not dead(p) and p.tier is Tier.PICTURE)
    assert set(healthy.values()) == {6}
    assert schedule.missed.total() > 0  # the dead ones cannot all be waited for, and that is counted
    assert schedule.freshness(Tier.LIVENESS, 1800).share < 1.0


def test_a_device_is_never_asked_more_than_it_bears() -> None:
    rules = ScheduleSettings(per_device=2, liveness_seconds=60, picture_seconds=60)
    schedule = fleet(64, rules, per_device=64)
    open_now: list[float] = []
    most = 0

    def lasts(probe: Probe) -> float:
        return 1.0

    for at, _ in run(schedule, 3600, lasts):
        open_now = [*(end for end in open_now if end > at), at + 1.0]
        most = max(most, len(open_now))
    assert most == 2


def test_a_camera_is_probed_by_one_at_a_time() -> None:
    rules = ScheduleSettings(per_device=4, liveness_seconds=10, picture_seconds=15)
    schedule = fleet(5, rules)
    busy: dict[str, float] = defaultdict(float)
    for at, probe in run(schedule, 3600, lambda p: 7.0):
        assert at >= busy[probe.camera_id]
        busy[probe.camera_id] = at + 7.0


def test_a_burst_is_three_keyframes_twenty_to_forty_seconds_apart() -> None:
    schedule = fleet(1, ScheduleSettings(liveness_seconds=1e6, picture_seconds=1e6))
    assert schedule.burst("c0", "picture/7", 0.0)
    assert not schedule.burst("c0", "picture/8", 1.0)
    started = run(schedule, 500, lambda p: 0.5)
    times = [0.0, *(at for at, _ in started)]
    assert [p.probe_id for _, p in started] == [f"burst/picture/7/{i}" for i in range(3)]
    assert all(20 <= b - a <= 40 for a, b in pairwise(times))
    assert schedule.burst("c0", started[-1][1].probe_id, 600.0)


def test_a_command_goes_first_and_is_never_swallowed() -> None:
    rules = ScheduleSettings(healthy_at_once=1, liveness_seconds=1e6, picture_seconds=1000)
    schedule = fleet(50, rules)
    running: list[Probe] = []
    while not running:
        running = schedule.start(schedule.next_due() or 0.0)
    schedule.start(1000.0)
    assert schedule.check_now(running[0].camera_id, "k1", 1000.0)
    assert schedule.check_now("c7", "k2", 1000.0)
    order = []
    now = 1000.0
    for _ in range(3):
        schedule.finished(running[0], now)
        running = schedule.start(now)
        order.append(running[0].probe_id)
    assert set(order[:2]) == {"command/k1", "command/k2"}
    assert not schedule.check_now("nobody", "k3", 1000.0)


def test_cameras_in_trouble_are_looked_at_first_after_a_restart() -> None:
    schedule = Schedule(ScheduleSettings(), Random(1))
    for i in range(100):
        schedule.plan(Planned(f"c{i}", f"d{i}"), wall=WALL, now=0.0, troubled=i in (3, 77))
    assert {p.camera_id for p in schedule.start(0.0)} == {"c3", "c77"}


def test_slots_slept_through_are_counted_not_piled_up() -> None:
    schedule = fleet(10, ScheduleSettings(liveness_seconds=1e6, picture_seconds=100))
    started = schedule.start(3600.0)
    assert len([p for p in started if p.tier is Tier.PICTURE]) == 10
    assert 340 <= schedule.missed[Tier.PICTURE] <= 350


def test_a_forgotten_camera_is_left_alone_and_a_changed_one_moves() -> None:
    schedule = fleet(2, ScheduleSettings())
    schedule.forget("c0")
    schedule.plan(Planned("c1", "d1", factor=0.5), wall=WALL, now=0.0)
    started = run(schedule, 600, lambda p: 0.1)
    pictures = Counter(p.camera_id for _, p in started if p.tier is Tier.PICTURE)
    assert pictures == {"c1": 4}
    assert schedule.next_check("c0") is None


def test_a_camera_planned_anew_stays_in_its_lane() -> None:
    schedule = fleet(2, ScheduleSettings(troubled_at_once=1, healthy_at_once=1))
    for camera in ("c0", "c1"):
        schedule.mark(camera, troubled=True)
        schedule.plan(Planned(camera, "d", factor=0.5), wall=WALL, now=0.0)
    assert len(schedule.start(400.0)) == 1  # both wait for the one place of the troubled


def test_forgetting_while_running_frees_its_place() -> None:
    schedule = fleet(2, ScheduleSettings(per_device=1, healthy_at_once=1))
    (probe,) = schedule.start(300.0)[:1]
    schedule.forget(probe.camera_id)
    schedule.finished(probe, 301.0)
    schedule.finished(probe, 302.0)
    assert schedule.running == 0
    assert len(schedule.start(301.0)) == 1


def test_freshness_tells_who_waits() -> None:
    schedule = fleet(10, ScheduleSettings())
    assert schedule.freshness(Tier.PICTURE, 100.0).share == 1.0
    stale = schedule.freshness(Tier.PICTURE, 1000.0)
    assert (stale.in_time, stale.oldest) == (0, 1000.0)
    run(schedule, 1000, lambda p: 0.1)
    fresh = schedule.freshness(Tier.PICTURE, 1000.0)
    assert fresh.share == 1.0
    assert fresh.oldest <= 300.2


@given(
    seed=st.integers(0, 2**32),
    cameras=st.integers(1, 12),
    per_device=st.integers(1, 4),
    caps=st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
@settings(max_examples=60, deadline=None)
def test_limits_hold_and_nobody_starves(seed: int, cameras: int, per_device: int, caps: tuple[int, int]) -> None:
    rules = ScheduleSettings(
        liveness_seconds=30,
        picture_seconds=90,
        per_device=per_device,
        healthy_at_once=caps[0],
        troubled_at_once=caps[1],
        burst_gap_min_seconds=1,
        burst_gap_max_seconds=2,
    )
    random = Random(seed)
    schedule = fleet(cameras, rules, per_device=3)
    ends: list[tuple[float, Probe]] = []

    def lasts(probe: Probe) -> float:
        return random.uniform(0.01, 1.5)

    def meddle(probe: Probe, now: float) -> None:
        schedule.mark(probe.camera_id, troubled=random.random() < 0.3)
        if random.random() < 0.2:
            schedule.burst(probe.camera_id, probe.probe_id, now)
        if random.random() < 0.1:
            schedule.check_now(f"c{random.randrange(cameras)}", str(now), now)

    for at, probe in run(schedule, 900, lasts, meddle):
        assert at >= probe.due
        ends.append((at, probe))
    assert schedule.running <= sum(caps)
    last = {p.camera_id: at for at, p in ends}
    assert set(last) == {f"c{i}" for i in range(cameras)}
    assert min(last.values()) > 900 - 180
    assert all(len(p.probe_id) < 60 for _, p in ends)
    assert {p.rank for _, p in ends} <= set(Rank)
