"""Wiring: what a viewer costs: our relay beside stock aiortc and Janus, and ours from one viewer to a full core."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from bench.harness import MIB, cpu_seconds, progress, pss
from bench.plot import Line, svg
from bench.relay_feed import Child, FeedSpec, Picture, child, feed
from bench.relay_janus import STREAM, janus
from bench.relay_part import Part, percentile
from bench.relay_programs import program
from bench.report import Bound, Table
from streaming.webrtc.ice import own_addresses

#: The machine's own, by way of the kernel's loopback all the same: Janus takes no address of 127/8.
ADDRESS = next(iter(own_addresses()), "127.0.0.1")
MBIT = 2.0
MAIN, SUB = Picture(1280, 720, 2000), Picture(640, 360, 512)
SPEC = FeedSpec(1, MAIN, SUB, fps=25, gop=2.0)
#: Handshakes and first pictures are over.
SETTLE_SECONDS = 3.0
MOST_OF_AIORTC = 0.3
COUNTS = 1, 20, 100, 200
#: So many windows; the median counts, for all relays alike.
WINDOWS = 3
#: Of one core.
BUSY = 0.8
#: Below this share of the stream a viewer does not get what it is counted for.
DELIVERED = 0.97


#: Relays that are built where Go is (see :mod:`tests.peers.setup`), and what they call themselves.
PROGRAMS = {"mediamtx": "MediaMTX", "go2rtc": "go2rtc"}


@dataclass(frozen=True, slots=True)
class Load:
    """``cpu`` in seconds a second of the judged processes; ``mbit`` (SRTP) a viewer; ``worst`` viewer's share of the
    median one."""

    name: str
    viewers: int
    cpu: float
    mbit: float
    worst: float
    pss: int
    feed: float
    peers: float

    @property
    def cost(self) -> float:
        """Per cent of a core for one viewer of 2 Mbit/s."""
        return 100 * self.cpu / self.viewers * MBIT / self.mbit


#: Its load with so many viewers of the feed's camera, over so many seconds a window. Raises ``RuntimeError``.
Engine = Callable[[Child, int, float], Load]


def take(name: str, pids: list[int], viewers: Child, cameras: Child, seconds: float) -> Load:
    """Over ``seconds`` from now on. Raises ``RuntimeError`` when nothing reaches the viewers."""
    watched = [pids, [cameras.pid], [viewers.pid]]
    viewers.ask(ask="count")
    began, before = time.monotonic(), [cpu_seconds(each) for each in watched]
    time.sleep(seconds)
    after, passed = [cpu_seconds(each) for each in watched], time.monotonic() - began
    found = viewers.ask(ask="count")
    own, of_feed, of_peers = ((b - a) / passed for a, b in zip(before, after, strict=True))
    middle = statistics.median(found["bytes"])
    if not middle:
        raise RuntimeError(f"{name}: no picture reaches the viewers")
    mbit = statistics.fmean(found["bytes"]) * 8 / passed / 1e6
    worst = min(found["bytes"]) / middle
    load = Load(name, found["viewers"], own, mbit, worst, pss(pids), of_feed, of_peers)
    progress(
        f"relay: {name}, {load.viewers} viewers: {own:.3f} cores, {load.cost:.3f} % a viewer of 2 Mbit/s, "
        f"{mbit:.2f} Mbit/s each (worst {worst:.2f}), peers {of_peers:.2f}, cameras {of_feed:.2f}"
    )
    return load


def steady(name: str, pids: list[int], viewers: Child, cameras: Child, seconds: float) -> Load:
    """The window of the median cost, with the worst that a viewer got in any of them."""
    loads = [take(name, pids, viewers, cameras, seconds) for _ in range(WINDOWS)]
    middle = sorted(loads, key=lambda load: load.cost)[WINDOWS // 2]
    return replace(middle, worst=min(load.worst for load in loads))


@contextmanager
def ours(cameras: Child) -> Iterator[tuple[Child, Child]]:
    """The service and its viewers."""
    with tempfile.TemporaryDirectory() as folder:
        service = child("relay_service", folder, ADDRESS, first=cameras.document)
        with service as running, child("relay_viewers", ADDRESS) as viewers:
            yield running, viewers


def look(service: Child, viewers: Child, count: int, stream: str = "main") -> None:
    """So many more views of the one camera."""
    for part in range(0, count, 20):
        tickets = service.ask(ask="tickets", cameras=["camera-0"] * min(20, count - part))
        url = f"{service.document['url']}/whep/camera-0?stream={stream}"
        viewers.ask(ask="whep", views=[{"url": url, "ticket": ticket} for ticket in tickets])


def _ours(cameras: Child, count: int, seconds: float) -> Load:
    with ours(cameras) as (service, viewers):
        look(service, viewers, count)
        time.sleep(SETTLE_SECONDS)
        return steady("ours", [service.pid], viewers, cameras, seconds)


def _aiortc(cameras: Child, count: int, seconds: float) -> Load:
    with child("relay_aiortc", first=cameras.document) as service, child("relay_viewers", ADDRESS) as viewers:
        viewers.ask(ask="whep", views=[{"url": service.document["url"]}] * count)
        time.sleep(SETTLE_SECONDS)
        return steady(f"stock aiortc {service.document['version']}", [service.pid], viewers, cameras, seconds)


def _janus(cameras: Child, count: int, seconds: float) -> Load:
    with tempfile.TemporaryDirectory() as folder, janus(Path(folder)) as server:
        pushing = child("relay_push", str(server.rtp), first=cameras.document)
        with pushing, child("relay_viewers", ADDRESS) as viewers:
            viewers.ask(ask="janus", url=server.url, stream=STREAM, count=count)
            time.sleep(SETTLE_SECONDS)
            return steady(f"Janus {server.version}", [server.pid], viewers, cameras, seconds)


def _program(name: str, cameras: Child, count: int, seconds: float) -> Load:
    (camera, *_) = cameras.document["cameras"]
    with (
        tempfile.TemporaryDirectory() as folder,
        program(name, Path(folder), camera, ADDRESS) as server,
        child("relay_viewers", ADDRESS) as viewers,
    ):
        viewers.ask(ask="whep", views=[{"url": server.url}] * count)
        time.sleep(SETTLE_SECONDS)
        return steady(f"{PROGRAMS[name]} {server.version}", [server.pid], viewers, cameras, seconds)


def cpu(*, quick: bool) -> Part:
    """Our cost a viewer of 2 Mbit/s against the peers' on the same access units."""
    few, many = (5, 10) if quick else (20, 100)
    seconds = 4.0 if quick else 10.0
    judged: list[Engine] = [_ours, _aiortc]
    others: dict[str, Engine] = {"Janus": _janus, **{PROGRAMS[name]: partial(_program, name) for name in PROGRAMS}}
    part, loads = Part("cpu"), []
    with feed(SPEC) as cameras:
        for count in (few, many):
            loads += [engine(cameras, count, seconds) for engine in judged]
            for name, engine in others.items():
                try:
                    loads.append(engine(cameras, count, seconds))
                except RuntimeError as error:
                    progress(f"x relay: {name}: {error}")
                    part.notes.append(f"{name} is not in this run at {count} viewers: {error}.")
    mine = {load.viewers: load for load in loads if load.name == "ours"}
    stock = {load.viewers: load for load in loads if "aiortc" in load.name}
    part.bounds = [
        *(
            Bound(f"CPU a viewer against stock aiortc, {n} viewers", mine[n].cost / stock[n].cost, "x", MOST_OF_AIORTC)
            for n in (few, many)
        ),
        Bound("CPU of one viewer more against stock aiortc", _more(mine) / _more(stock), "x", MOST_OF_AIORTC),
        Bound("share of the stream that its slowest viewer gets", mine[many].worst, "", least=DELIVERED),
    ]
    part.tables = [_peers_table(loads, stock)]
    part.notes += [
        f"{MAIN.width}x{MAIN.height} at {SPEC.fps} pictures a second, {MAIN.kbit} kbit/s, one slice a picture as "
        "cameras send it, from one virtual camera over RTSP (Janus: the same packets over UDP). The median of "
        f"{WINDOWS} windows of {seconds:g} s. CPU is user + system of the relay's process, reading the camera and "
        "the kernel's half of sending on loopback included; cameras and viewers are processes of their own on the same "
        "cores. Every viewer is a true ICE and DTLS peer that answers consent checks, reports once a second and drops "
        "its pictures unread. Handshakes are over before the clock starts.",
        "A share of a core by viewers holds what is paid once for the camera and the process too; one viewer more is "
        f"the difference between {few} and {many} viewers.",
        "A relay that gives its viewers less than the stream is judged by what it does give: CPU by delivered Mbit/s.",
        "Stock aiortc gets the access units as `av.Packet` through a track a viewer, nothing is decoded or encoded, on "
        "the same event loop (uvloop) and behind the same RTSP client as ours.",
        "MediaMTX and go2rtc pull the same camera over RTSP and are asked by WHEP; they are built from their modules "
        "by `python -m tests.peers.setup mediamtx go2rtc`.",
    ]
    part.data = {"loads": [asdict(load) for load in loads]}
    return part


def _more(loads: dict[int, Load]) -> float:
    """Per cent of a core for one viewer more of 2 Mbit/s: what is paid once for the camera is left out."""
    (few, least), (many, most) = sorted(loads.items())
    return (most.cost * many - least.cost * few) / (many - few)


def _peers_table(loads: list[Load], stock: dict[int, Load]) -> Table:
    rows = tuple(
        (
            load.name,
            str(load.viewers),
            f"{load.cost:.3f}",
            f"{load.cost / stock[load.viewers].cost:.2f}",
            f"{100 / load.cost:,.0f}",
            f"{load.mbit:.2f}",
            f"{load.worst:.2f}",
            f"{load.pss / MIB:.0f}",
        )
        for load in loads
    )
    columns = (
        *("relay", "viewers", "% of a core a viewer", "x aiortc", "viewers a core", "Mbit/s each", "slowest"),
        "PSS MiB",
    )
    return Table("A viewer of 2 Mbit/s", columns, rows)


def scale(*, quick: bool) -> Part:
    """Ours at 1, 20, 100 and 200 viewers of two bitrates, and how late its loop is at 80 % of a core."""
    counts = (1, 5, 10) if quick else COUNTS
    seconds = 3.0 if quick else 6.0
    found: dict[str, list[Load]] = {}
    part = Part("scale")
    with feed(SPEC) as cameras:
        for stream, picture in (("sub", SUB), ("main", MAIN)):
            with ours(cameras) as (service, viewers):
                loads = found[f"{picture.kbit} kbit/s"] = []
                for more in (b - a for a, b in zip((0, *counts), counts, strict=False)):
                    look(service, viewers, more, stream)
                    time.sleep(SETTLE_SECONDS)
                    loads.append(take(f"ours, {picture.kbit} kbit/s", [service.pid], viewers, cameras, seconds))
                if stream == "main":
                    part.tables.append(_late(service, viewers, cameras, loads[-1], quick=quick))
    part.tables.insert(0, _scale_table(found))
    part.data = {name: [asdict(load) for load in loads] for name, loads in found.items()}
    title, unit = "CPU of one viewer", "% of a core"
    lines = [Line(name, tuple((ld.viewers, _share(ld)) for ld in loads)) for name, loads in found.items()]
    part.plot = svg(title, "viewers", unit, lines)
    part.notes.append(
        "CPU by number of viewers: ![plot](relay-cost.svg). The first viewer pays for the camera's session."
    )
    return part


def _share(load: Load) -> float:
    """Per cent of a core a viewer, at the stream's own rate."""
    return round(100 * load.cpu / load.viewers, 4)


def _scale_table(found: dict[str, list[Load]]) -> Table:
    rows = []
    for name, loads in found.items():
        for before, load in zip((None, *loads), loads, strict=False):
            more = 100 * (load.cpu - before.cpu) / (load.viewers - before.viewers) if before is not None else None
            rows.append(
                (
                    name,
                    str(load.viewers),
                    f"{100 * load.cpu:.1f}",
                    f"{_share(load):.3f}",
                    f"{more:.3f}" if more is not None else "",
                    f"{100 / _share(load):,.0f}",
                    f"{load.worst:.2f}",
                    f"{load.pss / MIB:.0f}",
                )
            )
    columns = (
        *("stream", "viewers", "% of a core", "% a viewer", "% one more", "viewers a core", "slowest"),
        "PSS MiB",
    )
    return Table("Viewers of our relay on one core", columns, tuple(rows))


def _late(service: Child, viewers: Child, cameras: Child, last: Load, *, quick: bool) -> Table:
    """Timers of the service's loop at rest and at :data:`BUSY` of a core."""
    rows = []
    for goal in (last.cpu, BUSY):
        load = last
        for _ in range(3):
            missing = round((goal - load.cpu) / (last.cpu / last.viewers))
            if load.cpu >= goal * 0.95 or missing < 1 or (quick and load.viewers > last.viewers):
                break
            look(service, viewers, min(missing, 10 if quick else 400, 1000 - load.viewers))
            time.sleep(SETTLE_SECONDS)
            load = take("ours, on the way to 80 %", [service.pid], viewers, cameras, 3.0)
        service.ask(ask="lag", on=True)
        load = take("ours, lag", [service.pid], viewers, cameras, 3.0 if quick else 10.0)
        lag = [1000 * one for one in service.ask(ask="lag", on=False)]
        figures = [f"{percentile(lag, share):.1f}" for share in (0.5, 0.95, 0.99)]
        rows.append((str(load.viewers), f"{100 * load.cpu:.0f}", *figures, f"{max(lag):.1f}", f"{load.worst:.2f}"))
    columns = ("viewers of 2 Mbit/s", "% of a core", "p50 ms", "p95 ms", "p99 ms", "most ms", "slowest")
    return Table("How late the loop is", columns, tuple(rows))
