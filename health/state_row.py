"""Pure: the state of a camera as one row, and back, losing nothing that a confirmation needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from health.confirm import Sample, Standing, Track
from health.observation import Layer, Observation
from health.state import CameraState, Change, State

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of one camera: its state, counters since it is watched, the last probe ids (so that the same
    observation delivered twice counts once), and the last check of each tier for whoever asks."""

    state: CameraState
    checks: int = 0
    failures: int = 0
    recent: tuple[str, ...] = ()
    last_picture: Mapping[str, Any] | None = None
    last_liveness: Mapping[str, Any] | None = None
    next_check_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one camera by ``changes``, to be written with them."""

    known: Known
    changes: tuple[Change, ...] = ()


#: As many probe ids as one burst, a command and the slots around them.
RECENT = 16


def to_row(known: Known) -> dict[str, Any]:
    s = known.state
    return {
        "camera_id": s.camera_id,
        "state": s.state,
        "since": s.since,
        "cause": s.cause,
        "link": s.link_value,
        "link_since": s.link.since,
        "link_cause": s.link.cause,
        "picture": s.picture_value,
        "picture_since": s.picture.since,
        "picture_cause": s.picture.cause,
        "last_at": s.last_at,
        "last_good_at": s.last_good_at,
        "checks": known.checks,
        "failures": known.failures,
        "memory": {
            "link": _track(s.link),
            "picture": _track(s.picture),
            "failed_layer": int(s.failed_layer),
            "layers": {str(int(layer)): _number(at) for layer, at in s.layers.items()},
            "maintenance": s.maintenance,
            "recent": list(known.recent),
        },
        "last_picture": dict(known.last_picture) if known.last_picture is not None else None,
        "last_liveness": dict(known.last_liveness) if known.last_liveness is not None else None,
        "next_check_at": known.next_check_at,
    }


def from_row(row: Mapping[str, Any]) -> Known:
    memory = row["memory"]
    state = CameraState(
        row["camera_id"],
        _read_track(memory["link"]),
        _read_track(memory["picture"]),
        State(row["state"]),
        row["since"],
        row["cause"],
        Layer(memory["failed_layer"]),
        {Layer(int(layer)): _time(at) for layer, at in memory["layers"].items()},
        bool(memory["maintenance"]),
        row["last_at"],
        row["last_good_at"],
    )
    return Known(
        state,
        row["checks"],
        row["failures"],
        tuple(memory["recent"]),
        row["last_picture"],
        row["last_liveness"],
        row["next_check_at"],
    )


def picture_summary(seen: Observation) -> dict[str, Any]:
    """The last picture check as the status of a camera shows it."""
    return {
        "probe_id": seen.probe_id,
        "at": _number(seen.at),
        "link": seen.link,
        "picture": seen.picture,
        "cause": seen.cause,
        "also": list(seen.also),
        "detail": seen.detail[:400],
        "delays": seen.delays.as_dict(),
        "measures": [m.as_dict() for m in seen.measures],
        "facts": dict(seen.facts),
    }


def liveness_summary(seen: Observation) -> dict[str, Any]:
    return {
        "probe_id": seen.probe_id,
        "at": _number(seen.at),
        "link": seen.link,
        "layer": seen.layer.word,
        "cause": seen.cause,
        "detail": seen.detail[:400],
        "facts": dict(seen.facts),
    }


def summary_time(summary: Mapping[str, Any]) -> datetime:
    return _time(summary["at"])


def _track(track: Track) -> dict[str, Any]:
    return {
        "standing": track.standing.value,
        "since": _number(track.since),
        "cause": track.cause,
        "proved": track.proved.value if track.proved else None,
        "window": [[_number(s.at), s.bad, s.cause] for s in track.window],
        "doubts": track.doubts,
        "doubted_from": _number(track.doubted_from) if track.doubted_from else None,
        "last_at": _number(track.last_at) if track.last_at else None,
    }


def _read_track(raw: Mapping[str, Any]) -> Track:
    return Track(
        Standing(raw["standing"]),
        _time(raw["since"]),
        raw["cause"],
        Standing(raw["proved"]) if raw["proved"] else None,
        tuple(Sample(_time(at), bool(bad), cause) for at, bad, cause in raw["window"]),
        raw["doubts"],
        _time(raw["doubted_from"]) if raw["doubted_from"] is not None else None,
        _time(raw["last_at"]) if raw["last_at"] is not None else None,
    )


def _number(at: datetime) -> int:
    """Microseconds since 1970: exact, as the columns are."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _time(number: int) -> datetime:
    return _EPOCH + timedelta(microseconds=number)
