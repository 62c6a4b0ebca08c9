"""Wiring: the event loop of the tests: asyncio's own in debug mode, whose bare futures do not note their making.

For each future asyncio's C code formats the whole stack with its source lines: over a third of the time of a test with
a database. What finds mistakes stays: tasks and callbacks note their origin, and every check of debug mode is made.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Loop(asyncio.SelectorEventLoop):
    _bare = False

    def create_future(self) -> asyncio.Future[Any]:
        self._bare = True
        try:
            return asyncio.Future(loop=self)
        finally:
            self._bare = False

    def get_debug(self) -> bool:
        return super().get_debug() and not self._bare
