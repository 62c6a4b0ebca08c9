"""Pure: how long each phase may take, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. ``keyframe`` is added to what is known of the keyframe distance; ``total`` bounds the way from the
    first packet to PLAY, whatever the camera does within the single replies."""

    connect: float = 3.0
    reply: float = 5.0
    stall: float = 5.0
    keyframe: float = 5.0
    total: float = 20.0
    teardown: float = 1.0


@dataclass(slots=True)
class Timings:
    """Seconds, ``None`` until known. ``auth`` is what logging in cost on top.

    The three delays of domestic practice: ``signalling`` from the start of connecting to the PLAY reply, ``stream``
    from PLAY to the first packet, ``keyframe`` from PLAY to the first whole keyframe.
    """

    connect: float | None = None
    auth: float | None = None
    describe: float | None = None
    setup: float | None = None
    signalling: float | None = None
    stream: float | None = None
    keyframe: float | None = None
