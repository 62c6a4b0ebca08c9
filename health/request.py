"""Pure: what the service decided for one picture check, as a job's parameters (plain numbers, bytes and maps)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from config.thresholds import Thresholds
from health import sun
from health.reference import Learning
from health.sun import SunBand


class Command(StrEnum):
    """What a person asked to be done with a camera's references, done before the picture is judged."""

    NONE = ""
    APPROVE = "approve"  # what is proposed (or in use) is normal
    RESET = "reset"  # forget all references and learn anew


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """``at``: POSIX seconds of receipt. ``advanced``: whether the source's timestamp moved on since the picture
    whose ``signature`` is given (``None``: not known, taken as yes). ``signature`` is ``numbers["signature"]`` of
    the last answer for this camera."""

    at: float
    signature: bytes = b""
    advanced: bool | None = None
    latitude: float | None = None
    longitude: float | None = None
    learning: Learning = field(default_factory=Learning)
    thresholds: Thresholds = field(default_factory=Thresholds)
    command: Command = Command.NONE
    thumbnail: bool = True
    evidence: bool = True  # drawn only when something is bad

    @property
    def elevation(self) -> float | None:
        if self.latitude is None or self.longitude is None:
            return None
        return sun.elevation(self.at, self.latitude, self.longitude)

    @property
    def band(self) -> SunBand:
        return sun.band(self.elevation, self.thresholds.dusk_low, self.thresholds.dusk_high)

    def to_parameters(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "signature": self.signature,
            "advanced": self.advanced,
            "place": None if self.latitude is None else [self.latitude, self.longitude],
            "learning": dict(_plain(self.learning)),
            "thresholds": dict(_changes(self.thresholds)),
            "command": self.command.value,
            "thumbnail": self.thumbnail,
            "evidence": self.evidence,
        }

    @classmethod
    def from_parameters(cls, raw: dict[str, Any]) -> JudgeRequest:
        place = raw.get("place") or (None, None)
        return cls(
            at=float(raw["at"]),
            signature=raw.get("signature", b""),
            advanced=raw.get("advanced"),
            latitude=place[0],
            longitude=place[1],
            learning=Learning(**raw.get("learning", {})),
            thresholds=Thresholds.of(raw.get("thresholds", {})),
            command=Command(raw.get("command", "")),
            thumbnail=bool(raw.get("thumbnail", True)),
            evidence=bool(raw.get("evidence", True)),
        )


@lru_cache(maxsize=8)
def _plain(learning: Learning) -> dict[str, Any]:
    """The same few settings go with every job."""
    return asdict(learning)


@lru_cache(maxsize=8)
def _changes(thresholds: Thresholds) -> dict[str, float]:
    return thresholds.changes()
