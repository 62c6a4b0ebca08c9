"""The incident's table: what may follow what, and that nothing else does."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.incident import (
    CLOSING_NAMES,
    KIND_NAMES,
    STATE_NAMES,
    TRANSITIONS,
    ClosingCause,
    Event,
    Incident,
    IncidentKind,
    IncidentState,
    advance,
    levels,
)
from config.errors import Kind, XueliangError
from health.observation import Layer, Link, Observation, Picture, Tier
from health.state import advance as observe
from health.state import begin, set_maintenance
from tests.support.alerts_world import AT_ONCE

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def incident(state: IncidentState = IncidentState.OPEN) -> Incident:
    return Incident("i", IncidentKind.OFFLINE, state, "timeout", T0, T0, camera_id="c")


@settings(max_examples=300)
@given(st.lists(st.sampled_from(Event), max_size=12))
def test_what_a_story_leaves_behind(events: list[Event]) -> None:
    now, one = T0, incident()
    for event in events:
        now += timedelta(seconds=1)
        before = one
        if (before.state, event) not in TRANSITIONS:
            with pytest.raises(XueliangError) as caught:
                advance(before, event, now)
            assert caught.value.kind is Kind.CONFLICT
            continue
        with contextlib.suppress(XueliangError):  # a false alarm that stood has nothing to withdraw
            one = advance(before, event, now, by="Li", closing=ClosingCause.LINE)
        if one is before:
            assert event is Event.WITHDRAW
            continue
        assert one.state is TRANSITIONS[before.state, event]
        assert one.version == before.version + 1
    assert (one.state is IncidentState.RESOLVED) == (one.resolved_at is not None)
    assert (one.acknowledged_by is None) == (one.acknowledged_at is None)
    if one.state is IncidentState.ACKNOWLEDGED:
        assert one.acknowledged_at is not None
        assert one.recovered_at is None
    if one.state is IncidentState.OPEN:
        assert one.acknowledged_at is None
        assert one.closing is None
    if one.state is IncidentState.RECOVERED:
        assert one.recovered_at is not None
        assert one.acknowledged_at is None
    for moment in (one.recovered_at, one.resolved_at):
        assert moment is None or moment >= one.since


def test_a_recovery_is_never_before_the_beginning() -> None:
    after = advance(incident(), Event.RECOVER, T0 - timedelta(hours=1))
    assert after.recovered_at == T0


def test_a_false_alarm_that_stands_is_not_brought_back_by_withdrawing() -> None:
    seen = advance(incident(), Event.ACKNOWLEDGE, T0, by="Li")
    false = advance(seen, Event.FALSE_ALARM, T0)
    assert false.closing is ClosingCause.FALSE_ALARM
    with pytest.raises(XueliangError):
        advance(false, Event.WITHDRAW, T0)


def test_every_word_has_both_names() -> None:
    for words, names in ((IncidentKind, KIND_NAMES), (IncidentState, STATE_NAMES), (ClosingCause, CLOSING_NAMES)):
        assert set(words) == set(names)
        assert all(zh and en for zh, en in names.values())


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS.values()) == set(IncidentState)
    assert {state for state, _ in TRANSITIONS} == set(IncidentState)


def seen(link: Link, picture: Picture | None, cause: str, seconds: int) -> Observation:
    layer = Layer.PICTURE if link is Link.UP else Layer.STREAM
    return Observation("c", str(seconds), Tier.PICTURE, T0 + timedelta(seconds=seconds), link, layer, picture, cause)


@pytest.mark.parametrize(
    ("link", "picture", "offline", "fault"),
    [
        (Link.UP, Picture.GOOD, False, False),
        (Link.UP, Picture.BAD, False, True),
        (Link.UP, Picture.CANNOT_JUDGE, False, None),
        (Link.DOWN, None, True, None),
        (Link.UNKNOWN, None, None, None),
    ],
)
def test_levels(link: Link, picture: Picture | None, offline: bool | None, fault: bool | None) -> None:
    state, _ = observe(begin("c", T0), seen(link, picture, "x", 1), AT_ONCE)
    found = levels(state)
    assert (found[IncidentKind.OFFLINE].stands, found[IncidentKind.FAULT].stands) == (offline, fault)


def test_nothing_begins_in_maintenance_and_what_ends_ends() -> None:
    down, _ = observe(begin("c", T0), seen(Link.DOWN, None, "timeout", 1), AT_ONCE)
    under, _ = set_maintenance(down, True, T0 + timedelta(seconds=2))
    assert levels(under)[IncidentKind.OFFLINE].stands is None
    back, _ = observe(under, seen(Link.UP, Picture.GOOD, "", 3), AT_ONCE)
    assert levels(back)[IncidentKind.OFFLINE].stands is False
