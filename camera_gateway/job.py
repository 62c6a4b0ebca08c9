"""Pure: what goes to a decode worker and what comes back, as bounded, framed bytes (msgpack, never pickle).

A frame on the pipe is a 4-byte big-endian length and one msgpack map.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgpack

from camera_gateway.access_unit import AccessUnit, Codec, ParameterSets
from config.errors import Kind, XueliangError

#: A 20 MB keyframe is an attack or a defect; real ones of 4K cameras stay under 4 MB.
MAX_UNIT = 8 * 1024 * 1024
MAX_JOB = MAX_UNIT + 256 * 1024
MAX_ANSWER = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Job:
    """``mask`` holds privacy polygons in picture shares (0..1); ``parameters`` is what the judging function needs
    (settings, last signature, hour, sun): plain numbers, strings, bytes, lists and maps only."""

    camera_id: str
    unit: AccessUnit
    mask: tuple[tuple[tuple[float, float], ...], ...] = ()
    reference_path: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """``numbers`` are the measures; pictures are JPEG bytes with the mask already burnt in."""

    numbers: dict[str, Any]
    thumbnail: bytes = b""
    evidence: bytes = b""


def pack_job(job: Job) -> bytes:
    unit = job.unit
    sets = unit.parameter_sets
    if unit.size > MAX_UNIT:
        raise XueliangError(
            Kind.TOO_LARGE,
            f"a keyframe of {unit.size} bytes, more than {MAX_UNIT}",
            fix="Lower the resolution or the bitrate in the camera's encoder settings",
        )
    return bytes(
        msgpack.packb(
            {
                "camera": job.camera_id,
                "codec": unit.codec.value,
                "nals": list(unit.nals),
                "sets": list(sets.nals) if sets else [],
                "mask": [[list(p) for p in polygon] for polygon in job.mask],
                "reference": job.reference_path,
                "parameters": job.parameters,
            }
        )
    )


def unpack_job(data: bytes) -> Job:
    raw = msgpack.unpackb(_bounded(data, MAX_JOB))
    codec = Codec(raw["codec"])
    unit = AccessUnit(
        codec,
        True,
        tuple(raw["nals"]),
        0,
        0.0,
        parameter_sets=ParameterSets(codec, tuple(raw["sets"])) if raw["sets"] else None,
    )
    mask = tuple(tuple((float(x), float(y)) for x, y in polygon) for polygon in raw["mask"])
    return Job(raw["camera"], unit, mask, raw["reference"], raw["parameters"])


def pack_answer(answer: Answer) -> bytes:
    return bytes(msgpack.packb({"n": answer.numbers, "t": answer.thumbnail, "e": answer.evidence}))


def unpack_answer(data: bytes) -> Answer:
    """Raises ``ValueError``, ``KeyError`` or ``TypeError`` for what no sound worker says."""
    raw = msgpack.unpackb(_bounded(data, MAX_ANSWER))
    answer = Answer(raw["n"], raw["t"], raw["e"])
    sound = isinstance(answer.numbers, dict) and all(isinstance(name, str) for name in answer.numbers)
    if not sound or not isinstance(answer.thumbnail, bytes) or not isinstance(answer.evidence, bytes):
        raise TypeError("an answer of other types")
    return answer


def _bounded(data: bytes, limit: int) -> bytes:
    """msgpack bounds every item by the length of its input; the input itself is bounded here."""
    if len(data) > limit:
        raise XueliangError(Kind.TOO_LARGE, f"a frame of {len(data)} bytes, more than {limit}")
    return data
