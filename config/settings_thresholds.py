"""Pure: settings of judging a picture: every field of :mod:`config.thresholds` as one, bounded by its unit."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pydantic import create_model

from config import thresholds
from config.setting import Section, setting

#: What a number of each unit can be at all, lowest and highest.
_BOUNDS = {
    "share": (0, 1),
    "share of the width": (0, 1),
    "score": (0, 1),
    "correlation": (-1, 1),
    "ratio": (0, 1000),
    "grey levels": (0, 255),
    "chroma levels": (0, 255),
    "CIE Lab a, b": (0, 200),
    "degrees": (-90, 90),
}


def _settings() -> dict[str, Any]:
    made = {}
    for field in fields(thresholds.Thresholds):
        unit, meaning = field.metadata["unit"], field.metadata["meaning"]
        low, high = _BOUNDS[unit]
        about = f"{meaning[0].upper()}{meaning[1:]}."
        made[field.name] = (float, setting(field.default, about, unit=unit, ge=low, le=high))
    return made


if TYPE_CHECKING:

    class Thresholds(Section):
        """The numbers verdicts are held against, as a section of the configuration file."""
else:
    Thresholds = create_model("Thresholds", __base__=Section, __module__=__name__, **_settings())
