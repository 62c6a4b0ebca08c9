"""States, changes, intervals and checks on the disk, over both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import pytest

from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Grant, Permission, Scope
from health import check_store, evidence_store, state_store
from health.availability import online_rate
from health.evidence_store import Evidence, EvidenceKind
from health.observation import Delays, Layer, Link, Measure, Observation, Picture, Tier
from health.ports import Outcome
from health.sink import EmbeddedSink, SinkSettings
from health.state import Aspect, State, StateSettings
from health.status_store import camera_status, count_states, list_status
from registry import change_feed_store
from registry.database import Database
from tests.health.conftest import District

SYSTEM = Scope.system("test")
T = TypeVar("T")
STATES = StateSettings()


def in_area(area_id: str, *permissions: Permission) -> Scope:
    held = frozenset(permissions or (Permission.READ,))
    return Scope.of("somebody", [Grant(held, area_id=area_id)], datetime.now(UTC))


class Bench:
    """A sink whose group commits are awaited by moving the clock."""

    def __init__(self, db: Database, clock: ManualClock) -> None:
        self.db, self.clock = db, clock
        self.sink = EmbeddedSink(db, clock, SinkSettings(STATES))

    async def done(self, work: asyncio.Task[T]) -> T:
        while not work.done():
            await self.clock.advance(0.0)
            await self.db.batch.flush()
        return await work

    async def see(self, seen: Observation) -> Outcome:
        return await self.done(asyncio.ensure_future(self.sink.submit(seen)))

    def picture(self, camera_id: str, probe_id: str, picture: Picture, cause: str = "") -> Observation:
        return Observation(
            camera_id,
            probe_id,
            Tier.PICTURE,
            self.clock.now(),
            Link.UP,
            Layer.PICTURE,
            picture,
            cause,
            delays=Delays(120.0, 10.5, 40.0),
            measures=(Measure("lost", 0.4, 0.3, "covered", "bad"),),
        )

    def down(self, camera_id: str, probe_id: str, cause: str = "timeout") -> Observation:
        return Observation(camera_id, probe_id, Tier.LIVENESS, self.clock.now(), Link.DOWN, Layer.STREAM, cause=cause)


@pytest.fixture
async def bench(db: Database, clock: ManualClock, district: District) -> Bench:
    made = Bench(db, clock)
    await made.sink.load()
    await made.sink.watch(district.all)
    return made


async def test_a_fault_is_stored_with_its_true_start_its_interval_and_its_feed_row(
    bench: Bench, district: District, clock: ManualClock
) -> None:
    camera = district.a[0]
    await bench.see(bench.picture(camera, "picture/1", Picture.GOOD))
    began = clock.now() + timedelta(seconds=30)
    for n in range(3):
        await clock.advance(30)
        await bench.see(bench.picture(camera, f"burst/picture/1/{n}", Picture.BAD, "covered"))
    async with bench.db.read() as tx:
        changes = [c for _, c in await state_store.changes_of(SYSTEM, tx, camera) if c.aspect is Aspect.STATE]
        end = clock.now() + timedelta(hours=1)
        parts = await state_store.intervals_of(SYSTEM, tx, camera, Aspect.STATE, began - timedelta(hours=1), end)
        feed = await change_feed_store.after(SYSTEM, tx, 0)
    assert [(c.old, c.new, c.cause) for c in changes] == [("unknown", "ok", ""), ("ok", "fault", "covered")]
    assert (changes[1].since, changes[1].at) == (began, clock.now())
    assert [(p.value, p.start) for p in parts[-1:]] == [("fault", began)]
    assert parts[-2].end == began
    told = [c.payload for c in feed.changes if c.kind == "state" and c.object_id == camera]
    assert [(p["state"], p["cause"], p["since"]) for p in told][-1] == ("fault", "covered", began.isoformat())


async def test_a_look_that_rests_on_another_is_told_after_it(bench: Bench, district: District) -> None:
    camera = district.a[0]
    up = Observation(camera, "liveness/1", Tier.LIVENESS, bench.clock.now(), Link.UP, Layer.DEVICE)
    first = asyncio.ensure_future(bench.sink.submit(bench.picture(camera, "picture/1", Picture.GOOD)))
    second = asyncio.ensure_future(bench.sink.submit(up))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not first.done()
    assert not second.done(), "its state is ok, and on the disk it is not"
    assert (await bench.done(second)).state.state is State.OK
    async with bench.db.read() as tx:
        assert (await count_states(SYSTEM, tx))[State.OK] == 1
    await bench.done(first)


async def test_everything_survives_a_restart(bench: Bench, district: District, clock: ManualClock) -> None:
    camera = district.a[0]
    await bench.see(bench.picture(camera, "picture/1", Picture.GOOD))
    await clock.advance(30)
    first_bad = clock.now()
    await bench.see(bench.picture(camera, "picture/2", Picture.BAD, "covered"))
    await clock.advance(30)
    await bench.see(bench.picture(camera, "picture/3", Picture.BAD, "covered"))
    before = bench.sink.known(camera)
    again = Bench(bench.db, clock)
    await again.sink.load()
    assert again.sink.known(camera) == before
    await clock.advance(30)
    outcome = await again.see(again.picture(camera, "picture/4", Picture.BAD, "covered"))
    assert (outcome.state.state, outcome.state.since) == (State.FAULT, first_bad)


async def test_the_same_observation_twice_counts_once_also_after_a_restart(
    bench: Bench, district: District, clock: ManualClock
) -> None:
    camera = district.a[0]
    seen = bench.picture(camera, "picture/1", Picture.BAD, "covered")
    assert (await bench.see(seen)).accepted
    assert not (await bench.see(seen)).accepted
    again = Bench(bench.db, clock)
    await again.sink.load()
    outcome = await again.see(seen)
    assert not outcome.accepted
    assert len(outcome.state.picture.window) == 1
    async with bench.db.read() as tx:
        assert len(await check_store.latest(SYSTEM, tx, camera)) == 1


async def test_liveness_writes_changes_and_counters_never_a_row_a_check(
    bench: Bench, district: District, clock: ManualClock
) -> None:
    camera = district.a[0]
    for n in range(20):
        await clock.advance(60)
        up = Observation(camera, f"liveness/{n}", Tier.LIVENESS, clock.now(), Link.UP, Layer.DEVICE)
        await bench.see(up)
    await bench.done(asyncio.ensure_future(bench.sink.flush()))
    async with bench.db.read() as tx:
        assert await check_store.latest(SYSTEM, tx, camera) == []
        assert [c.new for _, c in await state_store.changes_of(SYSTEM, tx, camera)] == ["up"]
        assert (await state_store.load_all(SYSTEM, tx))[camera].checks == 20


async def test_status_says_all_and_turns_unknown_when_nobody_looks(
    bench: Bench, district: District, clock: ManualClock
) -> None:
    camera = district.a[0]
    await bench.see(bench.picture(camera, "picture/1", Picture.GOOD))
    bench.sink.plan_next(camera, 42.0)
    await clock.advance(20)
    await bench.done(asyncio.ensure_future(bench.sink.flush()))
    status = await camera_status(SYSTEM, bench.db, "camera 127.0.1.1", STATES)
    assert (status.camera_id, status.state, status.layer, status.age) == (camera, State.OK, Layer.PICTURE, 20.0)
    shown = status.as_dict()
    assert shown["last_picture"]["delays"] == {"signalling": 120.0, "stream": 10.5, "keyframe": 40.0}
    assert shown["last_picture"]["measures"][0]["threshold"] == 0.3
    assert shown["layer"] == "picture"
    await clock.advance(86400)
    status = await camera_status(SYSTEM, bench.db, camera, STATES)
    assert (status.state, status.cause, status.age) == (State.UNKNOWN, "not_watched", 86420.0)


async def test_a_foreign_camera_does_not_exist(bench: Bench, district: District, clock: ManualClock) -> None:
    for camera in district.all:
        await bench.see(bench.picture(camera, "picture/1", Picture.GOOD))
    mine = in_area(district.area_a, Permission.READ, Permission.EVIDENCE)
    foreign = district.b[0]
    async with bench.db.write() as tx:
        item = Evidence(new_id(), foreign, EvidenceKind.FIRST_BAD, "covered", clock.now(), clock.now(), 10)
        await evidence_store.add(SYSTEM, tx, item)
    assert [s.camera_id for s in await list_status(mine, bench.db, STATES)] == sorted(district.a)
    assert len(await list_status(SYSTEM, bench.db, STATES)) == 6
    async with bench.db.read() as tx:
        assert (await count_states(mine, tx))[State.OK] == 3
        assert set(await state_store.load_all(mine, tx)) == set(district.a)
        assert await evidence_store.of_camera(mine, tx, foreign) == []
        assert await evidence_store.of_camera(in_area(district.area_b), tx, foreign) == []  # read is not evidence
        now = clock.now()
        for refused in (
            camera_status(mine, bench.db, foreign, STATES),
            state_store.changes_of(mine, tx, foreign),
            state_store.intervals_of(mine, tx, foreign, Aspect.LINK, now, now),
            check_store.latest(mine, tx, foreign),
            evidence_store.get(mine, tx, item.id),
        ):
            with pytest.raises(XueliangError) as raised:
                await refused
            assert raised.value.kind is Kind.NOT_FOUND
    for forbidden in (state_store.forget(mine, tx, now), check_store.forget(mine, tx, now.date())):
        with pytest.raises(XueliangError) as raised:
            await forbidden
        assert raised.value.kind is Kind.FORBIDDEN


async def test_availability_from_stored_intervals(bench: Bench, district: District, clock: ManualClock) -> None:
    camera, start = district.a[0], clock.now()
    await bench.see(bench.picture(camera, "p0", Picture.GOOD))
    for n in range(1, 60):
        await clock.advance(60)
        down = 20 <= n < 40
        up = Observation(camera, f"l{n}", Tier.LIVENESS, clock.now(), Link.UP, Layer.STREAM)
        await bench.see(bench.down(camera, f"l{n}") if down else up)
    async with bench.db.read() as tx:
        parts = await state_store.intervals_of(SYSTEM, tx, camera, Aspect.LINK, start, clock.now())
    hour = online_rate(parts, start, start + timedelta(minutes=59))
    assert (hour.counted, hour.known) == (39 * 60, 59 * 60)


async def test_old_rows_go_in_whole_days_and_bounded_parts(
    bench: Bench, district: District, clock: ManualClock
) -> None:
    camera = district.a[0]
    for n in range(5):
        await bench.see(bench.picture(camera, f"p{n}", Picture.GOOD))
        await clock.advance(86400)
    today = check_store.oldest_kept(clock.now(), 2, UTC)
    assert today == date(2026, 1, 4)
    gone = []
    for _ in range(4):
        async with bench.db.write() as tx:
            gone.append(await check_store.forget(SYSTEM, tx, today))
    assert gone == [1, 1, 1, 0]
    async with bench.db.write() as tx:
        assert await state_store.forget(SYSTEM, tx, clock.now(), limit=5) == 10
        assert [
            i.value
            for i in await state_store.intervals_of(
                SYSTEM, tx, camera, Aspect.STATE, clock.now(), clock.now() + timedelta(1)
            )
        ] == ["ok"]


async def test_what_the_disk_refused_is_owed(
    bench: Bench, district: District, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = district.a[0]
    real = state_store.save_moved

    async def full(*_: object) -> None:
        raise XueliangError(Kind.UNAVAILABLE, "disk full")

    monkeypatch.setattr(state_store, "save_moved", full)
    with pytest.raises(XueliangError):
        await bench.see(bench.picture(camera, "p1", Picture.GOOD))
    state = bench.sink.state(camera)
    assert state is not None
    assert state.state is State.OK
    monkeypatch.setattr(state_store, "save_moved", real)
    await bench.done(asyncio.ensure_future(bench.sink.flush()))
    async with bench.db.read() as tx:
        changes = [c for _, c in await state_store.changes_of(SYSTEM, tx, camera)]
    assert [c.new for c in changes if c.aspect is Aspect.STATE] == ["ok"]
    late = await bench.see(bench.picture(camera, "p2", Picture.GOOD))
    assert [c.new for c in late.changes if c.aspect is Aspect.STATE] == ["ok"], "told once it is written"
    assert (await bench.see(bench.picture(camera, "p3", Picture.GOOD))).changes == ()


async def test_evidence_is_closed_and_then_expires(bench: Bench, district: District, clock: ManualClock) -> None:
    camera, ids = district.a[0], []
    async with bench.db.write() as tx:
        for _ in range(5):
            item = Evidence(new_id(), camera, EvidenceKind.FIRST_BAD, "covered", clock.now(), clock.now(), 9)
            await evidence_store.add(SYSTEM, tx, item)
            ids.append(item.id)
        assert sorted(await evidence_store.surplus(SYSTEM, tx, camera, 3)) == sorted(ids[:2])
        later = clock.now() + timedelta(days=40)
        assert await evidence_store.expired(SYSTEM, tx, later) == []
        await evidence_store.close(SYSTEM, tx, camera, clock.now())
        assert await evidence_store.expired(SYSTEM, tx, later) == sorted(ids)
        await evidence_store.remove(SYSTEM, tx, ids[:4])
        assert [e.id for e in await evidence_store.of_camera(SYSTEM, tx, camera)] == ids[4:]
