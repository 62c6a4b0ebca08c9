"""The life of a session: every step is in the table, every state has a way out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.rtsp.states import TRANSITIONS, Event, State, advance
from config.errors import Kind, XueliangError


@given(st.lists(st.sampled_from(Event), max_size=30))
@settings(max_examples=150, deadline=None)
def test_only_steps_of_the_table(events: list[Event]) -> None:
    state = State.CONNECTED
    for event in events:
        if (state, event) in TRANSITIONS:
            state = advance(state, event)
            continue
        with pytest.raises(XueliangError) as refused:
            advance(state, event)
        assert refused.value.kind is Kind.INTERNAL


def test_every_state_can_end() -> None:
    for state in State:
        assert advance(state, Event.LOST) is State.CLOSED
        assert advance(state, Event.END) in (State.ENDING, State.CLOSED)
    assert {to for (at, _), to in TRANSITIONS.items() if at is State.CLOSED} == {State.CLOSED}


def test_a_picture_by_the_book() -> None:
    state = State.CONNECTED
    path = [
        Event.DESCRIBE,
        Event.DESCRIBED,
        Event.SETUP,
        Event.SET_UP,
        Event.PLAY,
        Event.PLAYING,
        Event.END,
        Event.LOST,
    ]
    seen = [state := advance(state, event) for event in path]
    assert seen[-3:] == [State.PLAYING, State.ENDING, State.CLOSED]
