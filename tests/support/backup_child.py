"""Wiring: a backup as a process to be killed: ``python -m tests.support.backup_child DATA TARGET``.

It prints a line once the first file is copied, and waits there until its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from center.backing_up import backup
from tests.support.backup_world import settings_in


def wait(done: int, of: int) -> None:
    if done == 1:
        print("copying", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    asyncio.run(backup(settings_in(Path(sys.argv[1])), Path(sys.argv[2]), wait))
