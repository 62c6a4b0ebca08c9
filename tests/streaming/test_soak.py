"""Sessions opened and closed again and again, by peers that leave well and peers that just vanish: nothing is left.

The peers are a process of their own, so that what is counted here is the relay's (and the virtual cameras').
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from camera_gateway.rtsp.timing import Deadlines
from streaming.capacity import Most
from streaming.relay import RelayRules
from streaming.session import SessionRules
from streaming.view_state import Role
from streaming.webrtc.network import IceNetwork
from tests.support.light_viewers import LightViewers, light_viewers
from tests.support.process_memory import resident
from tests.support.relay_rig import Rig, drawn, rig

log = logging.getLogger(__name__)

MIB = 1024 * 1024
#: What a view leaves at most, over 10,000 of them: the record of its end here, and what the allocator cannot give back.
LEFT_A_VIEW = 1024
#: Before that as many as it takes until those that nobody takes up, each for its 30 s, are as many as they ever are at
#: once: what they need stays the process's.
WARM = 4000
WAYS = ("untaken", "ended connecting", "ended", "left", "switched", "vanished")
#: With all of them a first picture is a matter of a second; whoever has none after so long never gets one.
PICTURE_SECONDS = 150.0
PORTS = (42_000, 45_999)  # on a quick machine thousands that nobody takes up wait for their time
#: On a machine that has no time for it even a virtual camera takes its time.
PATIENT = Deadlines(connect=60.0, reply=60.0, stall=60.0, keyframe=60.0, total=120.0, teardown=60.0)
OURS = ("Session", "Viewer", "Path", "ViewerConnection", "_Dtls", "Sender", "CameraStream", "Subscription")


async def one(made: Rig, viewers: LightViewers, number: int, way: str) -> float | None:
    """Seconds until its first picture, if it had one."""
    # Most look at one camera; the others come and go, and their sessions with them.
    camera = made.fleet.cameras[0 if number % 5 else number // 5 % len(made.fleet.cameras)]
    viewer, offer = await viewers.offer()
    opened = await made.relay.open(made.asked(camera), offer)
    if way == "untaken":
        await viewers.leave(viewer)
        return None
    viewers.answer(viewer, opened.answer)
    if way == "ended connecting":
        await made.relay.end(opened.session)
        await viewers.leave(viewer)
        return None
    heard = await viewers.until(viewer, "first", "failed", seconds=PICTURE_SECONDS)
    assert "first" in heard, (number, way, heard)
    if way == "switched":
        await made.relay.switch(opened.session, Role.SUB)
    if way in ("ended", "switched"):
        await made.relay.end(opened.session)
    await viewers.leave(viewer, "vanish" if way == "vanished" else "close")
    return float(heard["first"])


def threads() -> int:
    """Without the loop's own pool, which grows to its size and stays."""
    return sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate())


def held() -> tuple[int, int, int, int]:
    """Memory (what the allocator could give back is not held), threads, tasks, descriptors."""
    gc.collect()
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    return resident(os.getpid()), threads(), len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))


def ours() -> Counter[str]:
    """Objects of the relay that are still alive."""
    gc.collect()
    made_by = ("streaming.", "camera_gateway.")
    return Counter(
        type(one).__name__
        for one in gc.get_objects()
        if type(one).__name__ in OURS and type(one).__module__.startswith(made_by)
    )


async def views(made: Rig, viewers: LightViewers, numbers: Iterator[int], ways: tuple[str, ...]) -> list[float]:
    """One after the other; several of these at once share ``numbers``."""
    found = []
    for number in numbers:
        first = await one(made, viewers, number, ways[number % len(ways)])
        if first is not None:
            found.append(first)
        if number % 500 == 499:
            log.warning("%d views, %.0f MiB", number + 1, resident(os.getpid()) / MIB)
    return found


async def many(made: Rig, viewers: LightViewers, count: int, together: int, ways: tuple[str, ...]) -> list[float]:
    """All are over when it returns, and nothing of the relay's is left. Raises ``TimeoutError`` else."""
    numbers = iter(range(count))
    parts = await asyncio.gather(*(views(made, viewers, numbers, ways) for _ in range(together)))
    await made.until(lambda: made.relay.shown() == [], 150)
    await made.until(lambda: made.relay._endings == set(), 150)
    await made.until(lambda: made.relay.streams() == [], 150)
    await made.until(lambda: not ours(), 30)
    return [first for part in parts for first in part]


@pytest.mark.soak
@pytest.mark.usefixtures("no_leaks")
async def test_nothing_is_left_of_views_that_came_and_went(clips: Path, soak: bool) -> None:
    count, together, ways = (10_000, 8, WAYS) if soak else (25, 5, WAYS[:5])
    warm = WARM if soak else 5  # the virtual cameras' clips are in memory then
    # Long waits: on a busy machine nothing is refused or given up that only came late, and what hangs is seen as that.
    connecting = SessionRules(connect=30.0 if soak else 2.0)
    rules = RelayRules(most=Most(4000, 4000, 4000), linger=0.5, open=PICTURE_SECONDS, session=connecting)
    network = IceNetwork(("127.0.0.1",), ports=PORTS)
    async with (
        light_viewers() as viewers,
        rig(clips, rules=rules, network=network, deadlines=PATIENT, cameras=3) as made,
    ):
        if soak:
            await drawn(made.fleet)
        await many(made, viewers, warm, together, ways if soak else WAYS[1:5])
        made.ended.clear()
        before, began = held(), time.monotonic()
        firsts = sorted(await many(made, viewers, count, together, ways))
        after = held()
        assert len(made.ended) == count
        reasons = Counter(reason for _, reason in made.ended)
        log.warning(
            "%d views in %.0f s, %s; first picture p50 %.0f ms, p99 %.0f ms, most %.0f ms; resident %.1f -> %.1f MiB; "
            "threads %d -> %d, tasks %d -> %d, descriptors %d -> %d",
            count,
            time.monotonic() - began,
            dict(reasons),
            *(1000 * firsts[int(share * (len(firsts) - 1))] for share in (0.5, 0.99, 1.0)),
            before[0] / MIB,
            after[0] / MIB,
            *(figure for pair in zip(before[1:], after[1:], strict=True) for figure in pair),
        )
        assert made.relay.capacity.total == 0
        assert not made.relay.capacity.accounts
        assert after[1] <= before[1]
        assert after[2] <= before[2] + 2 * len(made.fleet.cameras)  # a source may be just let go
        assert after[3] <= before[3] + 2 * len(made.fleet.cameras)
        if soak:
            assert after[0] - before[0] < count * LEFT_A_VIEW, f"{(after[0] - before[0]) / count:.0f} bytes a view"
