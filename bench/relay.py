"""Wiring: live pictures: what a viewer costs beside the peers, how soon the first picture is there, how many fit.

``python -m bench relay [--write] [--quick]``, or ``python -m bench.relay [--only cpu|scale|first|wall]...``: what is
not run again stays as it was last measured (``build/bench/relay-*.json``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.async_api import Error as BrowserError

from bench import relay_browser, relay_load
from bench.harness import progress
from bench.relay_part import NAMES, Part, together
from bench.report import PAGE, RESULTS, Result, publish

PLOT = PAGE.parent / "relay-cost.svg"
RUN: dict[str, Callable[..., Part]] = {
    "cpu": relay_load.cpu,
    "scale": relay_load.scale,
    "first": relay_browser.first,
    "wall": relay_browser.wall,
}


def _file(name: str) -> Path:
    return RESULTS / f"relay-{name}.json"


def kept() -> list[Part]:
    """What was measured before; what another version wrote is passed over."""
    found = []
    for name in NAMES:
        try:
            found.append(Part.of(json.loads(_file(name).read_text("utf-8"))))
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return found


def result_of(parts: list[Part]) -> Result:
    result = Result("relay")
    for part in parts:
        result.bounds += part.bounds
        result.tables += part.tables
        result.notes += part.notes
        result.data[part.name] = {"date": part.date, "load_before": part.load_before, **part.data}
    dates = ", ".join(f"{part.name} {part.date} (load before {part.load_before:.2f})" for part in parts)
    result.notes.append(f"Measured: {dates}.")
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.relay")
    parser.add_argument(
        "--only", action="append", choices=NAMES, default=[], help="this section alone; may be repeated"
    )
    parser.add_argument("--write", action="store_true", help="into docs/design/performance.md, with the plot")
    parser.add_argument("--quick", action="store_true", help="few viewers and repeats: whether it runs at all")
    options = parser.parse_args(arguments)
    fresh, failed = [], False
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in options.only or NAMES:
        progress(f"relay: {name} begins")
        try:
            part = RUN[name](quick=options.quick)
        except (RuntimeError, OSError, subprocess.SubprocessError, BrowserError) as error:
            # What the other sections find is worth having all the same.
            progress(f"x relay, {name}: {error}")
            failed = True
            continue
        part.quick = options.quick
        fresh.append(part)
        _file(f"{name}-quick" if options.quick else name).write_text(json.dumps(part.document(), indent=1), "utf-8")
    result = result_of(together(fresh, [] if options.quick else kept()))
    if options.write:
        for part in fresh:
            if part.plot:
                PLOT.write_text(part.plot, "utf-8")
    publish(result, write_page=options.write)
    return 0 if result.held and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
