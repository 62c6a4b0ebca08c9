"""Pure: from state changes to intervals, and from intervals to rates whose denominators can be checked.

What is unknown leaves the denominator and is shown beside the rate; maintenance filed beforehand is taken out and
shown too. Nothing here rounds, and a rate of nothing is ``None``, never 100 %.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from health.observation import Link
from health.state import Change, State


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``start`` to ``end`` (exclusive; ``None`` is still) the value was ``value``."""

    value: str
    start: datetime
    end: datetime | None = None
    cause: str = ""

    def seconds(self) -> float:
        """Raises ``ValueError`` for an open interval: clip it first."""
        if self.end is None:
            raise ValueError("an open interval has no length")
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True)
class Rate:
    """Seconds. ``counted`` of ``known``; ``unknown`` and ``excluded`` (maintenance) are in neither."""

    counted: float
    known: float
    unknown: float
    excluded: float

    @property
    def value(self) -> float | None:
        return self.counted / self.known if self.known > 0 else None

    @property
    def coverage(self) -> float:
        """Which share of what should have been watched is known."""
        due = self.known + self.unknown
        return self.known / due if due > 0 else 0.0

    def __add__(self, other: Rate) -> Rate:
        return Rate(
            self.counted + other.counted,
            self.known + other.known,
            self.unknown + other.unknown,
            self.excluded + other.excluded,
        )

    def text(self) -> str:
        shown = "no figure" if self.value is None else f"{100 * self.value:.2f} %"
        return (
            f"{shown} ({self.counted / 3600:.2f} h of {self.known / 3600:.2f} h known, "
            f"{self.unknown / 3600:.2f} h unknown, {self.excluded / 3600:.2f} h maintenance)"
        )


NO_TIME = Rate(0.0, 0.0, 0.0, 0.0)


def intervals(changes: Iterable[Change]) -> list[Interval]:
    """Contiguous intervals from the changes of one aspect of one camera, in the order in which they were stored.

    Order is by sequence: a change whose time lies before its forerunner's (a wall clock set back) begins with it.
    """
    result: list[Interval] = []
    for change in changes:
        start = change.since
        if result:
            start = max(start, result[-1].start)
            result[-1] = replace(result[-1], end=start)
        result.append(Interval(change.new, start, None, change.cause))
    return [i for i in result if i.end is None or i.end > i.start]


def clip(parts: Iterable[Interval], start: datetime, end: datetime) -> list[Interval]:
    """What of the intervals lies inside the period; the rest of the period is ``unknown``, before, between, after."""
    result: list[Interval] = []
    reached = start
    for part in sorted(parts, key=lambda i: i.start):
        begins, ends = max(part.start, reached), min(part.end or end, end)
        if ends <= begins:
            continue
        if begins > reached:
            result.append(Interval("unknown", reached, begins))
        result.append(replace(part, start=begins, end=ends))
        reached = ends
    if reached < end:
        result.append(Interval("unknown", reached, end))
    return result


def without(parts: Sequence[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """The closed intervals with the closed holes cut out."""
    left = list(parts)
    for hole in holes:
        cut: list[Interval] = []
        for part in left:
            if part.end is None or hole.end is None:
                raise ValueError("clip open intervals first")
            if hole.end <= part.start or part.end <= hole.start:
                cut.append(part)
                continue
            if part.start < hole.start:
                cut.append(replace(part, end=hole.start))
            if hole.end < part.end:
                cut.append(replace(part, start=hole.end))
        left = cut
    return left


def rate(
    parts: Iterable[Interval],
    start: datetime,
    end: datetime,
    *,
    counted: Collection[str],
    maintenance: Iterable[Interval] = (),
) -> Rate:
    """The share of the known time of a period in which the value was one of ``counted``."""
    holes = [h for h in clip(maintenance, start, end) if h.value == State.MAINTENANCE]
    kept = without(clip(parts, start, end), holes)
    unknown = sum(i.seconds() for i in kept if i.value == "unknown")
    good = sum(i.seconds() for i in kept if i.value in counted)
    total = sum(i.seconds() for i in kept)
    return Rate(good, total - unknown, unknown, (end - start).total_seconds() - total)


def online_rate(
    link: Iterable[Interval], start: datetime, end: datetime, *, maintenance: Iterable[Interval] = ()
) -> Rate:
    """在线率 of one camera: time up of time known."""
    return rate(link, start, end, counted=(Link.UP,), maintenance=maintenance)


def usable_rate(state: Iterable[Interval], start: datetime, end: datetime) -> Rate:
    """完好率 of one camera: time with a usable picture of time judged; *cannot judge* is unknown here."""
    judged = [replace(i, value="unknown") if i.value == State.CANNOT_JUDGE else i for i in state]
    return rate(judged, start, end, counted=(State.OK,), maintenance=judged)


def mean_of_cameras(rates: Iterable[Rate]) -> tuple[float | None, int, int]:
    """The other definition in use, the mean of each camera's own rate: (mean, cameras counted, cameras without one)."""
    values = [r.value for r in rates]
    known = [v for v in values if v is not None]
    return (sum(known) / len(known) if known else None), len(known), len(values) - len(known)
