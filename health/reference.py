"""Pure: what one camera normally looks like: up to eight references, how they are learned and who agreed to them.

A reference is the running mean of the double-angle unit gradient (:mod:`health.features`), kept as int8. Its
length P = |mean| is persistence: a passing lorry has none, a kerb has nearly 1; P > 0.45 is the camera's stable
structure. Beside it stand a 64x36 mean of the light and the last 24 values of a few scalars.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np

from health.features import Features
from health.sun import SunBand
from health.views import TINY, Array

MAX_REFERENCES = 8
RING = 24
#: What is still being learned is written this many times more often than what is settled.
YOUNG = 12
SCALARS = (
    "sharpness",
    "noise",
    "entropy",
    "mean",
    "deviation",
    "a",
    "b",
    "stripes",
    "saturation",
    "edges",
    "crispness",
    "score",
)


class ReferenceState(IntEnum):
    """``CANDIDATE`` gathers samples; ``PROPOSED`` has enough and waits for a person; the other two are in use."""

    CANDIDATE = 1
    PROPOSED = 2
    ACCEPTED = 3  # by rule, during the warm-up or for a light not seen before
    APPROVED = 4  # by a person

    @property
    def in_use(self) -> bool:
        return self >= ReferenceState.ACCEPTED


#: Who moves a reference on. Everything else is refused.
TRANSITIONS: frozenset[tuple[ReferenceState, ReferenceState]] = frozenset(
    {
        (ReferenceState.CANDIDATE, ReferenceState.ACCEPTED),
        (ReferenceState.CANDIDATE, ReferenceState.PROPOSED),
        (ReferenceState.CANDIDATE, ReferenceState.APPROVED),
        (ReferenceState.PROPOSED, ReferenceState.APPROVED),
        (ReferenceState.ACCEPTED, ReferenceState.APPROVED),
    }
)
_BANDS = tuple(SunBand)


@dataclass(frozen=True, slots=True)
class Reference:
    """``mean``: 2x180x320 int8 (+-127 for +-1). ``light``: 36x64 uint8. ``ring``: the last values of ``SCALARS``,
    newest last, at most 24 rows of float32. Times are POSIX seconds."""

    state: ReferenceState
    samples: int
    created: float
    updated: float
    bands: int  # bit set of the light regimes it was seen in
    mean: Array
    light: Array
    ring: Array

    def seen_in(self, band: SunBand) -> bool:
        return bool(self.bands >> _BANDS.index(band) & 1)

    def normal(self) -> dict[str, float]:
        """The median of each scalar over the ring."""
        if not len(self.ring):
            return {}
        # The first row has no score: a reference cannot be held against itself.
        middle = np.median(self.ring, axis=0)
        if len(self.ring) > 1:
            middle[-1] = np.median(self.ring[1:, -1])
        return dict(zip(SCALARS, map(float, middle), strict=True))


@dataclass(frozen=True, slots=True)
class Sample:
    """What a frame brings to learning. ``scalars`` are in the order of ``SCALARS`` without the score."""

    features: Features
    tiny: Array
    scalars: tuple[float, ...]
    at: float
    band: SunBand


@dataclass(frozen=True, slots=True)
class Bank:
    """One camera's references. ``day`` and ``added`` bound what is learned anew per day (UTC day number)."""

    created: float
    written: float = 0.0
    day: int = 0
    added: int = 0
    references: tuple[Reference, ...] = field(default=())

    @property
    def in_use(self) -> tuple[Reference, ...]:
        return tuple(r for r in self.references if r.state.in_use)

    def knows(self, band: SunBand) -> bool:
        return any(r.seen_in(band) for r in self.in_use)


@dataclass(frozen=True, slots=True)
class Learning:
    """What the service decided for this sample; lengths of time in seconds."""

    allowed: bool = True
    accept_samples: int = 6
    warm_up: float = 4 * 86_400.0
    write_every: float = 3600.0
    new_per_day: int = 4
    memory: int = 32  # samples over which the mean runs
    candidate_age: float = 12 * 3600.0


def start(sample: Sample) -> Reference:
    mean = np.stack([sample.features.cos, sample.features.sin]) * 127.0
    return Reference(
        ReferenceState.CANDIDATE,
        1,
        sample.at,
        sample.at,
        1 << _BANDS.index(sample.band),
        np.round(mean).astype(np.int8),
        sample.tiny.copy(),
        np.array([(*sample.scalars, 0.0)], np.float32),
    )


def update(reference: Reference, sample: Sample, score: float, memory: int) -> Reference:
    """One accepted sample more. Rounding is dithered: an int8 step is larger than most single changes."""
    count = reference.samples + 1
    rate = 1.0 / min(count, memory)
    dither = np.random.default_rng(count * 7919 + int(sample.at)).random(reference.mean.shape, np.float32)
    new = np.stack([sample.features.cos, sample.features.sin]) * 127.0
    old = reference.mean.astype(np.float32)
    mean = np.clip(np.floor(old + (new - old) * rate + dither), -127, 127).astype(np.int8)
    light = reference.light.astype(np.float32)
    light = np.floor(light + (sample.tiny - light) * rate + dither[0, : TINY[1], : TINY[0]])
    return replace(
        reference,
        samples=count,
        updated=sample.at,
        bands=reference.bands | 1 << _BANDS.index(sample.band),
        mean=mean,
        light=np.clip(light, 0, 255).astype(np.uint8),
        ring=np.concatenate([reference.ring, np.array([(*sample.scalars, score)], np.float32)])[-RING:],
    )


def learn_matched(bank: Bank, index: int, sample: Sample, score: float, learning: Learning) -> Bank | None:
    """A good frame that matched reference ``index``; ``None`` when nothing is to be written."""
    reference = bank.references[index]
    gap = learning.write_every if reference.samples >= learning.memory else learning.write_every / YOUNG
    if not learning.allowed or (reference.seen_in(sample.band) and sample.at - bank.written < gap):
        return None
    return _with(bank, index, update(reference, sample, score, learning.memory), sample.at)


def learn_new(
    bank: Bank, sample: Sample, agrees: int, score: float, learning: Learning, *, trusted: bool
) -> Bank | None:
    """A frame that matched nothing in use, but whose absolute rules are good.

    ``agrees`` is the index of the candidate or proposal it agrees with by ``score``, -1 for none: then it begins a
    candidate, in place of one nobody agreed with. ``trusted``: nothing was found wrong with the frame; what was
    found moved or covered can only ever become a proposal. Only so many candidates a day come further.
    """
    if not learning.allowed or (bank.in_use and sample.at - bank.written < learning.write_every / YOUNG):
        return None
    if agrees < 0:
        return _begin(bank, sample, learning)
    grown = update(bank.references[agrees], sample, score, learning.memory)
    if grown.state is ReferenceState.PROPOSED and sample.at - bank.written < learning.write_every:
        return None
    if grown.state is ReferenceState.CANDIDATE and grown.samples >= learning.accept_samples:
        day = int(sample.at // 86_400)
        added = bank.added if day == bank.day else 0
        if not bank.in_use or added < learning.new_per_day:
            grown = moved_on(grown, _rule(bank, sample, learning, trusted=trusted))
            bank = replace(bank, day=day, added=added + 1)
    return _with(bank, agrees, grown, sample.at)


def _rule(bank: Bank, sample: Sample, learning: Learning, *, trusted: bool) -> ReferenceState:
    new_light = sample.band is not SunBand.UNKNOWN and not bank.knows(sample.band)
    first = not bank.in_use or sample.at - bank.created < learning.warm_up
    return ReferenceState.ACCEPTED if trusted and (first or new_light) else ReferenceState.PROPOSED


def _begin(bank: Bank, sample: Sample, learning: Learning) -> Bank | None:
    """At most two candidates stand side by side: one that is growing, and one for what may be passing."""
    candidates = [i for i, r in enumerate(bank.references) if r.state is ReferenceState.CANDIDATE]
    room = len(bank.references) < MAX_REFERENCES
    if len(candidates) < 2 and room:
        return replace(bank, references=(*bank.references, start(sample)), written=sample.at)
    idle = [i for i in candidates if not bank.in_use or _stale(bank.references[i], sample.at, learning)]
    if idle:
        slot = min(idle, key=lambda i: bank.references[i].updated)
    else:
        slot = _least_used(bank) if not room and len(candidates) < 2 else -1
    return _with(bank, slot, start(sample), sample.at) if slot >= 0 else None


def _stale(reference: Reference, at: float, learning: Learning) -> bool:
    return reference.samples == 1 or at - reference.updated > learning.candidate_age


def approve(bank: Bank, at: float) -> Bank:
    """A person agreed with what is proposed (or, with nothing proposed, with what is in use)."""
    proposed = any(r.state is ReferenceState.PROPOSED for r in bank.references)
    wanted = ReferenceState.PROPOSED if proposed else ReferenceState.ACCEPTED
    changed = tuple(moved_on(r, ReferenceState.APPROVED) if r.state is wanted else r for r in bank.references)
    return replace(bank, references=changed, written=at)


def moved_on(reference: Reference, state: ReferenceState) -> Reference:
    if (reference.state, state) not in TRANSITIONS:
        raise ValueError(f"a reference does not go from {reference.state.name} to {state.name}")
    return replace(reference, state=state)


def _with(bank: Bank, index: int, reference: Reference, at: float) -> Bank:
    changed = list(bank.references)
    changed[index] = reference
    return replace(bank, references=tuple(changed), written=at)


def _least_used(bank: Bank) -> int:
    """The reference nobody approved that matched longest ago, and not within two weeks; -1 for none."""
    free = [i for i, r in enumerate(bank.references) if r.state is not ReferenceState.APPROVED]
    if not free:
        return -1
    oldest = min(free, key=lambda i: bank.references[i].updated)
    newest = max(r.updated for r in bank.references)
    return oldest if newest - bank.references[oldest].updated > 14 * 86_400 else -1
