"""Wiring: how the tests are shared out among the processes of ``pytest -n auto``."""

from __future__ import annotations

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: Rooms whose tests stand alone and take long: each of their tests may go to another process.
APART = ("tests/acceptance/",)
#: What tests share that is dear to start: these stay in one process, each group in its own.
TOGETHER = (
    ("tests/console/test_wall", "tests/console/test_every_page", "tests/console/test_frame"),
    ("tests/console/",),
)
#: What takes longest begins first, so that no process has it left when the others have ended.
FIRST = (
    "tests/console/",
    "tests/acceptance/",
    "tests/center/",
    "tests/interop/",
    "tests/alerts/",
    "tests/health/",
    "tests/registry/",
)
MOST = 8


def processes(config: pytest.Config) -> int:
    """One more than there are cores, as some wait while others compute; none beside pytest's own for files named one
    by one."""
    named = [str(argument).partition("::")[0] for argument in config.args]
    if all(name.endswith(".py") for name in named):
        return 0
    return min(MOST, 1 + (os.cpu_count() or 1))


def in_order(items: list[pytest.Item]) -> None:
    """Sorts ``items`` by when they should begin; the order within a room stays."""

    def turn(item: pytest.Item) -> int:
        return next((n for n, room in enumerate(FIRST) if item.nodeid.startswith(room)), len(FIRST))

    items.sort(key=turn)


class ByFile(LoadScopeScheduling):
    """A file's tests stay together, and share what its fixtures hold; files begin in the order of collection."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(APART):
            return nodeid
        group = next((group for group in TOGETHER if nodeid.startswith(group)), None)
        return group[0] if group else nodeid.partition("::")[0]
