"""Edge: a camera's references on disk: one versioned file, read by mapping it, replaced atomically.

Layout, little-endian: a header of 64 bytes (magic ``XLRB``, version, number of references, times and the day's
count), then one record per reference: 64 bytes of header, mean (115,200), light (2,304), ring (1,152). A record is
118,720 bytes, a full file 949,824: under 120 kB a reference and 1 MiB a camera. Only the worker the camera is
hashed to reads and writes the file, so no lock is needed; the service only names the path.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

import numpy as np

from config.errors import Kind, XueliangError
from health.reference import MAX_REFERENCES, RING, SCALARS, Bank, Reference, ReferenceState
from health.views import SMALL, TINY

MAGIC = b"XLRB"
VERSION = 1
_HEADER = struct.Struct("<4sHHddIH34x")
_RECORD = struct.Struct("<HHIddQ32x")
_MEAN = 2 * SMALL[0] * SMALL[1]
_LIGHT = TINY[0] * TINY[1]
_RING = RING * len(SCALARS) * 4
RECORD = _RECORD.size + _MEAN + _LIGHT + _RING
MAX_FILE = _HEADER.size + MAX_REFERENCES * RECORD


def read(path: str | Path) -> Bank | None:
    """``None`` where there is no file. Raises ``INVALID`` for one that is not ours or of a newer version."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if not _HEADER.size <= size <= MAX_FILE:
                raise _invalid(path, f"{size} bytes")
            return _parse(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ), size, path)
    except FileNotFoundError:
        return None


def write(path: str | Path, bank: Bank) -> None:
    """Written beside and renamed, so that a crash leaves the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(path.name + ".new")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pack(bank))
        file.flush()
        os.fdatasync(file.fileno())
    os.replace(beside, path)


def pack(bank: Bank) -> bytes:
    head = (MAGIC, VERSION, len(bank.references), bank.created, bank.written, bank.day, bank.added)
    parts = [_HEADER.pack(*head)]
    for r in bank.references[:MAX_REFERENCES]:
        rows = len(r.ring)
        ring = np.zeros((RING, len(SCALARS)), np.float32)
        ring[:rows] = r.ring
        samples = min(r.samples, 2**32 - 1)
        parts.append(_RECORD.pack(r.state, rows, samples, r.created, r.updated, r.bands))
        parts += [r.mean.tobytes(), r.light.tobytes(), ring.tobytes()]
    return b"".join(parts)


def _parse(data: mmap.mmap, size: int, path: str | Path) -> Bank:
    magic, version, count, created, written, day, added = _HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise _invalid(path, f"version {version}")
    if count > MAX_REFERENCES or size != _HEADER.size + count * RECORD:
        raise _invalid(path, f"{count} references in {size} bytes")
    references = tuple(_record(data, _HEADER.size + i * RECORD, path) for i in range(count))
    return Bank(created, written, day, added, references)


def _record(data: mmap.mmap, at: int, path: str | Path) -> Reference:
    state, rows, samples, created, updated, bands = _RECORD.unpack_from(data, at)
    if rows > RING or state not in set(ReferenceState):
        raise _invalid(path, f"a reference in state {state} with {rows} rows")
    at += _RECORD.size
    mean = np.frombuffer(data, np.int8, _MEAN, at).reshape(2, SMALL[1], SMALL[0])
    light = np.frombuffer(data, np.uint8, _LIGHT, at + _MEAN).reshape(TINY[1], TINY[0])
    ring = np.frombuffer(data, np.float32, RING * len(SCALARS), at + _MEAN + _LIGHT).reshape(RING, len(SCALARS))
    return Reference(ReferenceState(state), samples, created, updated, bands, mean, light, np.nan_to_num(ring[:rows]))


def _invalid(path: str | Path, what: str) -> XueliangError:
    return XueliangError(
        Kind.INVALID,
        f"not a reference file of version {VERSION}: {what}",
        where=os.fspath(path),
        fix="Remove it; the camera's references are then learned anew",
    )
