"""The first signal asks, the second ends."""

from __future__ import annotations

import os
import signal

import pytest

from center.stopping import Stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_first_asks_second_leaves(number: signal.Signals) -> None:
    left: list[int] = []
    before = signal.getsignal(number)
    async with Stopping(left.append) as stopping:
        assert not stopping.asked
        os.kill(os.getpid(), number)
        await stopping.wait(5)
        assert stopping.asked
        assert left == []
        stopping.ask()
        assert left == [1]
    assert signal.getsignal(number) is before


async def test_the_time_may_end_first() -> None:
    async with Stopping() as stopping:
        await stopping.wait(0)
        assert not stopping.asked
