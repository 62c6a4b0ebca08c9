"""Edge: memory and children of processes, as the kernel tells them in /proc."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def children(of: int, word: str = "") -> list[int]:
    """Process ids of the direct children whose command line holds ``word``."""
    found = []
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except (OSError, ValueError, IndexError):
            continue  # it ended meanwhile
        if parent == of and word in command:
            found.append(int(folder.name))
    return found


def resident(pid: int) -> int:
    """Bytes in memory now."""
    return _status(pid, "VmRSS")


def shared_fairly(pid: int) -> int:
    """PSS: private bytes and a fair share of those that other processes have too. It has no peak in /proc."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def peak(pid: int) -> int:
    """The most bytes in memory since the start, or since :func:`forget_peak`."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    (PROC / str(pid) / "clear_refs").write_text("5")


def service_and_workers() -> list[int]:
    """This process and the decode workers that it spawned."""
    return [os.getpid(), *children(os.getpid(), "camera_gateway.media.worker")]


def _status(pid: int, name: str) -> int:
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)
