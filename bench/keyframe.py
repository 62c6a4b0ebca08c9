"""Wiring: from connecting to a keyframe and to its picture: ours beside PyAV, OpenCV and the bare decoder.

``python -m bench.keyframe [--repeats 300] [--write]``. The source is one virtual 1080p camera in a process that is
not judged.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from bench.fleet import ROOT, fleet_process
from bench.harness import MIB, MIN_REPEATS, progress
from bench.keyframe_peer import WAYS
from bench.report import Bound, Result, Table, publish

#: What cameras are mostly set to. FFmpeg's probing watches a second of it, and with probing cut waits for the next
#: keyframe; so the peers, who wait nearly all the time, run side by side, each judged by its own process's clock.
FPS, GOP_SECONDS = 25, 2.0
#: Processes a peer, each with its share of the repeats.
LANES = 3
QUIET = {"OPENCV_LOG_LEVEL": "OFF", "OPENCV_FFMPEG_LOGLEVEL": "-8", "OPENCV_VIDEOIO_DEBUG": "0"}


def _run(name: str, url: str, repeats: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.keyframe_peer", name, str(repeats)]
    environment = {**os.environ, **QUIET}
    done = subprocess.run(
        command,
        input=url + "\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=60 + 5 * repeats,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr.strip()[-800:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _table(costs: dict[str, dict[str, Any]]) -> Table:
    rows = []
    floor = costs["decode only"]["mean_ms"]
    for name, cost in costs.items():
        against = f"{cost['mean_ms'] / floor:.2f}" if "picture" in name or name == "decode only" else ""
        rows.append(
            (
                name,
                f"{cost['mean_ms']:.2f}",
                f"{cost['median_ms']:.2f}",
                f"{cost['wall_median_ms']:.1f}",
                against,
                f"{cost['pss'] / MIB:.0f}",
                str(cost["repeats"]),
            )
        )
    columns = ("way", "CPU ms, mean", "CPU ms, median", "wall ms, median", "x decode only", "PSS MiB", "repeats")
    return Table("Connect, log in, one keyframe, disconnect", columns, tuple(rows))


def _all(url: str, repeats: int) -> dict[str, dict[str, Any]]:
    """In the order of the table: ours and the bare decoder one after the other, the peers side by side."""
    alone = [name for name in WAYS if name.startswith("ours") or name == "decode only"]
    costs = {}
    for name in alone:
        progress(f"keyframe: {name}")
        costs[name] = _run(name, url, repeats)
    progress("keyframe: PyAV and OpenCV")
    peers = [name for name in WAYS if name not in alone]
    with ThreadPoolExecutor(LANES * len(peers)) as pool:
        share = -(-repeats // LANES)
        running = {name: [pool.submit(_run, name, url, share) for _ in range(LANES)] for name in peers}
        costs |= {name: _pooled([one.result() for one in parts]) for name, parts in running.items()}
    return {name: costs[name] for name in WAYS}


def _pooled(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Lanes of equal length as one: the mean of means is the mean; of the medians the middle one is told."""
    pooled = dict(parts[0])
    pooled["repeats"] = sum(part["repeats"] for part in parts)
    for name in ("mean_ms", "pss"):
        pooled[name] = statistics.fmean(part[name] for part in parts)
    for name in ("median_ms", "wall_median_ms"):
        pooled[name] = statistics.median(part[name] for part in parts)
    pooled["least_bytes"] = min(part["least_bytes"] for part in parts)
    pooled["most_bytes"] = max(part["most_bytes"] for part in parts)
    return pooled


def run(repeats: int) -> Result:
    result = Result("keyframe")
    with fleet_process(1, fps=FPS, gop=GOP_SECONDS) as source:
        document = source.document
        camera = document["cameras"][0]
        login = f"{quote(camera['user'], safe='')}:{quote(camera['password'], safe='')}@"
        url = camera["rtsp"].replace("rtsp://", f"rtsp://{login}", 1)
        costs = _all(url, repeats)
    ours, picture, floor = costs["ours, bytes"], costs["ours, picture"], costs["decode only"]
    result.bounds = [
        Bound("connect to keyframe bytes, CPU a camera", ours["mean_ms"], "ms", most=0.8),
        Bound("the smallest keyframe", ours["least_bytes"] / 1000, "kB", least=80),
        Bound("the largest keyframe", ours["most_bytes"] / 1000, "kB", most=150),
        Bound("picture in hand, against decoding alone", picture["mean_ms"] / floor["mean_ms"], "x", most=1.25),
        Bound(
            "picture in hand, against OpenCV VideoCapture",
            picture["mean_ms"] / costs["OpenCV VideoCapture, picture"]["mean_ms"],
            "x",
            most=0.25,
        ),
        Bound("repeats", repeats, "", least=MIN_REPEATS),
    ]
    result.tables = [_table(costs)]
    result.notes = [
        "CPU is user + system of the judged process; the camera is another process and not counted. Each way logs in "
        "by Digest over TCP and decodes with one thread and `skip_loop_filter=all`; OpenCV converts to BGR besides, "
        "which it cannot leave out. Ours keeps freed memory in its heap, as every decode worker does; the bare decoder "
        "and the peers run with the C library as it is.",
        f"Keyframes of {ours['least_bytes'] / 1000:.0f} to {ours['most_bytes'] / 1000:.0f} kB, 1920x1080, H.264 main.",
        "PyAV with probing cut: `probesize=32`, `analyzeduration=0`, `fflags=nobuffer`.",
        f"The camera sends {FPS} pictures a second in GOPs of {GOP_SECONDS:g} s. The peers wait most of the time and "
        f"run side by side, {LANES} processes each; ours and the bare decoder run alone.",
    ]
    result.data = {"costs": costs}
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.keyframe")
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--write", action="store_true", help="into docs/design/performance.md")
    options = parser.parse_args(arguments)
    result = run(options.repeats)
    publish(result, write_page=options.write)
    return 0 if result.held else 1


if __name__ == "__main__":
    sys.exit(main())
