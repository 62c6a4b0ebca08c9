"""Wiring: clips at hand for the servers: packetised in memory, else from the folder, else drawn and encoded.

Drawing and encoding run in one worker thread; whoever asks for the same GOP meanwhile waits for the same answer.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from camera_gateway.media.encode import CodedPicture, encode_jpeg
from camera_gateway.simulator.clip import RING, ClipKey, ClipMaker
from camera_gateway.simulator.clip_cache import ClipCache
from camera_gateway.simulator.packetise import Block, packetise

MAX_MEMORY = 384 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Gop:
    """``pictures[i]`` is packetised; ``orders[i]`` its place in display order. A keyframe comes first.

    ``sets`` are the parameter sets (VPS, SPS, PPS) that the keyframe carries, ``bare`` the keyframe without them.
    """

    pictures: tuple[Block, ...]
    orders: tuple[int, ...]
    sets: tuple[bytes, ...]
    bare: Block

    @property
    def size(self) -> int:
        return sum(b.size for b in self.pictures) + self.bare.size


class Clips:
    """``folder`` ``None`` keeps nothing on disk. ``max_memory`` bounds what is packetised in memory (bytes)."""

    def __init__(self, folder: Path | None = None, *, max_memory: int = MAX_MEMORY) -> None:
        self._maker = ClipMaker()
        self._cache = ClipCache(folder) if folder is not None else None
        self._max_memory = max_memory
        self._memory = 0
        self._gops: OrderedDict[tuple[ClipKey, int, bool], Gop] = OrderedDict()
        self._pending: dict[tuple[ClipKey, int, bool], asyncio.Task[Gop]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="clips")

    async def start(self) -> None:
        if self._cache is not None:
            await asyncio.get_running_loop().run_in_executor(self._pool, self._cache.open)

    async def stop(self) -> None:
        for task in list(self._pending.values()):
            task.cancel()
        await asyncio.gather(*self._pending.values(), return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def ready(self, key: ClipKey, look: int, *, whole: bool = False) -> Gop | None:
        """The GOP if it is in memory. ``whole`` false: at least its keyframe."""
        name = (key, look % RING, whole)
        gop = self._gops.get(name)
        if gop is not None:
            self._gops.move_to_end(name)
        return gop

    async def gop(self, key: ClipKey, look: int, *, whole: bool = False) -> Gop:
        """The GOP of look ``look`` (modulo the ring): its keyframe alone, or with all that follow."""
        name = (key, look % RING, whole)
        found = self.ready(*name[:2], whole=whole)
        if found is not None:
            return found
        task = self._pending.get(name)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._make(name))
            self._pending[name] = task
            task.add_done_callback(lambda _: self._pending.pop(name, None))
        return await asyncio.shield(task)

    async def snapshot(self, key: ClipKey, look: int) -> bytes:
        """The keyframe's picture as a JPEG file."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: encode_jpeg(self._maker.picture(key, look % RING)))

    async def _make(self, name: tuple[ClipKey, int, bool]) -> Gop:
        gop = await asyncio.get_running_loop().run_in_executor(self._pool, self._produce, *name)
        self._gops[name] = gop
        self._memory += gop.size
        while self._memory > self._max_memory and len(self._gops) > 1:
            _, old = self._gops.popitem(last=False)
            self._memory -= old.size
        return gop

    def _produce(self, key: ClipKey, look: int, whole: bool) -> Gop:
        name = f"{key.digest()}-{look:02d}{'-whole' if whole else ''}"
        pictures = self._cache.load(name) if self._cache is not None else None
        if pictures is None:
            pictures = self._maker.gop(key, look, whole=whole)
            if self._cache is not None:
                self._cache.save(name, pictures)
        return _packetised(key, pictures)


def _packetised(key: ClipKey, pictures: list[CodedPicture]) -> Gop:
    codec = key.shape.codec
    sets = pictures[0].nals[:-1] if len(pictures[0].nals) > 1 else ()
    return Gop(
        tuple(packetise(codec, p.nals) for p in pictures),
        tuple(p.order for p in pictures),
        sets,
        packetise(codec, pictures[0].nals[-1:]),
    )
