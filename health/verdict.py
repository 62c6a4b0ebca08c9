"""Pure: from an answer's numbers to verdicts: every detector asked, stood down where blinded, one word for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.errors import Kind, XueliangError
from config.thresholds import Thresholds
from health.classes import CannotJudge, VerdictClass
from health.detectors import DETECTORS, Value
from health.facts import Facts


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one detector said: ``measured`` was held against ``threshold``; ``reason`` only for cannot judge."""

    verdict_class: VerdictClass
    value: Value
    measure: str
    measured: float
    threshold: float
    reason: CannotJudge | None = None


@dataclass(frozen=True, slots=True)
class Verdicts:
    """``value`` is bad if any is, else cannot judge if a telling one could not, else good. ``cause`` is the leading
    bad class, or the reason, or empty; ``also`` the further bad classes."""

    value: Value
    cause: VerdictClass | CannotJudge | None
    also: tuple[VerdictClass, ...]
    items: tuple[Verdict, ...]

    def of(self, verdict_class: VerdictClass) -> Verdict:
        return next(v for v in self.items if v.verdict_class is verdict_class)

    @property
    def bad(self) -> tuple[VerdictClass, ...]:
        return tuple(v.verdict_class for v in self.items if v.value is Value.BAD)


def conclude(numbers: Mapping[str, Any], thresholds: Thresholds) -> Verdicts:
    """The verdicts over ``answer.numbers`` of :func:`health.judge.judge`. Raises ``INTERNAL`` when the numbers are
    not a worker's of this version."""
    try:
        facts = Facts.from_numbers(numbers["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise XueliangError(Kind.INTERNAL, f"a worker's answer without {error}") from error
    return over(facts, thresholds)


def over(facts: Facts, thresholds: Thresholds) -> Verdicts:
    bad: set[VerdictClass] = set()
    items: list[Verdict] = []
    reason: CannotJudge | None = None
    for detector in DETECTORS:
        found = detector.function(facts, thresholds)
        if detector.hidden_by & bad:
            found = replace(found, value=Value.CANNOT_JUDGE, reason=CannotJudge.EVIDENCE_DESTROYED)
        if found.value is Value.BAD:
            bad.add(detector.verdict_class)
        if found.value is Value.CANNOT_JUDGE and detector.telling and reason is None:
            reason = found.reason
        items.append(
            Verdict(detector.verdict_class, found.value, found.measure, found.measured, found.threshold, found.reason)
        )
    order = [v.verdict_class for v in items if v.value is Value.BAD]
    if order:
        return Verdicts(Value.BAD, order[0], tuple(order[1:]), tuple(items))
    if reason is not None:
        return Verdicts(Value.CANNOT_JUDGE, reason, (), tuple(items))
    return Verdicts(Value.GOOD, None, (), tuple(items))
