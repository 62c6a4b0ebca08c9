"""Wiring: the whole fleet checked round and round by the whole service, the virtual cameras on the same cores.

``python -m bench.sweep [--sizes 480 2000 7500] [--steady-seconds 150] [--write]``. Two kinds of run: *as fast as it
goes* (more is due than can be done: checks a second, cost a check) and *steady* (both tiers at a set pace, all
healthy and with 30 % of the cameras not answering: who is late, what it costs).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from bench.fleet import ROOT, fleet_process
from bench.harness import MIB, cpu_seconds
from bench.plot import Line, svg
from bench.report import Bound, Result, Table, publish

FOLDER = ROOT / "build" / "bench"
PLOT = ROOT / "docs" / "design" / "cost-per-camera.svg"
#: More than two cores can do: what comes out is what they can.
DEMANDED_PER_SECOND = 250.0
LEAST_CHECKS = 2000


def _judge(order: dict[str, Any], source: int) -> dict[str, Any]:
    """The figures of one run, with the source's CPU in the same window. Raises ``RuntimeError`` when it failed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.sweep_service"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    guard = threading.Timer(3 * order["limit_seconds"], process.kill)
    guard.start()
    before = 0.0
    figures: dict[str, Any] | None = None
    try:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.close()
        for line in process.stdout:
            document = json.loads(line)
            if document["stage"] == "warm":
                before = cpu_seconds([source])
            else:
                figures = document | {"cpu_source": cpu_seconds([source]) - before}
        process.wait()
    finally:
        guard.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
    if figures is None or process.returncode:
        raise RuntimeError(f"the judged service ended with {process.returncode} and without figures")
    return figures


def sweep(
    cameras: int, *, picture_seconds: float, liveness_seconds: float, window_seconds: float = 0.0, silent: float = 0.0
) -> dict[str, Any]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with fleet_process(cameras, refusing=silent / 2, hanging=silent / 2) as (source, document):
        order = {
            "cameras": document["cameras"],
            "silent": document["silent"],
            "picture_seconds": picture_seconds,
            "liveness_seconds": liveness_seconds,
            "window_seconds": window_seconds,
            "window_checks": max(cameras, LEAST_CHECKS),
            "limit_seconds": 600.0 + cameras / 5 + 2 * picture_seconds,
            "folder": str(FOLDER),
        }
        return _judge(order, source)


def _each(figures: dict[str, Any], key: str) -> float:
    return float(figures[key]) / float(figures["checks"]) * 1000


def _fast_table(runs: dict[int, dict[str, Any]]) -> Table:
    rows = []
    for cameras, run in runs.items():
        verdicts = ", ".join(f"{name} {count:,}" for name, count in sorted(run["verdicts"].items()))
        rows.append(
            (
                f"{cameras:,}",
                f"{run['checks'] / run['seconds']:.1f}",
                f"{_each(run, 'cpu'):.2f}",
                f"{_each(run, 'cpu_service'):.2f}",
                f"{_each(run, 'cpu_source'):.2f}",
                f"{run['pss'] / MIB:.0f}",
                f"{run['pss'] / cameras / 1024:.0f}",
                verdicts,
            )
        )
    columns = (
        "cameras",
        "checks/s",
        "CPU ms a check",
        "of it outside the workers",
        "the cameras' own CPU ms",
        "PSS MiB",
        "PSS KiB a camera",
        "seen",
    )
    return Table("As fast as it goes: keyframe, decode, all measures, state on the disk", columns, tuple(rows))


def _steady_table(runs: dict[str, dict[str, Any]]) -> Table:
    rows = []
    for name, run in runs.items():
        gaps = run["gaps"]
        rows.append(
            (
                name,
                f"{run['checks'] / run['seconds']:.1f}",
                f"{run['liveness'] / run['seconds']:.1f}",
                f"{100 * run['cpu'] / run['seconds']:.0f} %",
                f"{100 * run['cpu_source'] / run['seconds']:.0f} %",
                f"{run['late']:,} of {run['healthy']:,}",
                f"{gaps[int(len(gaps) * 0.99)]:.0f}" if gaps else "",
                f"{run['pss'] / MIB:.0f}",
            )
        )
    columns = (
        "fleet",
        "pictures/s of healthy ones",
        "signs of life/s",
        "CPU of a core",
        "the cameras' own",
        "healthy ones late",
        "gap s, p99",
        "PSS MiB",
    )
    return Table("Steady: both tiers at a set pace", columns, tuple(rows))


def _draw(runs: dict[int, dict[str, Any]]) -> None:
    lines = [
        Line("service and workers", tuple((n, _each(run, "cpu")) for n, run in runs.items())),
        Line("service alone", tuple((n, _each(run, "cpu_service")) for n, run in runs.items())),
    ]
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    PLOT.write_text(svg("CPU of one picture check", "cameras watched", "ms", lines), "utf-8")


def _steady(cameras: int, seconds: float) -> dict[str, dict[str, Any]]:
    pace = {"picture_seconds": seconds, "liveness_seconds": 60.0, "window_seconds": seconds}
    return {
        f"{cameras:,} healthy": sweep(cameras, **pace),
        f"{cameras:,}, 15 % refuse, 15 % hang": sweep(cameras, silent=0.3, **pace),
    }


def run(sizes: list[int], steady_seconds: float) -> Result:
    result = Result("sweep")
    fast = {
        cameras: sweep(cameras, picture_seconds=max(4.0, cameras / DEMANDED_PER_SECOND), liveness_seconds=3600.0)
        for cameras in sizes
    }
    largest = fast[sizes[-1]]
    result.tables = [_fast_table(fast)]
    result.bounds = [
        Bound(f"checks a second at {sizes[-1]:,} cameras", largest["checks"] / largest["seconds"], "/s", least=80),
        Bound(f"PSS of service and workers at {sizes[-1]:,}", largest["pss"] / MIB, "MiB", most=1024),
        Bound("checks that failed on our side", sum(run["failed"] for run in fast.values()), "", most=0),
    ]
    if steady_seconds:
        steady = _steady(sizes[-1], steady_seconds)
        healthy, silent = steady.values()
        result.tables.append(_steady_table(steady))
        result.bounds += [
            Bound("healthy cameras late with 30 % not answering", silent["late"], "", most=0),
            Bound(
                "CPU with 30 % not answering, against all healthy",
                silent["cpu"] / silent["seconds"] / (healthy["cpu"] / healthy["seconds"]),
                "x",
                most=1.2,
            ),
        ]
        result.data["steady"] = steady
    result.notes = [
        "The judged processes are the whole service as `serve` builds it (register and states in SQLite on disk, "
        "audit, change feed) and its decode workers; the window begins once each camera has a reference to be held "
        "against and is known as healthy. 1920x1080 H.264, Digest login, a keyframe of about 105 kB.",
        "Late: a healthy camera whose last picture is older than 1.5 intervals when the window ends.",
    ]
    result.data["fast"] = {str(cameras): figures for cameras, figures in fast.items()}
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sweep")
    parser.add_argument("--sizes", type=int, nargs="+", default=[480, 2000, 7500])
    parser.add_argument("--steady-seconds", type=float, default=150.0, help="0 leaves the steady runs out")
    parser.add_argument("--write", action="store_true", help="into docs/design/performance.md, with the plot")
    options = parser.parse_args(arguments)
    result = run(sorted(options.sizes), options.steady_seconds)
    if options.write:
        _draw({int(cameras): figures for cameras, figures in result.data["fast"].items()})
        result.notes.append(f"Cost a check by size of the fleet: ![plot]({Path(PLOT).name})")
    publish(result, write_page=options.write)
    return 0 if result.held else 1


if __name__ == "__main__":
    sys.exit(main())
