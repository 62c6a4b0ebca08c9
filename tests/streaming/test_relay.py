"""The relay over true sockets: virtual cameras on one side, an aiortc peer that decodes on the other."""

from __future__ import annotations

from pathlib import Path

from tests.support.relay_rig import peer, rig


async def test_decoded_frames_advance(clips: Path) -> None:
    async with rig(clips) as made, peer() as viewer:
        await viewer.watch(made)
        first = await viewer.frame()
        for _ in range(10):
            last = await viewer.frame()
        assert (first.width, first.height) == (640, 360)
        assert last.pts > first.pts
