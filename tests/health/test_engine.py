"""The service loop over a real database, in virtual time, with cameras whose behaviour is written down."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from camera_gateway.media.encode import encode_jpeg
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Grant, Permission, Scope
from health import evidence_store, state_store
from health.difference import compare
from health.engine import EngineSettings
from health.evidence_store import EvidenceKind
from health.observation import Tier
from health.schedule import ScheduleSettings
from health.state import Aspect, State
from health.status_store import camera_status
from health.uplink import OwnNetwork
from registry.audit_store import page as audit_page
from registry.camera_store import change_camera, get_camera
from registry.database import Database
from registry.lifecycle import Lifecycle
from registry.window import Window, WindowKind
from registry.window_store import add_window
from tests.health.conftest import District, build_district
from tests.support.health_rig import Rig

SYSTEM = Scope.system("test")


@pytest.fixture
def db_kind() -> str:
    return "sqlite"


@pytest.fixture
async def rig(db: Database, clock: ManualClock, tmp_path: Path, district: District) -> AsyncIterator[Rig]:
    made = Rig(db, clock, tmp_path / "pictures")
    await made.start()
    yield made
    await made.stop()


def state_of(rig: Rig, camera_id: str) -> State:
    state = rig.sink.state(camera_id)
    assert state is not None
    return state.state


async def test_it_tells_how_long_checking_has_stood_still(db: Database, clock: ManualClock, tmp_path: Path) -> None:
    district = await build_district(db)
    rig = Rig(db, clock, tmp_path / "pictures", engine=EngineSettings(under_way=1))
    async with rig.running():
        await rig.pass_time(300)
        assert rig.engine.behind() < 10
        for camera in district.all:
            rig.script.lasts[camera] = 10_000.0
        await rig.pass_time(600)  # the one place is taken by a camera that never answers
        assert rig.engine.behind() > 200
    assert rig.engine.behind() == 0.0


async def test_every_camera_becomes_ok_within_one_interval(rig: Rig, district: District) -> None:
    await rig.pass_time(300)
    assert {state_of(rig, c) for c in district.all} == {State.OK}
    assert rig.scheduler.freshness(Tier.PICTURE).share == 1.0


async def test_a_fault_is_confirmed_by_its_burst_long_before_the_next_slot(rig: Rig, district: District) -> None:
    camera = district.a[0]
    await rig.pass_time(300)
    rig.script.cause[camera] = "covered"
    await rig.until_true_in_time(lambda: any(o.camera_id == camera and o.cause for o, _ in rig.seen))
    first = next(o for o, _ in rig.seen if o.camera_id == camera and o.cause)
    await rig.pass_time(90)
    status = await camera_status(SYSTEM, rig.db, camera, rig.states)
    assert (status.state, status.cause, status.since) == (State.FAULT, "covered", first.at)
    rig.script.cause[camera] = ""
    await rig.pass_time(400)
    assert state_of(rig, camera) is State.OK


async def test_evidence_of_both_sides_is_kept_and_goes_after_its_days(
    rig: Rig, district: District, clock: ManualClock
) -> None:
    camera = district.a[0]
    await rig.pass_time(310)
    good = rig.files.good(camera)
    rig.script.cause[camera] = "black"
    await rig.pass_time(420)
    first = next(o for o, _ in rig.seen if o.camera_id == camera and o.cause == "black")
    async with rig.db.read() as tx:
        kept = {e.kind: e for e in await evidence_store.of_camera(SYSTEM, tx, camera)}
    assert set(kept) == {EvidenceKind.LAST_GOOD, EvidenceKind.FIRST_BAD}  # these are no pictures to compare
    assert rig.files.evidence(kept[EvidenceKind.FIRST_BAD].id) == f"drawn {first.at.isoformat()}".encode()
    assert rig.files.evidence(kept[EvidenceKind.LAST_GOOD].id) is not None
    assert good is not None
    assert kept[EvidenceKind.LAST_GOOD].taken_at < first.at == kept[EvidenceKind.FIRST_BAD].taken_at
    rig.script.cause[camera] = ""
    await rig.pass_time(420)
    await rig.stop()
    assert (await rig.until(rig.cleaning.run_once())).evidence == 0
    await clock.advance(31 * 86400)
    done = await rig.until(rig.cleaning.run_once())
    assert done.evidence == 2
    assert done.checks > 0
    assert done.feed > 0
    assert rig.files.evidence(kept[EvidenceKind.FIRST_BAD].id) is None
    async with rig.db.read() as tx:
        run = (await audit_page(SYSTEM, tx, act="health.clean"))[0]
    assert json.loads(run.details) == asdict(done)


async def test_what_differs_is_filed_beside_both_sides(rig: Rig, district: District, clock: ManualClock) -> None:
    camera = district.a[0]
    good, bad = (encode_jpeg(np.full((180, 320), level, np.uint8)) for level in (40, 200))
    rig.script.stills[camera] = good, bad
    await rig.pass_time(310)
    rig.script.cause[camera] = "covered"
    await rig.pass_time(420)
    async with rig.db.read() as tx:
        kept = {e.kind: e for e in await evidence_store.of_camera(SYSTEM, tx, camera)}
    assert set(kept) == set(EvidenceKind)
    differs = compare(good, bad)
    assert differs is not None
    assert differs.blocks.all()
    assert rig.files.evidence(kept[EvidenceKind.DIFFERENCE].id) == differs.jpeg
    assert kept[EvidenceKind.DIFFERENCE].taken_at == kept[EvidenceKind.FIRST_BAD].taken_at
    assert rig.files.plain(camera) == bad
    rig.script.cause[camera] = ""
    await rig.pass_time(420)
    assert rig.files.plain(camera) is None


async def test_a_restart_goes_on_where_it_was(
    db: Database, clock: ManualClock, tmp_path: Path, district: District
) -> None:
    camera = district.a[0]
    first = Rig(db, clock, tmp_path / "p")
    async with first.running():
        await first.pass_time(300)
        first.script.cause[camera] = "moved"
        await first.until_true_in_time(lambda: any(o.camera_id == camera and o.cause for o, _ in first.seen))
        before = first.sink.known(camera)
    began = next(o.at for o, _ in first.seen if o.camera_id == camera and o.cause)
    await clock.advance(20)
    second = Rig(db, clock, tmp_path / "p")
    second.script.cause[camera] = "moved"
    async with second.running():
        assert before is not None
        await second.pass_time(90)
        state = second.sink.state(camera)
        assert state is not None
        assert (state.state, state.since) == (State.FAULT, began)
        assert second.script.began[0][0] == camera  # in trouble, so looked at first
        assert {state_of(second, c) for c in district.all if c != camera} == {State.OK}


async def test_a_long_stop_is_unknown_not_up(
    db: Database, clock: ManualClock, tmp_path: Path, district: District
) -> None:
    first = Rig(db, clock, tmp_path / "p")
    async with first.running():
        await first.pass_time(300)
    stopped = clock.now()
    await clock.advance(7200)
    second = Rig(db, clock, tmp_path / "p")
    async with second.running():
        await second.pass_time(300)
    async with db.read() as tx:
        for camera in district.all:
            parts = await state_store.intervals_of(SYSTEM, tx, camera, Aspect.STATE, stopped, clock.now())
            gap = next(p for p in parts if p.value == "unknown")
            assert gap.start <= stopped
            assert gap.end is not None
            assert gap.end >= stopped + timedelta(seconds=7200)


async def test_cameras_that_hang_do_not_delay_the_healthy_ones(
    db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    big = await build_district(db, each=7)
    rules = ScheduleSettings(liveness_seconds=60, picture_seconds=60, healthy_at_once=4, troubled_at_once=2)
    rig = Rig(db, clock, tmp_path / "p", schedule=rules)
    hanging = [*big.a[:2], *big.b[:2]]
    for camera in hanging:
        rig.script.cause[camera], rig.script.lasts[camera] = "timeout", 20.0
    async with rig.running():
        await rig.pass_time(180, step=5.0)
        before = {c: rig.script.pictures(c) for c in big.all}
        await rig.pass_time(240, step=5.0)
        healthy = [rig.script.pictures(c) - before[c] for c in big.all if c not in hanging]
        assert min(healthy) >= 4
        assert {state_of(rig, c) for c in hanging} == {State.OFFLINE}
        assert {state_of(rig, c) for c in big.all if c not in hanging} == {State.OK}


async def test_our_own_broken_uplink_marks_no_camera_offline(rig: Rig, district: District) -> None:
    await rig.pass_time(300)
    for camera in district.all:
        rig.script.cause[camera] = "timeout"
    rig.network = OwnNetwork(frozenset(), frozenset())
    await rig.pass_time(400)
    assert State.OFFLINE not in {o.state.state for _, o in rig.seen}
    assert {state_of(rig, c) for c in district.all} == {State.UNKNOWN}
    status = await camera_status(SYSTEM, rig.db, district.a[0], rig.states)
    assert status.last_liveness is not None
    assert status.cause in ("own_uplink", "not_watched")
    assert "eth0 is down" in str(rig.uplink.broken)


async def test_without_evidence_of_our_own_the_cameras_are_believed(rig: Rig, district: District) -> None:
    await rig.pass_time(300)
    for camera in district.all:
        rig.script.cause[camera] = "timeout"
    await rig.pass_time(400)
    assert {state_of(rig, c) for c in district.all} == {State.OFFLINE}


async def test_check_now_is_for_whoever_may_and_answers_with_the_sample(
    rig: Rig, district: District, clock: ManualClock
) -> None:
    camera, foreign = district.a[0], district.b[0]
    may = Scope.of("p", [Grant(frozenset({Permission.CHECK}), area_id=district.area_a)], clock.now())
    seen, outcome = await rig.until(rig.engine.check_now(may, camera))
    assert seen.probe_id.startswith("command/")
    assert outcome.state.state is State.OK
    reader = Scope.of("p", [Grant(frozenset({Permission.READ}), area_id=district.area_a)], clock.now())
    for scope, asked in ((may, foreign), (may, "nothing"), (reader, camera)):
        with pytest.raises(XueliangError) as raised:
            await rig.until(rig.engine.check_now(scope, asked))
        assert raised.value.kind is Kind.NOT_FOUND


async def test_an_error_of_one_camera_stays_with_it(
    rig: Rig, district: District, caplog: pytest.LogCaptureFixture
) -> None:
    rig.script.raises[district.a[0]] = ZeroDivisionError("a defect of ours")
    rig.script.raises[district.a[1]] = XueliangError(Kind.UNAVAILABLE, "the vault is shut")
    await rig.pass_time(320)
    others = [c for c in district.all if c not in rig.script.raises]
    assert {state_of(rig, c) for c in others} == {State.OK}
    assert {state_of(rig, c) for c in rig.script.raises} == {State.UNKNOWN}
    assert rig.engine.counts["failed_internally"] > 2
    assert "a defect of ours" in caplog.text
    with pytest.raises(XueliangError) as raised:
        await rig.until(rig.engine.check_now(SYSTEM, district.a[0]))
    assert raised.value.kind is Kind.UNAVAILABLE


async def test_cameras_come_and_go_while_it_runs(rig: Rig, district: District, clock: ManualClock) -> None:
    await rig.pass_time(300)
    left = district.a[0]
    async with rig.db.write() as tx:
        camera = await get_camera(SYSTEM, tx, left)
        await change_camera(SYSTEM, tx, left, camera.version, lifecycle=Lifecycle.REMOVED)
    more = await build_district(rig.db, each=1)
    await rig.pass_time(5)
    count = rig.script.pictures(left)
    await rig.pass_time(600)
    assert rig.script.pictures(left) == count
    assert {state_of(rig, c) for c in more.all} == {State.OK}


async def test_an_approved_maintenance_window_lies_over_the_state(
    rig: Rig, district: District, clock: ManualClock
) -> None:
    camera = district.a[0]
    await rig.pass_time(300)
    start = clock.now() + timedelta(seconds=60)
    for approved, target in (("lead", camera), (None, district.a[1])):
        window = Window(
            new_id(),
            WindowKind.MAINTENANCE,
            "lens cleaning",
            district.area_a,
            start,
            start + timedelta(seconds=600),
            camera_id=target,
            approved_by=approved,
        )
        async with rig.db.write() as tx:
            await add_window(SYSTEM, tx, window)
    await rig.pass_time(90)
    assert state_of(rig, camera) is State.MAINTENANCE
    assert state_of(rig, district.a[1]) is State.OK
    count = rig.script.pictures(camera)
    await rig.pass_time(600)
    assert rig.script.pictures(camera) > count
    assert state_of(rig, camera) is State.OK


async def test_stopping_lets_what_runs_finish_and_cuts_what_hangs(
    db: Database, clock: ManualClock, tmp_path: Path, district: District
) -> None:
    rules = ScheduleSettings(liveness_seconds=3600, picture_seconds=20)
    rig = Rig(db, clock, tmp_path / "p", schedule=rules, engine=EngineSettings(stop_seconds=10))
    quick, stuck = district.a[0], district.a[1]
    await rig.start()
    await rig.pass_time(40)
    rig.script.lasts[quick], rig.script.lasts[stuck] = 5.0, 500.0
    await rig.until_true_in_time(lambda: rig.script.sleeping == 2)
    before = len([1 for o, _ in rig.seen if o.camera_id == quick])
    await rig.stop()
    assert len([1 for o, _ in rig.seen if o.camera_id == quick]) == before + 1
    assert rig.engine.under_way == 0
    async with db.read() as tx:
        stored = await state_store.load_all(SYSTEM, tx)
    assert stored[quick] == rig.sink.known(quick)
