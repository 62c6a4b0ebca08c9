"""Pure: what a view under way is, in the console's words; drawn from facts, never stored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: Without a picture for so long a stream stands still (the console's limit as well).
STALL_SECONDS = 3.0


class ViewState(StrEnum):
    CONNECTING = "connecting"  # the way to the viewer is not there yet
    KEYFRAME = "keyframe"  # the way is there, the stream too, no picture has gone out
    LIVE = "live"
    STALLED = "stalled"  # pictures stopped; a new session with the camera is under way
    OFFLINE = "offline"  # the camera cannot be had; ``cause`` says why
    CODEC = "codec"  # the camera changed to something browsers cannot show
    ENDED = "ended"


class Role(StrEnum):
    """Which of a camera's streams."""

    MAIN = "main"
    SUB = "sub"

    @property
    def other(self) -> Role:
        return Role.SUB if self is Role.MAIN else Role.MAIN


class End(StrEnum):
    """Why a view is over; written into the register."""

    CLOSED = "ended"  # the viewer said so
    LEFT = "left"  # its connection was closed
    SILENT = "silent"  # it no longer answered
    BLOCKED = "no way through"  # ICE or DTLS never came about
    SLOW = "too slow"
    CODEC = "codec"
    LONGEST = "longest"
    WITHDRAWN = "withdrawn"  # rights, login, mask
    GONE = "camera gone"
    FAULT = "internal error"  # a mistake of ours, and the log has it
    STOPPING = "service stopping"
    RESTARTED = "service restarted"


@dataclass(frozen=True, slots=True)
class Facts:
    """``age`` is seconds since the last picture came from the camera, ``None`` before the first."""

    ended: bool
    connected: bool
    shown: bool
    unfit: bool
    failing: bool
    age: float | None


def state(facts: Facts) -> ViewState:
    if facts.ended:
        return ViewState.ENDED
    if facts.unfit:
        return ViewState.CODEC
    if not facts.connected:
        return ViewState.CONNECTING
    old = facts.age is None or facts.age > STALL_SECONDS
    if old and facts.failing:
        return ViewState.OFFLINE
    if not facts.shown:
        return ViewState.KEYFRAME
    return ViewState.STALLED if old else ViewState.LIVE
