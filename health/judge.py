"""Wiring: what a decode worker does with one keyframe, from bytes to numbers, pictures and a grown reference bank.

``health.judge:judge`` is the dotted name the pool is given. A camera always goes to the same worker, so the worker
owns the camera's reference file; what the service decided (learn or not, approve, reset) is in the job. The
worker asks the same pure rules as the service (:mod:`health.verdict`) only to know what it may learn from; the
verdict that counts is the service's, over the answer's numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from camera_gateway.job import Answer, Job
from camera_gateway.media.decode import decode
from config.errors import XueliangError
from config.thresholds import Thresholds
from health import bank_file, evidence
from health.classes import VerdictClass
from health.detectors import Value
from health.facts import Facts
from health.features import Features, features
from health.match import Fit, Shift, best, find_shift, stable_mask, usable
from health.measures import measure
from health.reference import SCALARS, Bank, Reference, ReferenceState, Sample, approve, learn_matched, learn_new
from health.request import Command, JudgeRequest
from health.signature import difference, signature
from health.verdict import Verdicts, over
from health.views import Views, views

#: A picture with one of these says nothing about what the camera normally sees.
_NEVER_LEARNED = frozenset(
    {
        VerdictClass.NO_SIGNAL,
        VerdictClass.BLACK,
        VerdictClass.OVER_EXPOSED,
        VerdictClass.FROZEN,
        VerdictClass.NOISE,
        VerdictClass.STRIPES,
        VerdictClass.CAST,
    }
)


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture held against one bank; ``index`` is the reference it fits best, -1 for none in use."""

    facts: Facts
    verdicts: Verdicts
    sample: Sample
    index: int
    signature: bytes


def judge(job: Job) -> Answer:
    """Raises what :func:`camera_gateway.media.decode.decode` raises."""
    request = JudgeRequest.from_parameters(job.parameters)
    picture = decode(job.unit)
    view = views(picture, job.mask)
    bank, broken = _bank(job.reference_path, request)
    judged = examine(view, bank, request)
    grown = learn(judged, bank, request)
    wrote = grown is not None or request.command is not Command.NONE
    if wrote and job.reference_path:
        bank = grown or bank
        try:
            bank_file.write(job.reference_path, bank)
        except OSError as error:
            broken = f"{type(error).__name__}"
    numbers: dict[str, Any] = {
        "facts": judged.facts.to_numbers(),
        "signature": judged.signature,
        "bank": _summary(bank, judged.index, wrote=wrote, broken=broken),
        "width": picture.width,
        "height": picture.height,
    }
    drawn = b""
    if request.evidence and judged.verdicts.value is Value.BAD:
        drawn = evidence.draw(view, judged.facts, judged.verdicts)
    return Answer(numbers, evidence.thumbnail(view) if request.thumbnail else b"", drawn)


def examine(view: Views, bank: Bank, request: JudgeRequest) -> Judged:
    t = request.thresholds
    mark = signature(view)
    found = features(view.small, view.hidden)
    indices = usable(bank)
    place, fit = best(found, view.tiny, [bank.references[i] for i in indices], t.match_score)
    index = indices[place] if place >= 0 else -1
    reference = bank.references[index] if index >= 0 else None
    measures = measure(view, found, stable_mask(reference) if reference is not None else None)
    normal = reference.normal() if reference is not None else {}
    facts = Facts(
        measures=measures,
        fit=fit,
        shift=_shift(found, fit, normal, bank, t),
        normal=normal,
        cast=_cast((measures.a, measures.b), [bank.references[i] for i in indices]),
        repeat=difference(mark, request.signature),
        advanced=request.advanced,
        band=request.band,
        elevation=request.elevation,
        band_known=bank.knows(request.band),
        warming_up=request.at - bank.created < request.learning.warm_up,
        layout=float(view.tiny.std()),
    )
    scalars = {**measures.to_numbers(), "stripes": measures.stripe_peak}
    sample = Sample(found, view.tiny, tuple(scalars[name] for name in SCALARS[:-1]), request.at, request.band)
    return Judged(facts, over(facts, t), sample, index, mark)


def learn(judged: Judged, bank: Bank, request: JudgeRequest) -> Bank | None:
    """The bank after this picture, ``None`` when it stays as it is."""
    t, learning = request.thresholds, request.learning
    bad = set(judged.verdicts.bad)
    if bad & _NEVER_LEARNED or (bad and not bank.in_use):
        return None
    fit = judged.facts.fit
    if fit is not None and not bad and _teaches(fit, t):
        return learn_matched(bank, judged.index, judged.sample, fit.score, learning)
    agrees, score = _agreeing(judged.sample.features, judged.sample.tiny, bank, t)
    return learn_new(bank, judged.sample, agrees, score, learning, trusted=not bad)


def _cast(colour: tuple[float, float], references: list[Reference]) -> float | None:
    """Distance in CIE Lab a, b to the nearest reference's own: a red lorry and a red evening are not the lens."""
    normals = [r.normal() for r in references]
    return min((math.hypot(colour[0] - n["a"], colour[1] - n["b"]) for n in normals if n), default=None)


def _agreeing(found: Features, tiny: Any, bank: Bank, t: Thresholds) -> tuple[int, float]:
    growing = [i for i, r in enumerate(bank.references) if not r.state.in_use]
    place, fit = best(found, tiny, [bank.references[i] for i in growing], t.match_score)
    if fit is None or fit.score < t.candidate_score or fit.lost > t.candidate_lost or fit.light < t.match_light:
        return -1, 0.0
    return growing[place], fit.score


def _teaches(fit: Fit, t: Thresholds) -> bool:
    return fit.score >= t.match_score and fit.lost <= t.match_lost and fit.light >= t.match_light


def _shift(found: Features, fit: Fit | None, normal: dict[str, float], bank: Bank, t: Thresholds) -> Shift | None:
    """Looked for only where the structure is not in its place, and then in every light: the search is dear."""
    if fit is None or (fit.score >= t.shift_search * normal.get("score", 1.0) and fit.patch < t.covered_patch):
        return None
    return max((find_shift(found, r) for r in bank.in_use), key=lambda s: s.score)


def _bank(path: str, request: JudgeRequest) -> tuple[Bank, str]:
    """A file that cannot be read is told and replaced: references are learned again, a camera is never lost to it."""
    new, broken = Bank(request.at), ""
    if not path or request.command is Command.RESET:
        return new, broken
    try:
        bank = bank_file.read(path) or new
    except (XueliangError, OSError) as error:
        return new, str(error)
    return (approve(bank, request.at) if request.command is Command.APPROVE else bank), broken


def _summary(bank: Bank, index: int, *, wrote: bool, broken: str) -> dict[str, Any]:
    growing: list[Reference] = [r for r in bank.references if r.state is ReferenceState.CANDIDATE]
    return {
        "in_use": len(bank.in_use),
        "approved": sum(r.state is ReferenceState.APPROVED for r in bank.references),
        "proposed": sum(r.state is ReferenceState.PROPOSED for r in bank.references),
        "samples": max((r.samples for r in growing), default=0),
        "reference": index,
        "wrote": wrote,
        "broken": broken[:200],
    }
