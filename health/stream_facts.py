"""Pure: what a few seconds of a stream say of it: frame rate, bitrate, GOP, B-frames, loss, the sender's clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from camera_gateway.access_unit import AccessUnit

_WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """``None`` means that the time watched did not show it. ``gop_frames`` and ``gop_seconds`` need two keyframes;
    ``gop_at_least`` is the longest run seen without a second one. ``bitrate`` is in bit/s, times in seconds."""

    seconds: float
    frames: int
    keyframes: int
    fps: float | None
    bitrate: float | None
    gop_frames: int | None
    gop_seconds: float | None
    gop_at_least: float | None
    b_frames: bool | None
    keyframe_bytes: int | None
    damaged: int


def measure(units: Sequence[AccessUnit], reorder: int | None = None) -> StreamFacts:
    """``units`` in the order they came; ``reorder`` is what the parameter sets promise (0: no B-frames)."""
    times = _unwrapped(units)
    rate = units[0].clock_rate if units else 90_000
    seconds = (max(times) - min(times)) / rate if len(times) > 1 else 0.0
    keys = [index for index, unit in enumerate(units) if unit.keyframe]
    gop = (times[keys[-1]] - times[keys[0]]) / rate / (len(keys) - 1) if len(keys) > 1 else None
    known = seconds > 0
    return StreamFacts(
        seconds=seconds,
        frames=len(units),
        keyframes=len(keys),
        fps=(len(units) - 1) / seconds if known else None,
        # The last picture's duration is not in ``seconds``, so its bytes are left out as well.
        bitrate=sum(unit.size for unit in units[:-1]) * 8 / seconds if known else None,
        gop_frames=round((keys[-1] - keys[0]) / (len(keys) - 1)) if len(keys) > 1 else None,
        gop_seconds=gop if gop and gop > 0 else None,
        gop_at_least=(max(times) - times[keys[-1]]) / rate if keys and len(keys) == 1 else None,
        b_frames=_b_frames(times, reorder),
        keyframe_bytes=units[keys[0]].size if keys else None,
        damaged=sum(unit.damaged for unit in units),
    )


def _unwrapped(units: Sequence[AccessUnit]) -> list[int]:
    """RTP times as growing numbers; a step of less than half the range either way is taken as it stands."""
    times: list[int] = []
    for unit in units:
        if not times:
            times.append(unit.rtp_time)
            continue
        step = (unit.rtp_time - times[-1]) % _WRAP
        times.append(times[-1] + (step - _WRAP if step > _WRAP // 2 else step))
    return times


def _b_frames(times: Sequence[int], reorder: int | None) -> bool | None:
    """B-frames come in decoding order, so their presentation times step back (RFC 6184 section 5.1)."""
    if any(later < earlier for earlier, later in pairwise(times)):
        return True
    if reorder == 0:
        return False
    # Without a promise in the parameter sets, a run of a second without a step back is what can be had.
    return False if len(times) >= 12 else None
