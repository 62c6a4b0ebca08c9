"""Pure: what one check of one camera says, whichever tier made it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum


class Link(StrEnum):
    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"  # we know that we cannot know: our own uplink is gone, the service was not running


class Picture(StrEnum):
    GOOD = "good"
    BAD = "bad"
    CANNOT_JUDGE = "cannot_judge"
    UNKNOWN = "unknown"


class Layer(IntEnum):
    """What an answer rests on, or where it failed. A recorder that answers proves nothing about its channel."""

    NONE = 0
    DEVICE = 1  # the box answered (clock call)
    STREAM = 2  # the channel described its stream
    PICTURE = 3  # a whole keyframe came

    @property
    def word(self) -> str:
        return self.name.lower()


class Tier(StrEnum):
    LIVENESS = "liveness"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Delays:
    """The three delays of a check in ms, ``None`` where it did not get that far.

    ``signalling``: connect to the PLAY reply; ``stream``: PLAY to the first packet; ``keyframe``: PLAY to the
    first whole keyframe.
    """

    signalling: float | None = None
    stream: float | None = None
    keyframe: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        return {
            "signalling": finite(self.signalling),
            "stream": finite(self.stream),
            "keyframe": finite(self.keyframe),
        }


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure beside the threshold it was held against: ``of`` is the verdict class, ``verdict`` good, bad or
    cannot_judge, ``reason`` why it could not be judged."""

    name: str
    value: float | None
    threshold: float | None = None
    of: str = ""
    verdict: str = ""
    reason: str = ""

    def as_dict(self) -> dict[str, str | float | None]:
        return {
            "of": self.of,
            "name": self.name,
            "value": finite(self.value),
            "threshold": finite(self.threshold),
            "verdict": self.verdict,
            "reason": self.reason,
        }

    def as_list(self) -> list[str | float | None]:
        """The same, short: one is kept for each class of every raw check."""
        return [self.of, self.name, finite(self.value), finite(self.threshold), self.verdict, self.reason]


def finite(value: float | None) -> float | None:
    """JSON knows no infinity; five digits are more than any measure is worth."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.5g}")


@dataclass(frozen=True, slots=True)
class Observation:
    """``link`` or ``picture`` is ``None`` where the check says nothing about it.

    ``layer`` is what *up* rests on, or where *down* failed. ``cause`` is the value of one member of the closed enums
    of :mod:`health.classes`, empty for a clean good; ``also`` are further classes found in the same picture,
    ``detail`` is one sentence for a person.
    ``at`` is when the answer was in hand (UTC). ``probe_id`` is the scheduled slot, a burst index or a command:
    the same camera and probe id twice is one observation.
    """

    camera_id: str
    probe_id: str
    tier: Tier
    at: datetime
    link: Link | None = None
    layer: Layer = Layer.NONE
    picture: Picture | None = None
    cause: str = ""
    also: tuple[str, ...] = ()
    detail: str = ""
    delays: Delays = Delays()
    measures: tuple[Measure, ...] = ()
    facts: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    evidence: bytes = b""  # JPEG with what was found drawn in, privacy mask burnt in
    thumbnail: bytes = b""
