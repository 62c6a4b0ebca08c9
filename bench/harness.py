"""Edge: the kernel's own figures of processes: CPU time (user + system), proportional memory, open sockets."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

MIB = 1024 * 1024
#: Fewer make no median worth printing.
MIN_REPEATS = 200
WARM_UP = 20


def cpu_seconds(pids: Iterable[int]) -> float:
    """User + system time of whole processes, ended threads included, in nanosecond resolution.

    The clock id of another process is ``(~pid << 3) | 2`` (Linux ``clock_getcpuclockid``). Raises ``OSError`` for a
    process that is gone: a bench whose worker died must not print a figure.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def pss(pids: Iterable[int]) -> int:
    """Bytes: private memory plus this process's share of what it shares (``smaps_rollup``)."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def sockets(pid: int) -> int:
    count = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += os.readlink(entry).startswith("socket:")
        except OSError:  # closed since it was listed
            continue
    return count


def children(pid: int) -> list[int]:
    """Every descendant that lives now."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").iterdir():
            for child in (task / "children").read_text("ascii").split():
                found.append(int(child))
                waiting.append(int(child))
    return found


@dataclass(frozen=True, slots=True)
class Machine:
    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    python: str

    @classmethod
    def here(cls) -> Machine:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
        cores = len(os.sched_getaffinity(0))
        return cls(model, cores, round(memory, 1), platform.release(), platform.python_version())


def load_average() -> float:
    """Of the last minute, before a bench begins: figures taken on a busy machine say so themselves."""
    return os.getloadavg()[0]


def progress(text: str) -> None:
    """On stderr, with the time: a bench of a quarter of an hour tells where it is."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU in milliseconds a repeat: the mean is what a fleet pays, the median is what one camera costs."""

    repeats: int
    mean_ms: float
    median_ms: float
    wall_median_ms: float
    pss: int


async def measure(act: Callable[[], Awaitable[object]], repeats: int, warm_up: int = WARM_UP) -> Cost:
    """``act`` run ``warm_up`` times unmeasured, then ``repeats`` times; this process is the one judged."""
    for _ in range(warm_up):
        await act()
    gc.collect()
    cpu: list[float] = []
    wall: list[float] = []
    for _ in range(repeats):
        started, spent = time.perf_counter(), time.process_time()
        await act()
        cpu.append(time.process_time() - spent)
        wall.append(time.perf_counter() - started)
    return Cost(
        repeats,
        statistics.fmean(cpu) * 1000,
        statistics.median(cpu) * 1000,
        statistics.median(wall) * 1000,
        pss([os.getpid()]),
    )
