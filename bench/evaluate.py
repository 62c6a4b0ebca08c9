"""Wiring: ``python -m bench.evaluate``: the judge over real footage, with false verdicts and recall per fault.

``XUELIANG_FOOTAGE`` (or ``--footage``) names a folder ``<camera>/<UTC time>.jpg``. The first days of a camera are its
warm-up; the rest is judged in order while it goes on learning, as in service. Faults are drawn on the real pictures
with seeds that follow from fault, family and picture. The last samples stand in for a burst: a false alarm is K
false verdicts of one class in a row.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from bench.faults import FAMILIES, FAULTS
from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.media.decode import Picture, decode
from config.errors import XueliangError
from health.judge import examine, learn
from health.reference import Bank, Learning
from health.request import JudgeRequest
from health.views import views

DAY = 86_400.0


@dataclass(slots=True)
class Tally:
    samples: int = 0
    days: float = 0.0
    undecodable: int = 0
    cpu: float = 0.0
    false: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    cannot: Counter[str] = field(default_factory=Counter)
    bands: Counter[str] = field(default_factory=Counter)
    found: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def main(argv: list[str]) -> int:
    options = _options(argv)
    folder = Path(options.footage) if options.footage else None
    if folder is None or not folder.is_dir():
        print("skipped: no folder of real footage; set XUELIANG_FOOTAGE or give --footage", file=sys.stderr)
        return 0
    tally = Tally()
    for camera in sorted(p for p in folder.iterdir() if p.is_dir()):
        _camera(camera, options, tally)
    print(json.dumps(_report(tally), indent=2) if options.json else _text(_report(tally)))
    return 0


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluate", description=__doc__)
    parser.add_argument("--footage", default=os.environ.get("XUELIANG_FOOTAGE", ""))
    parser.add_argument("--warm-up", type=float, default=4.0, help="days")
    parser.add_argument("--every", type=int, default=10, help="draw faults on every n-th picture")
    parser.add_argument("--confirm", type=int, default=3, help="K: false verdicts in a row that make an alarm")
    parser.add_argument("--latitude", type=float)
    parser.add_argument("--longitude", type=float)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(argv)


def _pictures(folder: Path) -> Iterator[tuple[float, bytes]]:
    for path in sorted(folder.glob("*.jpg")):
        taken = datetime.strptime(path.stem, "%Y-%m-%dT%H_%M_%S").replace(tzinfo=UTC)
        yield taken.timestamp(), path.read_bytes()


def _camera(folder: Path, options: argparse.Namespace, tally: Tally) -> None:
    learning = Learning(warm_up=options.warm_up * DAY)
    bank, signature, run = None, b"", Counter[str]()
    first = last = 0.0
    for index, (at, data) in enumerate(_pictures(folder)):
        started = time.process_time()
        try:
            picture = decode(_unit(data))
        except XueliangError:
            tally.undecodable += 1
            continue
        if bank is None:
            bank, first = Bank(at), at
        request = JudgeRequest(at, signature, latitude=options.latitude, longitude=options.longitude, learning=learning)
        judged = examine(views(picture), bank, request)
        tally.cpu += time.process_time() - started
        if at - first >= options.warm_up * DAY:
            _count(judged.verdicts.bad, str(judged.verdicts.cause or "good"), request.band.value, run, options, tally)
            if not judged.verdicts.bad:
                tally.cannot[f"{request.band.value} {judged.verdicts.cause or 'good'}"] += 1
            if index % options.every == 0:
                _faults(data, index, bank, replace(request, signature=b""), tally)
        signature = judged.signature
        bank = learn(judged, bank, request) or bank
        last = at
    tally.days += max(0.0, (last - first) / DAY - options.warm_up)


def _count(
    bad: tuple[str, ...], cause: str, band: str, run: Counter[str], options: argparse.Namespace, tally: Tally
) -> None:
    tally.samples += 1
    tally.bands[band] += 1
    for name in [n for n in run if n not in bad]:
        del run[name]
    for name in bad:
        tally.false[str(name)] += 1
        run[str(name)] += 1
        if run[str(name)] == options.confirm:
            tally.alarms[str(name)] += 1


def _faults(data: bytes, index: int, bank: Bank, request: JudgeRequest, tally: Tally) -> None:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return
    for fault in FAULTS:
        for family in FAMILIES:
            seed = zlib.crc32(f"{fault.name} {family} {index}".encode())
            drawn = fault.draw(image, fault.strength, np.random.default_rng(seed), family)
            picture = _coded(drawn)
            verdicts = examine(views(picture), bank, request).verdicts
            got = str(verdicts.cause or "good")
            tally.found[f"{fault.name} {family}"]["found" if got == fault.wanted else got] += 1


def _coded(image: np.typing.NDArray[np.uint8]) -> Picture:
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise RuntimeError("a picture that cannot be coded")
    return decode(_unit(data.tobytes()))


def _unit(data: bytes) -> AccessUnit:
    return AccessUnit(Codec.MJPEG, True, (data,), 0, 0.0)


def _report(tally: Tally) -> dict[str, object]:
    return {
        "samples": tally.samples,
        "camera_days": round(tally.days, 2),
        "undecodable": tally.undecodable,
        "cpu_ms_per_sample": round(1000 * tally.cpu / max(1, tally.samples), 2),
        "light": dict(tally.bands),
        "false_samples": dict(tally.false),
        "false_alarms": dict(tally.alarms),
        # No alarm in n camera-days proves a rate of at most 3/n with 95 % (Poisson).
        "false_alarms_per_camera_day_bound": round(_bound(sum(tally.alarms.values())) / max(tally.days, 0.01), 3),
        "not_bad": dict(tally.cannot),
        "recall": {
            name: {k: round(v / sum(c.values()), 3) for k, v in c.most_common()} for name, c in tally.found.items()
        },
    }


def _bound(count: int) -> float:
    """Upper 95 % limit of a Poisson mean after ``count`` events."""
    mean = float(count)
    while True:
        mean += 0.01
        term = total = float(np.exp(-mean))
        for i in range(1, count + 1):
            term *= mean / i
            total += term
        if total <= 0.05:
            return mean


def _text(report: dict[str, object]) -> str:
    lines = [f"{name}: {value}" for name, value in report.items() if name != "recall"]
    recall = report["recall"]
    if isinstance(recall, dict):
        lines += [f"  {name:<14} {outcome}" for name, outcome in recall.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
