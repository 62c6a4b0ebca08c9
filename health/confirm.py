"""Pure: one thing believed of a camera, and how many samples it takes to believe otherwise.

A :class:`Track` holds what is *shown* (good, bad, cannot judge, unknown) apart from what was last *proved* (good or
bad): a gap shows unknown, and forgets neither the fault nor how much it takes to call it over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Standing(StrEnum):
    GOOD = "good"
    BAD = "bad"
    CANNOT_JUDGE = "cannot_judge"
    UNKNOWN = "unknown"


class Event(StrEnum):
    """What can happen to a belief, after confirmation."""

    PROVED_GOOD = "proved_good"
    PROVED_BAD = "proved_bad"
    DOUBTED = "doubted"  # enough samples in a row that could not be judged
    BLINDED = "blinded"  # a gap, or a cause of our own


_S, _E = Standing, Event
#: A doubt never takes the place of a fault, nor of an unknown behind which a fault was last proved (see ``doubt``).
TRANSITIONS: Mapping[tuple[Standing, Event], Standing] = {
    (_S.UNKNOWN, _E.PROVED_GOOD): _S.GOOD,
    (_S.UNKNOWN, _E.PROVED_BAD): _S.BAD,
    (_S.UNKNOWN, _E.DOUBTED): _S.CANNOT_JUDGE,
    (_S.UNKNOWN, _E.BLINDED): _S.UNKNOWN,
    (_S.GOOD, _E.PROVED_GOOD): _S.GOOD,
    (_S.GOOD, _E.PROVED_BAD): _S.BAD,
    (_S.GOOD, _E.DOUBTED): _S.CANNOT_JUDGE,
    (_S.GOOD, _E.BLINDED): _S.UNKNOWN,
    (_S.BAD, _E.PROVED_GOOD): _S.GOOD,
    (_S.BAD, _E.PROVED_BAD): _S.BAD,
    (_S.BAD, _E.DOUBTED): _S.BAD,
    (_S.BAD, _E.BLINDED): _S.UNKNOWN,
    (_S.CANNOT_JUDGE, _E.PROVED_GOOD): _S.GOOD,
    (_S.CANNOT_JUDGE, _E.PROVED_BAD): _S.BAD,
    (_S.CANNOT_JUDGE, _E.DOUBTED): _S.CANNOT_JUDGE,
    (_S.CANNOT_JUDGE, _E.BLINDED): _S.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class ConfirmSettings:
    """How many samples it takes. ``confirm`` bad ones among the last ``window`` judged ones prove a fault: a
    suspicion and the burst of 3 after it are 4 samples, hence 3 of 4. ``confirm_by_cause`` names causes that need
    another number (no signal is a drawn screen, one look is enough)."""

    confirm: int = 3
    window: int = 4
    recover: int = 2
    confirm_by_cause: Mapping[str, int] | None = None
    within_seconds: float = 7200.0  # older samples of a run no longer count

    def needed(self, cause: str) -> int:
        return (self.confirm_by_cause or {}).get(cause, self.confirm)


@dataclass(frozen=True, slots=True)
class Sample:
    at: datetime
    bad: bool
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """``window`` holds only the samples that speak against ``proved`` (and those between them), oldest first."""

    standing: Standing
    since: datetime
    cause: str = ""
    proved: Standing | None = None
    window: tuple[Sample, ...] = ()
    doubts: int = 0
    doubted_from: datetime | None = None
    last_at: datetime | None = None  # the last sample that counted

    @property
    def suspicious(self) -> bool:
        """The last sample speaks against what is believed, and it is not settled yet."""
        if not self.window:
            return False
        return self.window[-1].bad or self.proved is Standing.BAD


@dataclass(frozen=True, slots=True)
class Progress:
    """``seen`` of ``needed`` samples speak for ``standing`` (good or bad); all of them where it is proved."""

    standing: Standing
    seen: int
    needed: int
    cause: str


def progress(track: Track, settings: ConfirmSettings) -> Progress | None:
    """How far a fault, or the end of one, is confirmed. ``None`` where nothing speaks against what was proved good,
    and behind a gap."""
    if track.proved is Standing.BAD:
        goods = len(_tail_of_goods(track.window))
        if goods:
            return Progress(Standing.GOOD, goods, settings.recover, "")
        if track.standing is not Standing.BAD:
            return None
        needed = settings.needed(track.cause)
        return Progress(Standing.BAD, needed, needed, track.cause)
    bads = [sample for sample in track.window if sample.bad]
    if not bads:
        return None
    counts = Counter(sample.cause for sample in bads)
    cause = max(reversed(bads), key=lambda sample: counts[sample.cause]).cause
    needed = settings.needed(cause)
    # Different causes prove a fault together, by the usual number.
    return Progress(Standing.BAD, len(bads) if needed == settings.confirm else counts[cause], needed, cause)


def begin(at: datetime) -> Track:
    return Track(Standing.UNKNOWN, at)


def judged(track: Track, at: datetime, *, bad: bool, cause: str, settings: ConfirmSettings) -> Track:
    """One good or bad sample. The time of a proved change is that of the first sample of its run."""
    track = replace(track, last_at=at, doubts=0, doubted_from=None)
    oldest = at - timedelta(seconds=settings.within_seconds)
    run = (*(s for s in track.window if s.at >= oldest), Sample(at, bad, cause))
    run = run[-max(settings.window, settings.recover) :]
    if track.proved is Standing.BAD:
        return _while_bad(track, run, settings)
    return _while_good(track, run, settings)


def _while_good(track: Track, run: tuple[Sample, ...], settings: ConfirmSettings) -> Track:
    last = run[-1]
    if not last.bad and track.standing is not Standing.GOOD:
        track = _move(track, Event.PROVED_GOOD, last.at, "")
    run = run[-settings.window :]
    bads = [s for s in run if s.bad]
    cause = _proved_cause(bads, settings)
    if cause is None:
        while run and not run[0].bad:
            run = run[1:]
        return replace(track, window=run)
    return _move(track, Event.PROVED_BAD, bads[0].at, cause)


def _while_bad(track: Track, run: tuple[Sample, ...], settings: ConfirmSettings) -> Track:
    last = run[-1]
    if last.bad and (last.cause == track.cause or track.standing is not Standing.BAD):
        # After a gap one bad sample is enough: the fault was proved before it.
        known = track.standing is Standing.BAD
        return replace(track, window=()) if known else _move(track, Event.PROVED_BAD, last.at, last.cause)
    if last.bad:
        cause = _proved_cause([s for s in run if s.bad], settings, same=True)
        return replace(track, window=run) if cause is None else _move(track, Event.PROVED_BAD, last.at, cause)
    goods = _tail_of_goods(run)
    if len(goods) >= settings.recover:
        return _move(track, Event.PROVED_GOOD, goods[0].at, "")
    return replace(track, window=run)


def doubt(track: Track, at: datetime, cause: str, settings: ConfirmSettings) -> Track:
    """One sample that could not be judged: neither good nor bad, it leaves a run as it is."""
    first = track.doubted_from or at
    track = replace(track, last_at=at, doubts=min(track.doubts + 1, settings.confirm), doubted_from=first)
    if track.doubts < settings.confirm or track.proved is Standing.BAD:
        return track
    if track.standing is Standing.CANNOT_JUDGE:
        return replace(track, cause=cause)
    return replace(_move(track, Event.DOUBTED, first, cause), window=track.window, doubts=track.doubts)


def blind(track: Track, since: datetime, cause: str) -> Track:
    """Nothing is known from ``since`` on. What was proved stays proved; a run that was under way is no evidence."""
    if track.window and track.proved is not Standing.BAD:
        since = min(since, track.window[0].at)
    if track.standing is Standing.UNKNOWN:
        return replace(track, cause=cause, window=(), doubts=0, doubted_from=None)
    return _move(track, Event.BLINDED, since, cause)


def _move(track: Track, event: Event, since: datetime, cause: str) -> Track:
    standing = TRANSITIONS[track.standing, event]
    proved = track.proved
    if event is Event.PROVED_GOOD:
        proved = Standing.GOOD
    elif event is Event.PROVED_BAD:
        proved = Standing.BAD
    if standing is track.standing:  # the same fault with another cause keeps its beginning
        return replace(track, cause=cause, proved=proved, window=(), doubts=0, doubted_from=None)
    return replace(
        track,
        standing=standing,
        since=max(since, track.since),
        cause=cause,
        proved=proved,
        window=(),
        doubts=0,
        doubted_from=None,
    )


def _proved_cause(bads: list[Sample], settings: ConfirmSettings, *, same: bool = False) -> str | None:
    """The cause that enough samples bear out; ``same`` asks that they agree on it."""
    if not bads:
        return None
    counts = Counter(s.cause for s in bads)
    for sample in reversed(bads):
        if counts[sample.cause] >= settings.needed(sample.cause):
            return sample.cause
    if same or len(bads) < settings.confirm:
        return None
    return max(reversed(bads), key=lambda s: counts[s.cause]).cause


def _tail_of_goods(run: Sequence[Sample]) -> list[Sample]:
    goods: list[Sample] = []
    for sample in reversed(run):
        if sample.bad:
            break
        goods.append(sample)
    return goods[::-1]
