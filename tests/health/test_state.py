"""The state of one camera: confirmation, true start, recovery, and what must never happen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from health import confirm
from health.confirm import TRANSITIONS, ConfirmSettings, Event, Standing
from health.observation import Layer, Link, Observation, Picture, Tier
from health.state import (
    DERIVED,
    Aspect,
    CameraState,
    Change,
    State,
    StateSettings,
    advance,
    begin,
    expire,
    set_maintenance,
    wants_burst,
)

T0 = datetime(2026, 3, 1, 8, tzinfo=UTC)
S = StateSettings()


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def good(seconds: float) -> Observation:
    return Observation("c", f"p{seconds}", Tier.PICTURE, at(seconds), Link.UP, Layer.PICTURE, Picture.GOOD)


def bad(seconds: float, cause: str = "covered") -> Observation:
    return Observation("c", f"p{seconds}", Tier.PICTURE, at(seconds), Link.UP, Layer.PICTURE, Picture.BAD, cause)


def doubtful(seconds: float, cause: str = "glare") -> Observation:
    o = Picture.CANNOT_JUDGE
    return Observation("c", f"p{seconds}", Tier.PICTURE, at(seconds), Link.UP, Layer.PICTURE, o, cause)


def down(seconds: float, cause: str = "timeout", layer: Layer = Layer.STREAM) -> Observation:
    return Observation("c", f"p{seconds}", Tier.LIVENESS, at(seconds), Link.DOWN, layer, None, cause)


def up(seconds: float, layer: Layer = Layer.STREAM) -> Observation:
    return Observation("c", f"l{seconds}", Tier.LIVENESS, at(seconds), Link.UP, layer)


def play(*observations: Observation, settings: StateSettings = S) -> tuple[CameraState, list[Change]]:
    state, changes = begin("c", T0), []
    for observation in observations:
        state, new = advance(state, observation, settings)
        changes += [c for c in new if c.aspect is Aspect.STATE]
    return state, changes


def test_tables_are_total() -> None:
    assert set(DERIVED) == {(link, picture) for link in Link for picture in Picture}
    assert set(TRANSITIONS) == {(standing, event) for standing in Standing for event in Event}


def test_first_good_picture_makes_a_camera_ok() -> None:
    state, changes = play(good(10))
    assert (state.state, state.since) == (State.OK, at(10))
    assert [(c.old, c.new) for c in changes] == [("unknown", "ok")]
    assert state.rests_on(at(20), S) is Layer.PICTURE


def test_liveness_alone_never_makes_a_camera_ok() -> None:
    state, _ = play(up(0, Layer.DEVICE), up(60, Layer.DEVICE))
    assert (state.link_value, state.state) == (Link.UP, State.UNKNOWN)
    assert state.rests_on(at(60), S) is Layer.DEVICE


def test_three_bad_samples_are_a_fault_from_the_first_on() -> None:
    state, changes = play(good(0), bad(30), bad(60))
    assert state.state is State.OK
    assert wants_burst(state, bad(60))
    state, changes = play(good(0), bad(30), bad(60), bad(90))
    assert (state.state, state.cause, state.since) == (State.FAULT, "covered", at(30))
    assert (changes[-1].since, changes[-1].at) == (at(30), at(90))


def test_three_of_four_bridge_one_good_sample() -> None:
    state, _ = play(good(0), bad(30), good(60), bad(90), bad(120))
    assert (state.state, state.since) == (State.FAULT, at(30))


def test_one_bad_sample_is_forgotten() -> None:
    state, changes = play(good(0), bad(30), good(60), good(90), good(120), good(150))
    assert state.state is State.OK
    assert len(changes) == 1
    assert not state.picture.window
    assert not state.suspicious


def test_old_suspicions_do_not_add_up() -> None:
    state, _ = play(good(0), bad(1000), *(doubtful(t) for t in range(1500, 12000, 500)), bad(12000), bad(12030))
    assert state.state is not State.FAULT


def test_no_signal_needs_one_look() -> None:
    state, _ = play(good(0), bad(30, "no_signal"))
    assert (state.state, state.cause) == (State.FAULT, "no_signal")


def test_the_cause_is_what_most_samples_say() -> None:
    state, _ = play(good(0), bad(30, "black"), bad(60), bad(90))
    assert state.cause == "covered"


def test_recovery_has_its_own_count_and_true_end() -> None:
    state, changes = play(bad(0), bad(30), bad(60), good(90))
    assert state.state is State.FAULT
    assert wants_burst(state, good(90))
    state, changes = play(bad(0), bad(30), bad(60), good(90), good(120))
    assert (state.state, state.since) == (State.OK, at(90))
    assert changes[-1].since == at(90)


def test_a_bad_sample_breaks_a_recovery() -> None:
    state, _ = play(bad(0), bad(30), bad(60), good(90), bad(120), good(150))
    assert state.state is State.FAULT


def test_a_fault_of_another_class_keeps_its_beginning_and_changes_its_cause() -> None:
    state, changes = play(bad(0), bad(30), bad(60), bad(90, "moved"), bad(120, "moved"), bad(150, "moved"))
    assert (state.state, state.cause, state.since) == (State.FAULT, "moved", at(0))
    assert (changes[-1].old, changes[-1].new, changes[-1].cause) == ("fault", "fault", "moved")


def test_cannot_judge_never_resolves() -> None:
    state, _ = play(bad(0), bad(30), bad(60), *(doubtful(t) for t in range(90, 3000, 30)))
    assert (state.state, state.cause) == (State.FAULT, "covered")


def test_cannot_judge_is_shown_after_enough_samples() -> None:
    state, _ = play(good(0), doubtful(30), doubtful(60))
    assert state.state is State.OK
    state, _ = play(good(0), doubtful(30), doubtful(60), doubtful(90))
    assert (state.state, state.cause, state.since) == (State.CANNOT_JUDGE, "glare", at(30))
    state, _ = play(good(0), doubtful(30), doubtful(60), doubtful(90), good(120))
    assert (state.state, state.since) == (State.OK, at(120))


def test_cannot_judge_leaves_a_run_as_it_is() -> None:
    state, _ = play(good(0), bad(30), doubtful(60), bad(90), doubtful(120), bad(150))
    assert (state.state, state.since) == (State.FAULT, at(30))


def test_offline_hides_the_picture_and_keeps_its_fault() -> None:
    run = [bad(0), bad(30), bad(60), down(90), down(120), down(150)]
    state, _ = play(*run)
    assert (state.state, state.cause, state.since) == (State.OFFLINE, "timeout", at(90))
    state, _ = play(*run, up(180), up(210))
    assert (state.state, state.cause) == (State.FAULT, "covered")
    state, _ = play(*run, good(180), good(210))
    assert state.state is State.OK


def test_a_healthy_picture_is_unknown_once_the_link_is_down() -> None:
    state, _ = play(good(0), down(30), down(60), down(90), up(120), up(150))
    assert (state.link_value, state.state) == (Link.UP, State.UNKNOWN)


def test_a_device_that_answers_proves_nothing_about_its_channel() -> None:
    run = [good(0), down(30, "no_stream"), down(60, "no_stream"), down(90, "no_stream")]
    state, _ = play(*run, *(up(t, Layer.DEVICE) for t in range(120, 600, 30)))
    assert (state.state, state.cause) == (State.OFFLINE, "no_stream")
    assert wants_burst(state, up(600, Layer.DEVICE))
    state, _ = play(*run, up(120, Layer.DEVICE), good(130), good(140))
    assert state.state is State.OK


def test_a_described_stream_does_not_heal_a_missing_keyframe() -> None:
    def lost(t: float) -> Observation:
        return down(t, "no_keyframe", Layer.PICTURE)

    state, _ = play(good(0), lost(60), up(90), lost(120), up(150), lost(180), up(210), up(240))
    assert (state.state, state.cause, state.since) == (State.OFFLINE, "no_keyframe", at(60))


def test_a_refused_password_and_the_holding_back_after_it_are_one_story() -> None:
    state, _ = play(good(0), down(30, "auth"), down(60, "locked"), down(90, "locked"), down(120, "locked"))
    assert (state.state, state.cause, state.since) == (State.OFFLINE, "auth", at(30))


def test_a_gap_is_unknown_from_the_last_sample_on() -> None:
    state, changes = play(good(0), good(100), good(100 + 36000))
    unknown = changes[1]
    assert (unknown.new, unknown.cause, unknown.since) == ("unknown", "not_watched", at(100))
    assert (changes[2].new, changes[2].since) == ("ok", at(36100))
    assert state.state is State.OK


def test_after_a_gap_one_bad_sample_confirms_a_known_fault_and_one_good_does_not_resolve_it() -> None:
    fault = [bad(0), bad(30), bad(60)]
    state, _ = play(*fault, bad(36000))
    assert (state.state, state.since) == (State.FAULT, at(36000))
    state, _ = play(*fault, good(36000))
    assert state.state is State.UNKNOWN
    assert wants_burst(state, good(36000))
    state, _ = play(*fault, good(36000), good(36030))
    assert (state.state, state.since) == (State.OK, at(36000))


def test_our_own_uplink_makes_everything_unknown_at_once_and_no_evidence() -> None:
    ours = Observation("c", "p", Tier.LIVENESS, at(90), Link.UNKNOWN, Layer.NONE, None, "own_uplink")
    state, changes = play(good(0), down(30), down(60), ours)
    assert (state.state, state.cause, state.since) == (State.UNKNOWN, "own_uplink", at(30))
    state, changes = play(good(0), down(30), down(60), ours, down(120), down(150))
    assert State.OFFLINE not in [c.new for c in changes]
    state, _ = play(good(0), down(30), ours, good(120))
    assert state.state is State.OK


def test_maintenance_lies_over_the_state_and_checks_go_on() -> None:
    state, _ = play(good(0))
    state, changes = set_maintenance(state, True, at(60))
    assert (state.state, state.since) == (State.MAINTENANCE, at(60))
    for t in (90, 120, 150):
        state, changes = advance(state, bad(t), S)
    assert state.state is State.MAINTENANCE
    assert state.underlying is State.FAULT
    assert [c.aspect for c in changes] == [Aspect.PICTURE]
    state, changes = set_maintenance(state, False, at(600))
    assert (state.state, state.since) == (State.FAULT, at(600))


def test_a_wall_clock_that_was_set_back_freezes_nothing() -> None:
    state, _ = play(good(86400 * 365), bad(0), bad(30), bad(60))
    assert state.state is State.FAULT
    assert state.since <= at(60)


@pytest.mark.parametrize(("k", "n"), [(1, 1), (2, 2), (2, 4), (3, 4), (3, 5)])
def test_confirmation_takes_k_samples(k: int, n: int) -> None:
    fast = StateSettings(picture=ConfirmSettings(confirm=k, window=n))
    for count in range(k + 1):
        state, _ = play(good(0), *(bad(30 * (i + 1)) for i in range(count)), settings=fast)
        assert (state.state is State.FAULT) == (count >= k)


CAUSES = ("black", "covered", "moved")


@given(st.lists(st.sampled_from(["good", "doubt", *CAUSES]), max_size=30), st.integers(1, 4), st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_a_fault_always_has_its_k_samples(kinds: list[str], k: int, extra: int) -> None:
    rules = ConfirmSettings(confirm=k, window=k + extra)
    track, samples = confirm.begin(T0), []
    for i, kind in enumerate(kinds):
        moment = at(i)
        before = track
        if kind == "doubt":
            track = confirm.doubt(track, moment, "glare", rules)
        else:
            track = confirm.judged(track, moment, bad=kind != "good", cause=kind, settings=rules)
            samples.append((moment, kind))
        if track.standing is Standing.BAD and before.standing is not Standing.BAD:
            recent = samples[-rules.window :]
            bads = [m for m, x in recent if x != "good"]
            assert len(bads) >= k
            assert track.since >= bads[0]
            assert track.since in {m for m, _ in samples} | {before.since}
        if before.proved is Standing.BAD and track.proved is Standing.GOOD:
            assert [x for _, x in samples[-rules.recover :]] == ["good"] * rules.recover


class OneCamera(RuleBasedStateMachine):
    """Any order of checks, gaps, restarts and maintenance."""

    def __init__(self) -> None:
        super().__init__()
        self.t = 0.0
        self.state = begin("c", T0)
        self.changes: list[Change] = []
        self.goods: list[datetime] = []
        self.since_fault: list[str] = []

    def see(self, observation: Observation) -> None:
        before = self.state
        self.state, changes = advance(before, observation, S)
        self.changes += changes
        new = [c.new for c in changes if c.aspect is Aspect.STATE]
        if State.OK in new:
            assert observation.link is Link.UP
        if State.OK in new and observation.picture is not Picture.GOOD:  # only what was vouched for already
            assert before.picture_value is Picture.GOOD
        if observation.picture is Picture.GOOD:
            self.goods.append(observation.at)
        if before.picture.proved is Standing.BAD and self.state.picture.proved is Standing.GOOD:
            assert len(self.goods) >= S.picture.recover

    @rule(seconds=st.sampled_from([1.0, 25.0, 60.0, 300.0]))
    def wait(self, seconds: float) -> None:
        self.t += seconds

    @rule(seconds=st.sampled_from([2000.0, 90000.0]))
    def not_running(self, seconds: float) -> None:
        self.t += seconds
        self.state, changes = expire(self.state, at(self.t), S)
        self.changes += changes
        assert self.state.state in (State.UNKNOWN, State.MAINTENANCE)

    @rule()
    def sees_good(self) -> None:
        self.see(good(self.t))

    @rule(cause=st.sampled_from([*CAUSES, "no_signal"]))
    def sees_bad(self, cause: str) -> None:
        self.see(bad(self.t, cause))

    @rule()
    def cannot_judge(self) -> None:
        self.see(doubtful(self.t))

    @rule(cause=st.sampled_from(["timeout", "auth", "locked"]), layer=st.sampled_from([Layer.STREAM, Layer.PICTURE]))
    def sees_down(self, cause: str, layer: Layer) -> None:
        self.see(down(self.t, cause, layer))

    @rule(layer=st.sampled_from([Layer.DEVICE, Layer.STREAM]))
    def answers(self, layer: Layer) -> None:
        self.see(up(self.t, layer))

    @rule()
    def own_uplink(self) -> None:
        ours = Observation("c", "u", Tier.LIVENESS, at(self.t), Link.UNKNOWN, Layer.NONE, None, "own_uplink")
        self.see(ours)
        assert self.state.state in (State.UNKNOWN, State.MAINTENANCE)

    @rule(active=st.booleans())
    def maintenance(self, active: bool) -> None:
        self.state, changes = set_maintenance(self.state, active, at(self.t))
        self.changes += changes

    @invariant()
    def derived_by_the_table(self) -> None:
        shown = (
            State.MAINTENANCE if self.state.maintenance else DERIVED[self.state.link_value, self.state.picture_value]
        )
        assert self.state.state is shown

    @invariant()
    def nothing_begins_in_the_future_or_before_its_forerunner(self) -> None:
        for aspect in Aspect:
            own = [c for c in self.changes if c.aspect is aspect]
            assert all(c.since <= c.at <= at(self.t) for c in own)
            assert all(a.since <= b.since and a.new == b.old for a, b in pairwise(own))

    @invariant()
    def windows_are_bounded(self) -> None:
        assert len(self.state.link.window) <= S.link.window
        assert len(self.state.picture.window) <= S.picture.window

    @invariant()
    def a_sound_camera_is_not_watched_specially(self) -> None:
        if self.state.link.proved is Standing.GOOD and not self.state.link.window:
            assert self.state.failed_layer is Layer.NONE


TestOneCamera = OneCamera.TestCase
TestOneCamera.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def told(*observations: Observation) -> tuple[str, str, int, int, str] | None:
    """Aspect, towards what, seen, needed and cause of what is being confirmed."""
    found = play(*observations)[0].confirming(S)
    if found is None:
        return None
    aspect, progress = found
    return aspect.value, progress.standing.value, progress.seen, progress.needed, progress.cause


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([], None),
        ([good(0)], None),
        ([good(0), bad(1)], ("picture", "bad", 1, 3, "covered")),
        ([good(0), bad(1), good(2), bad(3)], ("picture", "bad", 2, 3, "covered")),
        ([good(0), bad(1), bad(2, "blur")], ("picture", "bad", 2, 3, "blur")),
        ([good(0), bad(1), bad(2), bad(3)], ("picture", "bad", 3, 3, "covered")),
        ([good(0), bad(1, "no_signal")], ("picture", "bad", 1, 1, "no_signal")),
        ([good(0), bad(1), bad(2), bad(3), good(4)], ("picture", "good", 1, 2, "")),
        ([good(0), bad(1), bad(2), bad(3), good(4), good(5)], None),
        ([good(0), bad(1), down(2)], ("link", "bad", 1, 3, "timeout")),
        ([good(0), down(1), down(2), down(3)], ("link", "bad", 3, 3, "timeout")),
        ([good(0), down(1), down(2), down(3), up(4)], ("link", "good", 1, 2, "")),
    ],
)
def test_how_far_it_is_confirmed_is_told(
    samples: list[Observation], expected: tuple[str, str, int, int, str] | None
) -> None:
    assert told(*samples) == expected


def test_behind_a_gap_nothing_is_confirmed() -> None:
    state, _ = play(good(0), bad(1), bad(2), bad(3))
    state, _ = expire(state, at(100_000), S)
    assert state.confirming(S) is None


@given(st.lists(st.sampled_from(["good", "bad", "blur", "down", "up"]), max_size=12))
def test_what_is_confirmed_is_never_beyond_what_is_needed(steps: list[str]) -> None:
    made: dict[str, Callable[[float], Observation]] = {
        "good": good,
        "bad": bad,
        "down": down,
        "up": up,
        "blur": lambda seconds: bad(seconds, "blur"),
    }
    state, _ = play(*(made[step](10.0 * n) for n, step in enumerate(steps)))
    found = state.confirming(S)
    if found is not None:
        _, progress = found
        assert 1 <= progress.seen <= progress.needed
        proved = state.link_value is Link.DOWN if found[0] is Aspect.LINK else state.picture_value is Picture.BAD
        if progress.standing is Standing.BAD:
            assert (progress.seen == progress.needed) <= proved
