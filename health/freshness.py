"""Pure: is the watching itself on time? A state nobody looked at lately is a guess."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Freshness:
    """Of one tier: ``in_time`` of ``cameras`` were checked within the allowed age, ``oldest`` is seconds since the
    check (or since the planning) of the one that has waited longest, ``missed`` counts slots that were passed over."""

    cameras: int
    in_time: int
    oldest: float
    missed: int

    @property
    def share(self) -> float:
        """1.0 with nothing to check: nobody is waiting."""
        return self.in_time / self.cameras if self.cameras else 1.0


def freshness(ages: Iterable[tuple[float, float]], missed: int) -> Freshness:
    """From pairs of (age, allowed age) in seconds, one a camera."""
    cameras = in_time = 0
    oldest = 0.0
    for age, allowed in ages:
        cameras += 1
        in_time += age <= allowed
        oldest = max(oldest, age)
    return Freshness(cameras, in_time, oldest, missed)
