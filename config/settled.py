"""Edge: a coroutine that is run to its end, however often its caller is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def settled(work: Coroutine[Any, Any, _T]) -> _T:
    """For a commit or a rollback: half of one is worse than either. A cancellation goes on once the work is done;
    an error of the work then stays its own, and is told before it."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            cancelled = True
    result = task.result()
    if cancelled:
        raise asyncio.CancelledError
    return result
