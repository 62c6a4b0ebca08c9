"""Pure: the states of a camera stream that several users share, as a table; one function advances them."""

from __future__ import annotations

from enum import StrEnum

from config.errors import Kind, XueliangError


class SourceState(StrEnum):
    IDLE = "idle"  # nobody wants it, no session
    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"  # it was live and packets stopped; a new session is due
    WAITING = "waiting"  # the last try failed; a new one is due
    CLOSED = "closed"


class SourceEvent(StrEnum):
    WANTED = "wanted"
    OPENED = "opened"
    STALL = "stall"
    FAIL = "fail"
    RELEASED = "released"
    CLOSE = "close"


TRANSITIONS: dict[tuple[SourceState, SourceEvent], SourceState] = {
    (SourceState.IDLE, SourceEvent.WANTED): SourceState.CONNECTING,
    (SourceState.STALLED, SourceEvent.WANTED): SourceState.CONNECTING,
    (SourceState.WAITING, SourceEvent.WANTED): SourceState.CONNECTING,
    (SourceState.CONNECTING, SourceEvent.OPENED): SourceState.LIVE,
    (SourceState.CONNECTING, SourceEvent.FAIL): SourceState.WAITING,
    (SourceState.LIVE, SourceEvent.STALL): SourceState.STALLED,
    (SourceState.LIVE, SourceEvent.FAIL): SourceState.WAITING,
    **{(state, SourceEvent.RELEASED): SourceState.IDLE for state in SourceState if state is not SourceState.CLOSED},
    **{(state, SourceEvent.CLOSE): SourceState.CLOSED for state in SourceState},
    (SourceState.CLOSED, SourceEvent.RELEASED): SourceState.CLOSED,
}


def advance(state: SourceState, event: SourceEvent) -> SourceState:
    """Raises ``INTERNAL`` for a step the table does not have."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise XueliangError(Kind.INTERNAL, f"a source that is {state} cannot take '{event}'") from None
