"""Pure: every number a verdict is held against, with unit and reason; settings override them one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from config.errors import Kind, XueliangError


def _limit(default: float, unit: str, meaning: str) -> Any:
    return field(default=default, metadata={"unit": unit, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class Thresholds:
    no_signal_flat: float = _limit(0.93, "share", "neighbouring pixels equal to the last bit: drawn, not seen")
    no_signal_dominant: float = _limit(0.75, "share", "pixels of one grey level in a drawn screen")
    snow_noise: float = _limit(30.0, "grey levels", "noise of an untuned receiver")
    snow_layout: float = _limit(7.0, "grey levels", "largest deviation of the 64x36 picture that is still snow")
    black_mean: float = _limit(26.0, "grey levels", "mean luma of a black picture")
    black_quantile: float = _limit(64.0, "grey levels", "99 % quantile of the luma of a black picture")
    white_share: float = _limit(0.5, "share", "pixels at or over 250 in an over-exposed picture")
    white_mean: float = _limit(225.0, "grey levels", "mean luma of an over-exposed picture")
    glare_share: float = _limit(0.12, "share", "pixels at or over 250 when something shines into the lens")
    match_score: float = _limit(0.6, "score", "a frame this near to a reference teaches it")
    match_lost: float = _limit(0.1, "share", "lost blocks a frame may have and still teach")
    match_light: float = _limit(0.5, "correlation", "of the 64x36 pictures, below which it is another light")
    candidate_score: float = _limit(0.4, "score", "a frame this near to a candidate is of the same normal")
    candidate_lost: float = _limit(0.3, "share", "lost blocks against a candidate")
    gone_score: float = _limit(0.14, "score", "under it nothing of the view is left in place")
    covered_patch: float = _limit(0.3, "share", "connected lost blocks of a covered picture")
    covered_score: float = _limit(0.55, "ratio", "score over the usual one, below which lost blocks need not touch")
    covered_lost: float = _limit(0.3, "share", "lost blocks of a covered picture where the score fell so far")
    flat_layout: float = _limit(4.0, "grey levels", "deviation of the 64x36 picture with nothing to see in it")
    shift_search: float = _limit(
        0.75, "ratio", "score over the usual one, below which the view is looked for elsewhere"
    )
    shift_size: float = _limit(0.018, "share of the width", "smallest shift that is told")
    shift_score: float = _limit(0.22, "score", "agreement once moved back")
    shift_gain: float = _limit(0.12, "score", "by how much moving back must mend the agreement")
    blur_ratio: float = _limit(0.72, "ratio", "sharpness over the reference's own median")
    blur_crispness: float = _limit(0.56, "ratio", "crispness over the reference's own, where noise hides the blur")
    blur_floor: float = _limit(0.4, "ratio", "|Laplacian| over |gradient| of a picture blurred whatever it shows")
    blur_light: float = _limit(0.6, "correlation", "of the 64x36 pictures, below which it is another view")
    cast_distance: float = _limit(14.0, "CIE Lab a, b", "distance of the mean colour from the reference's median")
    cast_absolute: float = _limit(45.0, "CIE Lab a, b", "the same without a reference, from grey")
    grey_saturation: float = _limit(3.0, "chroma levels", "under it a picture is grey (infrared)")
    noise_level: float = _limit(7.0, "grey levels", "noise at the source's own size")
    noise_ratio: float = _limit(3.0, "ratio", "noise over the reference's own median")
    stripe_peak: float = _limit(8.0, "ratio", "spectral line over its neighbourhood")
    stripe_ratio: float = _limit(2.0, "ratio", "spectral line over the reference's own median")
    stripe_level: float = _limit(1.5, "grey levels", "smallest amplitude of a stripe")
    frozen_difference: float = _limit(0.05, "grey levels", "mean difference of two pictures that are one")
    contrast_ratio: float = _limit(0.6, "ratio", "deviation over the reference's own, below which it is fog or rain")
    dusk_low: float = _limit(-8.0, "degrees", "sun elevation where night ends")
    dusk_high: float = _limit(3.0, "degrees", "sun elevation where day begins")

    @classmethod
    def of(cls, changes: Mapping[str, Any]) -> Thresholds:
        """The defaults with these changed. Raises ``INVALID`` for a name that is none or a value that is no number."""
        known = {f.name for f in fields(cls)}
        for name, value in changes.items():
            if name not in known:
                raise XueliangError(Kind.INVALID, f"no threshold is called {name!r}")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise XueliangError(Kind.INVALID, f"threshold {name} is not a number")
        return cls(**{name: float(value) for name, value in changes.items()})

    def changes(self) -> dict[str, float]:
        """What differs from the defaults: what a job has to carry."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
