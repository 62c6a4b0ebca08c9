"""Sessions opened and closed again and again, by peers that leave well and peers that just vanish: nothing is left."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path

import pytest

from streaming.relay import RelayRules
from streaming.session import SessionRules
from streaming.webrtc.network import IceNetwork
from tests.support.process_memory import resident
from tests.support.relay_rig import Rig, peer, rig


async def forget_peers() -> None:
    """aioice 0.13 begins to ask for consent even when it was closed while it connected: the peers', not ours."""
    left = [
        task
        for task in asyncio.all_tasks()
        if getattr(task.get_coro(), "__qualname__", "") == "Connection.query_consent"
    ]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def one(made: Rig, number: int) -> None:
    async with peer() as viewer:
        opened = await made.relay.open(made.asked(), await viewer.offer())
        way = number % 4
        if way == 0:
            return  # an answer that nobody takes up
        await viewer.answer(opened.answer)
        if way == 1:
            await made.relay.end(opened.session)  # while it connects
            return
        await viewer.frame()
        if way == 2:
            await made.relay.end(opened.session)


def threads() -> int:
    """Without the loop's own pool, which grows to its size and stays."""
    return sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate())


@pytest.mark.soak
@pytest.mark.usefixtures("no_leaks")
async def test_nothing_is_left_of_views_that_came_and_went(clips: Path, soak: bool) -> None:
    count, together = (10_000, 8) if soak else (24, 4)
    rules = RelayRules(session=SessionRules(connect=1.0))
    async with rig(clips, rules=rules, network=IceNetwork(("127.0.0.1",), ports=(42_000, 42_199))) as made:
        await one(made, 2)
        gc.collect()
        before = resident(os.getpid()), threads(), len(asyncio.all_tasks())
        for start in range(0, count, together):
            await asyncio.gather(*(one(made, number) for number in range(start, min(count, start + together))))
        await made.until(lambda: made.relay.shown() == [], 15)
        await made.until(lambda: made.relay._endings == set(), 15)
        await forget_peers()
        gc.collect()
        after = resident(os.getpid()), threads(), len(asyncio.all_tasks())
        assert len(made.ended) == count + 1
        assert made.relay.capacity.total == 0
        assert after[1] <= before[1] + 1
        assert after[2] <= before[2] + 8  # a stream and its source may be open or just let go
        if soak:
            assert after[0] - before[0] < 64 * 1024 * 1024
