"""Wiring: the table of ``docs/ref/relay-faults.md``: ``python -m tests.streaming.fault_report`` tries all of it.

``--print`` writes to standard output instead, ``--rounds N`` tries each so often (3), ``--only WORD`` tries those with
the word in their name anew: the others stay as they were last measured. Exit 1 when a row is not as it must be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.harness import Machine, load_average, progress, today
from bench.report import RESULTS
from config.text import printable
from tests.streaming.trials import TRIALS, Outcome, Trial
from tests.streaming.trials_service import SERVICE_TRIALS
from tests.support.tree import ROOT

ALL = (*TRIALS, *SERVICE_TRIALS)
KEPT = RESULTS / "relay-faults.json"
PAGE = ROOT / "docs" / "ref" / "relay-faults.md"
HEAD = """# Faults of live pictures, and what the viewer sees

Written by `python -m tests.streaming.fault_report`; do not edit. Measured {began} to {ended} on {cores} cores ({cpu}).
Each row's load average is its last column: on a busy machine what takes a processor (the last two rows above all) is
slower for it.

Each row is tried over true sockets: virtual cameras over RTSP (640x360, 12 pictures a second, a keyframe every half
second; every 4 s where packets of the camera's are missing), the relay, and a peer
(aiortc) that decodes what it gets; the last two rows are the whole service, asked over WHEP. Times count from the
fault, for a reboot from the camera's return, and are the worst of all tries. "Next picture": until one is decoded that
came after the fault (and shows what is new, where the picture changes). "Standstill": the longest time between two
decoded pictures, the fault included; 12 pictures a second are 0.08 s apart. The tile's words are those of
`GET /api/v1/views/live`, in the order in which they came. `tests/streaming/test_faults.py` holds each row to its limit.

| what breaks | the tile says | next picture | standstill | at most | as it must be | tries | load |
| --- | --- | ---: | ---: | ---: | --- | ---: | ---: |
"""
TAIL = """
A view whose service is gone cannot be told so: the page sees no new picture for 3 s, and asks for a new view.
A viewer that takes too little goes on at the next keyframe, counted in `skipped`, and is cut as `too slow` at the
seventh time within 30 s (`tests/streaming/test_viewer.py`). What was lost on the way to a viewer is sent again from the
ring for 2 s. How each is mended: [live pictures](live.md).
"""


@dataclass(frozen=True, slots=True)
class Row:
    """``load`` is the average of the minute before."""

    trial: Trial
    outcomes: tuple[Outcome, ...]
    when: str = ""
    load: float = 0.0

    @property
    def worst(self) -> Outcome:
        return max(self.outcomes, key=lambda o: (o.still or 0.0, o.back or 0.0))

    @property
    def faults(self) -> list[str]:
        return [fault for outcome in self.outcomes for fault in self.trial.faults(outcome)]


def line(row: Row) -> str:
    trial, worst = row.trial, row.worst
    back = max((o.back for o in row.outcomes if o.back is not None), default=None)
    still = max((o.still for o in row.outcomes if o.still is not None), default=None)
    says = ", ".join(worst.says) + (f"; {worst.note}" if worst.note else "")
    most = _seconds(trial.still if trial.back is None else trial.back, "g")
    verdict = "**no**: " + "; ".join(row.faults) if row.faults else "yes"
    cells = (
        trial.what,
        says,
        _seconds(back),
        _seconds(still),
        most,
        verdict,
        str(len(row.outcomes)),
        f"{row.load:.1f}",
    )
    return f"| {' | '.join(cells)} |"


def _seconds(value: float | None, form: str = "") -> str:
    if value is None:
        return ""
    return f"{value:{form or ('.2f' if value < 1 else '.1f')}} s"


def page(rows: Sequence[Row]) -> str:
    """Raises ``ValueError`` for no rows."""
    own = Machine.here()
    began, ended = min(row.when for row in rows), max(row.when for row in rows)
    return (
        HEAD.format(began=began, ended=ended, cores=own.cores, cpu=own.cpu)
        + "\n".join(line(row) for row in rows)
        + "\n"
        + TAIL
    )


def keep(rows: Sequence[Row]) -> None:
    known = {row.trial.what: row for row in kept()} | {row.trial.what: row for row in rows}
    told = {
        what: {"when": row.when, "load": row.load, "outcomes": [asdict(one) for one in row.outcomes]}
        for what, row in known.items()
    }
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps(told, indent=1), "utf-8")


def kept() -> list[Row]:
    """What was measured last, in the order of the page; a trial that is new is missing."""
    try:
        told = json.loads(KEPT.read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [
        Row(trial, tuple(_outcome(one) for one in told[trial.what]["outcomes"]), told[trial.what]["when"],
            told[trial.what]["load"])
        for trial in ALL
        if trial.what in told
    ]  # fmt: skip


def _outcome(told: dict[str, Any]) -> Outcome:
    return Outcome(tuple(told["says"]), told["back"], told["still"], told["note"])


def measured(trial: Trial, rounds: int, cache: Path) -> Row:
    load = load_average()
    return Row(trial, tuple(_tried(trial, cache) for _ in range(rounds)), today(), load)


def _tried(trial: Trial, cache: Path) -> Outcome:
    try:
        return asyncio.run(trial.run(cache))
    except (AssertionError, TimeoutError) as error:
        said = printable(str(error) or type(error).__name__, 120).replace("|", "/")
        return Outcome(("not measured",), None, None, said)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.streaming.fault_report")
    parser.add_argument("--print", action="store_true", help="to standard output, not to the page")
    parser.add_argument("--rounds", type=int, default=3, help="tries of each")
    parser.add_argument("--only", default="", help="a word of the rows to try anew")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as cache:
        for trial in ALL:
            if options.only in trial.what:
                row = measured(trial, options.rounds, Path(cache))
                progress(line(row))
                keep([row])
    rows = kept()
    text = page(rows)
    if options.print:
        sys.stdout.write(text)
    else:
        PAGE.write_text(text, "utf-8")
    return 1 if any(row.faults for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
