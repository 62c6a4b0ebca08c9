"""Wiring: how long the API takes at 7,500 cameras: lists, filters, search, the tree, batches and the feed, over HTTP.

``python -m bench.api [--cameras 7500] [--repeats 300] [--write]``. Service and database are not in the process of the
client; every request goes over a connection that stays open, as a console's and a platform's do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import uvloop

from bench.api_service import BARS, STEPS, VILLAGES, camera_id, gb_id
from bench.fleet import ROOT
from bench.harness import MIB, WARM_UP, children, cpu_seconds, pss
from bench.report import Bound, Result, Table, publish
from tests.support import postgres

#: p95 of every kind of request, from one client.
LIMIT_MS = 50.0
AT_ONCE = 4
#: Changes a second that a platform takes in when it follows from the beginning.
FEED_RATE = 5000


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request; ``path`` without what a login may see; ``promised`` in the issue that all this is for."""

    name: str
    path: str
    login: str = "district"
    promised: bool = True


def kinds(count: int) -> list[Kind]:
    batch = "&".join(f"gb_id={gb_id(number * count // 200)}" for number in range(200))
    bars = "&".join(f"camera={camera_id(number)}" for number in range(BARS))
    return [
        Kind("list by name, 100 rows", "/api/v1/cameras"),
        Kind("list, longest first", "/api/v1/cameras?sort=since"),
        Kind("list, worst first", "/api/v1/cameras?sort=state"),
        Kind("filter by two states", "/api/v1/cameras?state=offline&state=fault&sort=since"),
        Kind("filter by one village", "/api/v1/cameras?area=village-7&sort=state"),
        Kind("list, a login of one village", "/api/v1/cameras", "village"),
        Kind("search, some hits", f"/api/v1/cameras?q={quote('口 74')}"),
        Kind("search, everything hits", f"/api/v1/cameras?q={quote('解放街')}"),
        Kind("search, no hit", f"/api/v1/cameras?q={quote('不存在')}"),
        Kind("counts of the tree", "/api/v1/areas"),
        Kind("how everything stands", "/api/v1/overview", promised=False),
        Kind("changes of the last hour, 14 rows", "/api/v1/turns?limit=14", promised=False),
        Kind("bars of 60 rows", f"/api/v1/timelines?{bars}", promised=False),
        Kind("states of 200 GB/T ids", f"/api/v1/status?{batch}", promised=False),
        Kind("states, page of 200", "/api/v1/status?limit=200", promised=False),
    ]


class Connection:
    """One kept-open HTTP/1.1 connection; answers bear their length."""

    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Connection:
        host, _, port = self._host.rpartition(":")
        self._streams = await asyncio.open_connection(host, int(port), limit=4 * MIB)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._streams is not None
        self._streams[1].close()
        await self._streams[1].wait_closed()

    async def get(self, path: str, token: str) -> bytes:
        """Raises ``RuntimeError`` for anything but 200."""
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {self._host}\r\nauthorization: Bearer {token}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        body = await reader.readexactly(length)
        if head.split()[1] != "200":
            raise RuntimeError(f"{path[:80]}: {head.split()[1]} {body[:300]!r}")
        return body


@dataclass(frozen=True, slots=True)
class Figures:
    """Wall time in ms, sorted; CPU of the service, and of the database where that is a process, in ms a request."""

    wall: list[float]
    cpu: float
    database_cpu: float
    size: int

    def at(self, share: float) -> float:
        return self.wall[min(len(self.wall) - 1, int(len(self.wall) * share))]


class Bench:
    def __init__(self, told: dict[str, Any], service: int, server: int | None) -> None:
        self.told, self.service, self.server = told, service, server

    def _spent(self) -> tuple[float, float]:
        return cpu_seconds([self.service]), cpu_seconds([self.server, *children(self.server)]) if self.server else 0.0

    async def ask(self, kind: Kind, repeats: int, clients: int) -> Figures:
        """``repeats`` in all, shared by so many clients, each asking again as soon as it is answered."""
        wall: list[float] = []
        size = 0
        token = self.told[kind.login]

        async def lane(number: int, connection: Connection) -> None:
            nonlocal size
            for _ in range(number):
                began = time.perf_counter()
                size = len(await connection.get(kind.path, token))
                wall.append((time.perf_counter() - began) * 1000)

        async with asyncio.timeout(600):
            connections = [Connection(self.told["url"]) for _ in range(clients)]
            try:
                for one in connections:
                    await one.__aenter__()
                await asyncio.gather(*(lane(WARM_UP // clients + 1, one) for one in connections))
                wall.clear()
                before = self._spent()
                await asyncio.gather(*(lane(repeats // clients, one) for one in connections))
                after = self._spent()
            finally:
                for one in connections:
                    await one.__aexit__()
        cpu, database = ((b - a) / len(wall) * 1000 for a, b in zip(before, after, strict=True))
        return Figures(sorted(wall), cpu, database, size)

    async def follow(self) -> dict[str, float]:
        """The whole feed from its beginning, in pages of 1,000."""
        changes, pages, before, began = 0, 0, self._spent(), time.perf_counter()
        after, more = self.told["start"], True
        async with Connection(self.told["url"]) as connection:
            while more:
                page = json.loads(
                    await connection.get(f"/api/v1/changes?limit=1000&after={after}", self.told["district"])
                )
                changes, pages = changes + len(page["items"]), pages + 1
                after, more = page["after"], page["more"]
        seconds, spent = time.perf_counter() - began, self._spent()
        cpu = sum(b - a for a, b in zip(before, spent, strict=True))
        return {"changes": changes, "pages": pages, "seconds": seconds, "cpu_ms": cpu * 1000 / pages}


@contextmanager
def database(kind: str, folder: Path) -> Iterator[tuple[str, int | None]]:
    """The address of an empty database, and its server's process id where it has one."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'bench.db'}", None
        return
    programs = postgres.binaries()
    assert programs is not None
    with postgres.cluster(programs) as sockets:
        schema = f"b_{secrets.token_hex(4)}"
        yield postgres.schema_url(sockets, schema), int((sockets / "data" / "postmaster.pid").read_text().split()[0])


@contextmanager
def service(url: str, folder: Path, count: int) -> Iterator[tuple[dict[str, Any], int]]:
    """The judged process, serving; raises ``RuntimeError`` if it does not come to that."""
    words = [sys.executable, "-m", "bench.api_service", url, str(folder / "data"), str(count)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the service ended with {process.wait(30)} before it served")
        yield json.loads(line), process.pid
    finally:
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def measure(database_kind: str, count: int, repeats: int) -> dict[str, Any]:
    """By kind of request and number of clients; ``feed`` and ``pss`` besides."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url, server = stack.enter_context(database(database_kind, folder))
        told, pid = stack.enter_context(service(url, folder, count))
        bench = Bench(told, pid, server)
        found: dict[str, Any] = {"requests": {}}
        for kind in kinds(count):
            of_one = uvloop.run(bench.ask(kind, repeats, 1))
            of_four = uvloop.run(bench.ask(kind, repeats, AT_ONCE))
            found["requests"][kind.name] = (of_one, of_four)
        found["feed"] = uvloop.run(bench.follow())
        found["pss"] = pss([pid])
        return found


def _table(name: str, found: dict[str, Any]) -> Table:
    rows = []
    for kind, (one, four) in found["requests"].items():
        cpu = f"{one.cpu:.1f}" + (f" + {one.database_cpu:.1f}" if one.database_cpu else "")
        figures = [f"{figures.at(share):.1f}" for figures in (one, four) for share in (0.5, 0.95, 0.99)]
        rows.append((kind, *figures, cpu, f"{one.size / 1000:.0f}"))
    columns = ("request", "p50 ms", "p95", "p99", "of four: p50", "p95", "p99", "CPU ms a request", "kB")
    return Table(f"{name}: one client, and four at once", columns, tuple(rows))


def _bounds(name: str, found: dict[str, Any], count: int) -> list[Bound]:
    promised = {kind.name for kind in kinds(count) if kind.promised}
    asked = [pair for kind, pair in found["requests"].items() if kind in promised]
    feed = found["feed"]
    return [
        Bound(f"{name}: slowest p95 of list, filter, search, tree", max(p[0].at(0.95) for p in asked), "ms", LIMIT_MS),
        Bound(f"{name}: changes followed", feed["changes"], f"of {count * len(STEPS):,}", least=count * len(STEPS)),
        Bound(f"{name}: changes followed a second", feed["changes"] / feed["seconds"], "/s", least=FEED_RATE),
    ]


def run(count: int, repeats: int) -> Result:
    result = Result("api")
    names = {"sqlite": "SQLite"} | ({"postgresql": "PostgreSQL"} if postgres.binaries() else {})
    for kind, name in names.items():
        found = measure(kind, count, repeats)
        result.bounds += _bounds(name, found, count)
        result.tables.append(_table(name, found))
        feed = found["feed"]
        result.notes.append(
            f"{name}: the feed of {feed['changes']:,.0f} changes was followed from its beginning in "
            f"{feed['pages']:.0f} pages of 1,000 and {feed['seconds']:.1f} s, {feed['cpu_ms']:.0f} ms of CPU a page; "
            f"the service holds {found['pss'] / MIB:.0f} MiB."
        )
        requests = {asked: [asdict(figures) for figures in pair] for asked, pair in found["requests"].items()}
        result.data[kind] = {"requests": requests, "feed": feed, "pss": found["pss"]}
    result.notes += [
        f"{count:,} cameras over {VILLAGES} villages, each with a device, a point and a state as wide as after its "
        "checks; the login is an operator's of the whole district (of one village where it says so), by token. A list "
        "counts what its filters leave, by state, besides its page of 100.",
        f"The client is a process of its own and keeps its connections open; {repeats} requests of each kind, after "
        f"{WARM_UP} not counted. CPU is the service's (+ the database server's), user + system, from one client. "
        "Nothing is checked meanwhile. Four clients that never pause are more than one process answers: their figures "
        "are those of a queue, shown and not promised.",
    ]
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.api")
    parser.add_argument("--cameras", type=int, default=7500)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--write", action="store_true", help="into docs/design/performance.md")
    options = parser.parse_args(arguments)
    result = run(options.cameras, options.repeats)
    publish(result, write_page=options.write)
    return 0 if result.held else 1


if __name__ == "__main__":
    sys.exit(main())
