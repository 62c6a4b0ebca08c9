"""Wiring: the whole fleet checked round and round by the whole service, the virtual cameras on the same cores.

``python -m bench.sweep [--sizes 480 2000 7500] [--steady-seconds 120] [--write]``. Two kinds of run: *as fast as it
goes* (more is due than can be done: checks a second, cost a check) and *steady* (both tiers at a set pace, all
healthy and with 30 % of the cameras not answering: who is late, what it costs).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.fleet import ROOT, Source, fleet_process
from bench.harness import MIB, cpu_seconds, load_average, progress
from bench.plot import Line, svg
from bench.report import Bound, Result, Table, keep, publish

FOLDER = ROOT / "build" / "bench"
PLOT = ROOT / "docs" / "design" / "cost-per-camera.svg"
#: More than two cores can do: what comes out is what they can.
DEMANDED_PER_SECOND = 250.0
#: First looks cost more (accounts proved, references kept, states begun): the window must not begin among them.
SLOWEST_PER_SECOND = 30.0


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
    guard = threading.Timer(order["limit_seconds"], process.kill)
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


class Rig:
    """One fleet and one data folder for all runs: each run goes on where the smaller one before it ended."""

    def __init__(self, source: Source, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._silent: list[str] = []

    def silence(self, refusing: float, hanging: float) -> None:
        self._silent = self._source.silence(refusing, hanging)

    def sweep(
        self,
        cameras: int,
        *,
        picture_seconds: float,
        liveness_seconds: float,
        warm_seconds: float,
        window_seconds: float,
    ) -> dict[str, Any]:
        progress(f"sweep of {cameras:,} cameras, a window of {window_seconds:g} s")
        chosen = self._source.document["cameras"][:cameras]
        order = {
            "cameras": chosen,
            "scenes": self._source.document["scenes"],
            "silent": self._silent,
            "picture_seconds": picture_seconds,
            "liveness_seconds": liveness_seconds,
            "warm_seconds": warm_seconds,
            "window_seconds": window_seconds,
            # A camera is registered in 20 ms on an idle machine; on one that is not the bench still ends.
            "limit_seconds": 120.0 + cameras / 8 + warm_seconds + window_seconds,
            "folder": str(self._folder),
        }
        return _judge(order, self._source.pid)


@contextmanager
def rig(cameras: int) -> Iterator[Rig]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="sweep-", dir=FOLDER) as folder,
        fleet_process(cameras) as source,
    ):
        yield Rig(source, Path(folder))


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


def _fast(rig: Rig, cameras: int) -> dict[str, Any]:
    """The larger the fleet, the longer its window: 30 s to 120 s; the warm-up leaves time for first looks at all."""
    return rig.sweep(
        cameras,
        picture_seconds=max(4.0, cameras / DEMANDED_PER_SECOND),
        liveness_seconds=3600.0,
        warm_seconds=10.0 + cameras / SLOWEST_PER_SECOND,
        window_seconds=min(120.0, 30.0 + cameras / 80),
    )


def _steady(rig: Rig, cameras: int, seconds: float) -> dict[str, dict[str, Any]]:
    """The window is longer than an interval, so that each healthy camera is due in it."""
    pace = {"picture_seconds": seconds, "liveness_seconds": 60.0, "warm_seconds": 20.0, "window_seconds": seconds + 5}
    healthy = rig.sweep(cameras, **pace)
    rig.silence(0.15, 0.15)
    return {f"{cameras:,} healthy": healthy, f"{cameras:,}, 15 % refuse, 15 % hang": rig.sweep(cameras, **pace)}


def _result(fast: dict[int, dict[str, Any]], steady: dict[str, dict[str, Any]]) -> Result:
    result = Result("sweep")
    size = max(fast)
    largest = fast[size]
    result.tables = [_fast_table(fast)]
    result.bounds = [
        Bound(f"checks a second at {size:,} cameras", largest["checks"] / largest["seconds"], "/s", least=80),
        Bound(f"PSS of service and workers at {size:,}", largest["pss"] / MIB, "MiB", most=1024),
        Bound("checks that failed on our side", sum(run["failed"] for run in fast.values()), "", most=0),
    ]
    if steady:
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
    result.notes = [
        "The judged processes are the whole service as `serve` builds it (register and states in SQLite on disk, "
        "audit, change feed) and its decode workers. 1920x1080 H.264, Digest login, a keyframe of about 105 kB.",
        "Every camera begins with the references that four looks at its scene make, in a file of its own. The window "
        f"begins once 95 % of the cameras are known as healthy, or after the time that {SLOWEST_PER_SECOND:g} a second "
        "would take; what is still unknown then becomes known within the window, which costs more and not less.",
        "Known as healthy when the window began: "
        + ", ".join(f"{run['settled']:,} of {run['healthy']:,}" for run in (*fast.values(), *steady.values())),
        "Late: a healthy camera whose last picture is older than 1.5 intervals when the window ends, or that had none.",
    ]
    result.data = {"fast": {str(cameras): figures for cameras, figures in fast.items()}, "steady": steady}
    return result


def run(sizes: list[int], steady_seconds: float) -> Result:
    """What each run found is kept in ``build/bench`` before the next begins."""
    load, fast, steady = load_average(), dict[int, dict[str, Any]](), dict[str, dict[str, Any]]()
    with rig(sizes[-1]) as one:
        for cameras in sizes:
            fast[cameras] = _fast(one, cameras)
            keep(_result(fast, {}))
        if steady_seconds:
            steady = _steady(one, sizes[-1], steady_seconds)
    result = _result(fast, steady)
    result.load_before = load
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sweep")
    parser.add_argument("--sizes", type=int, nargs="+", default=[480, 2000, 7500])
    parser.add_argument("--steady-seconds", type=float, default=120.0, help="0 leaves the steady runs out")
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
