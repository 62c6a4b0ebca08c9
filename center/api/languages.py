"""Pure: which of our two languages a request prefers (RFC 9110 section 12.5.4)."""

from __future__ import annotations


def prefers_chinese(accept_language: str) -> bool:
    """True where ``zh`` stands before ``en``. Programs that say nothing get English."""
    best = {"zh": 0.0, "en": 0.0}
    for number, item in enumerate(accept_language[:200].split(",")[:10]):
        tag, _, rest = item.strip().partition(";")
        main = tag.split("-")[0].lower()
        if main not in best:
            continue
        # Earlier wins among equals.
        best[main] = max(best[main], _quality(rest) - number * 1e-6)
    return best["zh"] > best["en"]


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if not value:
        return 1.0
    digits = value.strip()
    if name.strip().lower() != "q" or len(digits) > 5 or not digits.replace(".", "", 1).isdecimal():
        return 0.0
    return min(1.0, float(digits)) if digits.isascii() else 0.0
