"""Pure: the life of one RTSP session as a table; one function advances it."""

from __future__ import annotations

from enum import StrEnum

from config.errors import Kind, XueliangError


class State(StrEnum):
    CONNECTED = "connected"
    DESCRIBING = "describing"
    DESCRIBED = "described"
    SETTING_UP = "setting up"  # from here on the camera may hold a session
    READY = "ready"
    STARTING = "starting"
    PLAYING = "playing"
    ENDING = "ending"  # TEARDOWN is on its way, or waits for the reply that names the session
    CLOSED = "closed"


class Event(StrEnum):
    DESCRIBE = "describe"
    DESCRIBED = "described"
    SETUP = "setup"
    SET_UP = "set up"
    REFUSED = "refused"  # the camera said no to the last request; the connection lives
    PLAY = "play"
    PLAYING = "playing"
    END = "end"
    LOST = "lost"  # the connection is gone


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.CONNECTED, Event.DESCRIBE): State.DESCRIBING,
    (State.DESCRIBING, Event.DESCRIBED): State.DESCRIBED,
    (State.DESCRIBING, Event.REFUSED): State.CONNECTED,
    (State.DESCRIBED, Event.SETUP): State.SETTING_UP,
    (State.SETTING_UP, Event.SET_UP): State.READY,
    (State.SETTING_UP, Event.REFUSED): State.DESCRIBED,
    (State.READY, Event.PLAY): State.STARTING,
    (State.STARTING, Event.PLAYING): State.PLAYING,
    (State.STARTING, Event.REFUSED): State.READY,
    **{(state, Event.END): State.ENDING for state in State if state not in (State.ENDING, State.CLOSED)},
    **{(state, Event.LOST): State.CLOSED for state in State},
    (State.ENDING, Event.END): State.ENDING,
    (State.CLOSED, Event.END): State.CLOSED,
}


def advance(state: State, event: Event) -> State:
    """Raises ``INTERNAL`` for a step the table does not have: a mistake of ours, never of the camera's."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise XueliangError(Kind.INTERNAL, f"an RTSP session that is {state} cannot take '{event}'") from None
