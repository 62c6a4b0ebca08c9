"""Pure: candidates that come after the offer (RFC 8840, ``application/trickle-ice-sdpfrag``)."""

from __future__ import annotations

from dataclasses import dataclass

from config.errors import Kind, XueliangError
from streaming.candidate import MAX_CANDIDATES, Candidate, parse

MAX_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Trickle:
    """``ufrag`` is empty where the fragment names none; ``last`` says that no more will come."""

    ufrag: str
    candidates: tuple[Candidate, ...]
    last: bool


def fragment(text: str) -> Trickle:
    """Raises ``INVALID`` for what is no such fragment."""
    lines = [line.strip() for line in text.splitlines()]
    if len(text) > MAX_BYTES or not any(line.startswith("a=") for line in lines):
        raise XueliangError(Kind.INVALID, "this is no list of ICE candidates", where="body", fix="See RFC 8840")
    found = [parse(line) for line in lines if line.startswith("a=candidate:")][: 4 * MAX_CANDIDATES]
    ufrag = next((line.removeprefix("a=ice-ufrag:") for line in lines if line.startswith("a=ice-ufrag:")), "")
    return Trickle(ufrag[:256], tuple(c for c in found if c is not None), "a=end-of-candidates" in lines)
