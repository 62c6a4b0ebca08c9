"""Edge: a UDP proxy on loopback between a viewer and the relay that loses some of what the relay sends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Proxy:
    """``port`` is the viewer's side. ``loss`` is a share; ``silent`` lets nothing through in either direction."""

    def __init__(self, upstream: tuple[str, int], loss: float, rng: random.Random) -> None:
        self.upstream = upstream
        self.loss = loss
        self.silent = False
        self.dropped = 0
        self.rng = rng
        self.viewer: Any = None
        self.front: asyncio.DatagramTransport
        self.back: asyncio.DatagramTransport

    @property
    def port(self) -> int:
        return int(self.front.get_extra_info("sockname")[1])

    def to_relay(self, data: bytes, address: Any) -> None:
        self.viewer = address
        if not self.silent:
            self.back.sendto(data)

    def to_viewer(self, data: bytes, _: Any) -> None:
        media = 127 < data[0] < 192
        if self.silent or self.viewer is None:
            return
        if media and self.rng.random() < self.loss:
            self.dropped += 1
            return
        self.front.sendto(data, self.viewer)


class _Side(asyncio.DatagramProtocol):
    def __init__(self, take: Any) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._take(data, addr)


@asynccontextmanager
async def proxy(upstream: tuple[str, int], loss: float = 0.0, seed: int = 1) -> AsyncIterator[Proxy]:
    made, loop = Proxy(upstream, loss, random.Random(seed)), asyncio.get_running_loop()
    front, _ = await loop.create_datagram_endpoint(lambda: _Side(made.to_relay), local_addr=("127.0.0.1", 0))
    back, _ = await loop.create_datagram_endpoint(lambda: _Side(made.to_viewer), remote_addr=upstream)
    made.front = front
    made.back = back
    try:
        yield made
    finally:
        front.close()
        back.close()
