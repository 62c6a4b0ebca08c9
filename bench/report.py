"""Edge: results as JSON under ``build/bench`` and as a generated section of ``docs/design/performance.md``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.harness import Machine, load_average, today

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "design" / "performance.md"
RESULTS = ROOT / "build" / "bench"

#: In the order of the page.
SECTIONS = {
    "keyframe": "One keyframe",
    "sweep": "A sweep of the fleet",
    "discovery": "Finding cameras",
    "onvif": "Asking cameras",
    "api": "Asking the service",
    "relay": "Live pictures",
    "console_wall": "A tile of the console",
    "console_pages": "Pages of the console",
}


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure held against what was promised. ``most`` or ``least`` is the promise; one of the two is given."""

    what: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None

    @property
    def held(self) -> bool:
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)

    @property
    def promise(self) -> str:
        return f"<= {self.most:g}" if self.most is not None else f">= {self.least:g}"


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(slots=True)
class Result:
    """One bench's outcome. ``notes`` are sentences that belong beside the figures; ``data`` is for machines."""

    name: str
    command: str = ""
    date: str = field(default_factory=today)
    machine: Machine = field(default_factory=Machine.here)
    load_before: float = field(default_factory=load_average)
    bounds: list[Bound] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        whole = Path(sys.argv[0]).name == "__main__.py"
        program = "bench" if whole else f"bench.{self.name}"
        self.command = self.command or " ".join(["python -m", program, *sys.argv[1:]])

    @property
    def held(self) -> bool:
        return all(bound.held for bound in self.bounds)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def markdown(result: Result) -> str:
    machine = result.machine
    lines = [
        f"## {SECTIONS[result.name]}",
        "",
        f"`{result.command}`, {result.date}, {machine.cores} cores of {machine.cpu}, {machine.memory_gib:g} GiB, "
        f"Linux {machine.kernel}, Python {machine.python}; load before the run {result.load_before:.2f}.",
        "",
    ]
    if result.bounds:
        lines += [_row(("figure", "measured", "promised", "held")), _row(("---", "---:", "---:", "---"))]
        for bound in result.bounds:
            figure = f"{bound.value:,.0f}" if bound.value >= 100 else f"{bound.value:.3g}"
            measured = f"{figure} {bound.unit}".strip()
            lines.append(_row((bound.what, measured, bound.promise, "yes" if bound.held else "**no**")))
        lines.append("")
    for table in result.tables:
        lines += [f"### {table.title}", "", _row(table.columns)]
        lines.append(_row(["---", *["---:"] * (len(table.columns) - 1)]))
        lines += [_row(row) for row in table.rows] + [""]
    lines += [f"* {note}" for note in result.notes]
    return "\n".join(lines).rstrip() + "\n"


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- bench:{name} begin (generated) -->", f"<!-- bench:{name} end -->"


def splice(page: str, name: str, section: str) -> str:
    """``page`` with the generated section of ``name`` replaced; everything else stays as people wrote it.

    Raises ``ValueError`` for a page without the marks.
    """
    begin, end = _marks(name)
    head, mark, rest = page.partition(begin)
    _, mark_end, tail = rest.partition(end)
    if not mark or not mark_end:
        raise ValueError(f"no marks for {name} in the page: {begin} ... {end}")
    return f"{head}{begin}\n{section}\n{end}{tail}"


def keep(result: Result) -> None:
    """Every raw figure, for machines and for a run that is cut short."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    document = asdict(result) | {"held": result.held}
    (RESULTS / f"{result.name}.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def publish(result: Result, *, write_page: bool) -> None:
    """Print the section, keep the JSON, and, if asked to, put it into the page."""
    section = markdown(result)
    print(section, flush=True)
    keep(result)
    if write_page:
        PAGE.write_text(splice(PAGE.read_text("utf-8"), result.name, section), "utf-8")
