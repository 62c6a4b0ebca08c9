"""Pure: one section of the relay's bench, so that it can be run again alone, and what several of them make together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from bench.harness import load_average, today
from bench.report import Bound, Table

#: In the order of the page.
NAMES = ("cpu", "scale", "first", "wall")


@dataclass(slots=True)
class Part:
    """``plot`` is an SVG, empty for none."""

    name: str
    bounds: list[Bound] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    plot: str = ""
    quick: bool = False
    date: str = field(default_factory=today)
    load_before: float = field(default_factory=load_average)

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Back from JSON. Raises ``TypeError`` for what was written by another version."""
        given = dict(document)
        given["bounds"] = [Bound(**bound) for bound in given["bounds"]]
        given["tables"] = [
            Table(table["title"], tuple(table["columns"]), tuple(tuple(row) for row in table["rows"]))
            for table in given["tables"]
        ]
        return cls(**given)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all are not above. Raises ``ValueError`` for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, -(-round(share * 1e6) * len(ordered) // 1_000_000) - 1)]


def together(fresh: Iterable[Part], kept: Iterable[Part]) -> list[Part]:
    """The newest of each name in the order of the page; what only was a try-out (``quick``) is not kept."""
    found = {part.name: part for part in kept if not part.quick} | {part.name: part for part in fresh}
    return [found[name] for name in NAMES if name in found]
