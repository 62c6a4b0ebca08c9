"""Pure: what a problem of the API is: its code, its status, its three sentences in Chinese and English."""

from __future__ import annotations

from dataclasses import dataclass

Sentences = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ProblemType:
    """What happened, what it means, what to do. ``{name}`` in a sentence is filled from the problem's facts."""

    code: str
    status: int
    zh: Sentences
    en: Sentences
