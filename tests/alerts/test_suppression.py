"""Which cameras fail as one: never where one of them is up, never where nothing is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.suppression import Group, SuppressionRules, Topology, outage, silent, undecided, widest
from health.observation import Layer, Link, Observation, Tier
from health.state import CameraState, advance, begin, set_maintenance
from registry.device import DeviceKind
from registry.lifecycle import Lifecycle
from registry.watched_camera import PathStep, WatchedCamera
from tests.support.alerts_world import AT_ONCE

T0 = datetime(2026, 3, 1, tzinfo=UTC)
RULES = SuppressionRules()


def camera(name: str, device: str, *path: tuple[str, str]) -> WatchedCamera:
    steps = tuple(PathStep(kind, step, step.upper()) for kind, step in path)
    kind = DeviceKind.RECORDER if path and path[0][0] == "recorder" else DeviceKind.CAMERA
    return WatchedCamera(
        name, name, True, Lifecycle.IN_USE, device, device, kind, "10.0.0.1", 80, None, "1", 1, None, None, None,
        "area", "unit", steps, None, None, None, None, (), False, (),
    )  # fmt: skip


def state(name: str, what: str, seconds: float = 10.0) -> CameraState:
    """``up``, ``down``, ``unknown`` or ``maintenance`` since so many seconds after the beginning."""
    at = T0 + timedelta(seconds=seconds)
    links = {"up": Link.UP, "unknown": Link.UNKNOWN}
    layer = Layer.STREAM if what != "unknown" else Layer.NONE
    link = links.get(what, Link.DOWN)
    cause = "" if link is Link.UP else "timeout"
    seen, _ = advance(begin(name, T0), Observation(name, "p", Tier.LIVENESS, at, link, layer, None, cause), AT_ONCE)
    return set_maintenance(seen, True, at)[0] if what == "maintenance" else seen


def group(*names: str) -> Group:
    return Group("switch", "s", "S", names, frozenset({"area"}), frozenset({"unit"}))


WHAT = st.sampled_from(["up", "down", "unknown", "maintenance"])


@settings(max_examples=300)
@given(st.lists(WHAT, min_size=2, max_size=12))
def test_an_outage_needs_two_down_none_up_and_more_known_than_not(kinds: list[str]) -> None:
    states = {str(n): state(str(n), kind) for n, kind in enumerate(kinds)}
    found = outage(group(*states), states.get, T0, RULES)
    down, unknown = kinds.count("down"), kinds.count("unknown")
    assert (found is not None) == (down >= 2 and "up" not in kinds and unknown <= down)
    if found is not None:
        assert set(found.lost) == {n for n, kind in zip(states, kinds, strict=True) if kind == "down"}


def test_what_was_lost_long_before_is_not_part_of_it() -> None:
    states = {"a": state("a", "down", 10), "b": state("b", "down", 1000), "c": state("c", "down", 1001)}
    found = outage(group("a", "b", "c"), states.get, T0, RULES)
    assert found is not None
    assert (found.lost, found.since) == (("b", "c"), T0 + timedelta(seconds=1000))
    assert outage(group("a", "b"), states.get, T0, RULES) is None


def test_a_switch_over_two_recorders_is_blamed_only_where_it_lost_more() -> None:
    switch = ("switch", "sw")
    one = [camera(f"a{n}", "nvr-a", ("recorder", "nvr-a"), switch) for n in range(64)]
    two = [camera(f"b{n}", "nvr-b", ("recorder", "nvr-b"), switch) for n in range(4)]
    topology = Topology.of([*one, *two])
    assert [g.key for g in topology.of_camera("a0")] == [("recorder", "nvr-a"), ("switch", "sw")]
    states = {c.camera_id: state(c.camera_id, "down") for c in one} | {c.camera_id: state("b", "up") for c in two}
    found = widest(outage(group, states.get, T0, RULES) for group in topology.of_camera("a0"))
    assert found is not None
    assert (found.group.key, len(found.lost)) == (("recorder", "nvr-a"), 64)
    states |= {c.camera_id: state(c.camera_id, "down") for c in two}
    found = widest(outage(group, states.get, T0, RULES) for group in topology.of_camera("a0"))
    assert found is not None
    assert (found.group.key, len(found.lost)) == (("switch", "sw"), 68)
    alone = Topology.of(one)
    found = widest(outage(group, states.get, T0, RULES) for group in alone.of_camera("a0"))
    assert found is not None
    assert found.group.key == ("recorder", "nvr-a")
    assert [g.key for g in topology.beyond(topology.groups["recorder", "nvr-a"])] == [("switch", "sw")]


def test_a_camera_alone_on_its_device_has_no_group() -> None:
    topology = Topology.of([camera("a", "a"), camera("b", "b")])
    assert topology.of_camera("a") == ()
    lenses = Topology.of([camera("a", "d"), camera("b", "d")])
    assert [g.key for g in lenses.of_camera("a")] == [("device", "d")]


def test_undecided_until_somebody_answers_after_the_beginning() -> None:
    since = T0 + timedelta(seconds=10)
    down, early, late = state("a", "down", 10), state("b", "up", 5), state("b", "up", 11)
    both = group("a", "b")
    assert undecided([both], {"a": down, "b": early}.get, since, ["a"])
    assert not undecided([both], {"a": down, "b": late}.get, since, ["a"])
    assert not undecided([both], {"a": down, "b": state("b", "unknown", 11)}.get, since, ["a"])
    assert not undecided([], {"a": down}.get, since, ["a"])


def test_a_device_that_answers_does_not_vouch_for_its_streams() -> None:
    since = T0 + timedelta(seconds=10)
    down, up = state("a", "down", 10), state("b", "up", 5)
    clock = Observation("b", "q", Tier.LIVENESS, T0 + timedelta(seconds=12), Link.UP, Layer.DEVICE)
    answers, _ = advance(up, clock, AT_ONCE)
    assert undecided([group("a", "b")], {"a": down, "b": answers}.get, since, ["a"])


def test_silent_where_more_is_unknown_than_known() -> None:
    states = {"a": state("a", "down"), "b": state("b", "unknown"), "c": state("c", "maintenance")}
    assert silent(["b"], states.get)
    assert silent(["a", "b", "c"], states.get)
    assert not silent(["a"], states.get)
    assert not silent(["a", "b"], states.get)
    assert not silent(["nobody"], states.get)
