"""Pure: everything a detector may look at, and its form as an answer's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from health.match import Fit, Shift
from health.measures import Measures
from health.sun import SunBand


@dataclass(frozen=True, slots=True)
class Facts:
    """``normal`` is the matched reference's own median of each scalar. ``fit`` is ``None`` while no reference is in
    use, and so is ``cast`` (CIE Lab distance to the nearest reference's colour); ``shift`` is ``None`` where the view
    was not looked for elsewhere, ``repeat`` (grey levels) without an earlier picture.
    ``band_known``: some reference was seen in this light."""

    measures: Measures
    fit: Fit | None
    shift: Shift | None
    normal: Mapping[str, float]
    cast: float | None
    repeat: float | None
    advanced: bool | None
    band: SunBand
    elevation: float | None
    band_known: bool
    warming_up: bool
    layout: float  # deviation of the 64x36 picture

    def to_numbers(self) -> dict[str, Any]:
        return {
            "measures": self.measures.to_numbers(),
            "fit": asdict(self.fit) if self.fit else None,
            "shift": asdict(self.shift) if self.shift else None,
            "normal": dict(self.normal),
            "cast": self.cast,
            "repeat": self.repeat,
            "advanced": self.advanced,
            "band": self.band.value,
            "elevation": self.elevation,
            "band_known": self.band_known,
            "warming_up": self.warming_up,
            "layout": self.layout,
        }

    @classmethod
    def from_numbers(cls, raw: Mapping[str, Any]) -> Facts:
        """Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what no worker of this version sends."""
        rest = {k: raw[k] for k in ("cast", "repeat", "advanced", "elevation", "band_known", "warming_up", "layout")}
        return cls(
            measures=Measures.from_numbers(raw["measures"]),
            fit=Fit(**raw["fit"]) if raw["fit"] else None,
            shift=Shift(**raw["shift"]) if raw["shift"] else None,
            normal={str(k): float(v) for k, v in raw["normal"].items()},
            band=SunBand(raw["band"]),
            **rest,
        )
