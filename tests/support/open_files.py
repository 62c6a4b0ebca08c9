"""Edge: what this process holds open, as the kernel lists it."""

from __future__ import annotations

import os
from collections.abc import Iterator


def open_files() -> Iterator[tuple[str, str]]:
    """Number and target of each descriptor (proc(5)): a path, ``socket:[inode]``, ``pipe:[inode]`` ..."""
    for number in os.listdir("/proc/self/fd"):
        try:
            yield number, os.readlink(f"/proc/self/fd/{number}")
        except OSError:  # the listing's own descriptor
            continue
