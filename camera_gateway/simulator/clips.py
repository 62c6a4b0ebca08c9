"""Wiring: clips at hand for the servers: packetised in memory, else from the folder, else drawn and encoded.

Drawing and encoding run in two worker threads, one for keyframes and one for what follows them, so that a long GOP
keeps nobody from a first picture. Whoever asks for the same GOP meanwhile waits for the same answer.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from camera_gateway.media.encode import CodedPicture, encode_jpeg
from camera_gateway.simulator.clip import RING, ClipKey, ClipMaker
from camera_gateway.simulator.clip_cache import ClipCache
from camera_gateway.simulator.packetise import Block, packetise

MAX_MEMORY = 384 * 1024 * 1024

_Name = tuple[ClipKey, int, bool]


class Gop:
    """``pictures[i]`` is packetised, in decoding order; ``orders[i]`` its place in display order.

    ``sets`` are the parameter sets (VPS, SPS, PPS) that the keyframe carries, ``bare`` the keyframe without them.
    Grows while it is encoded.
    """

    __slots__ = ("_grown", "bare", "orders", "pictures", "sets")

    def __init__(self) -> None:
        self.pictures: list[Block] = []
        self.orders: list[int] = []
        self.sets: tuple[bytes, ...] = ()
        self.bare: Block | None = None
        self._grown: asyncio.Event | None = None

    @property
    def size(self) -> int:
        return sum(b.size for b in self.pictures) + (self.bare.size if self.bare is not None else 0)

    def add(self, picture: Block, order: int, sets: tuple[bytes, ...], bare: Block | None) -> None:
        if bare is not None:
            self.sets, self.bare = sets, bare
        self.pictures.append(picture)
        self.orders.append(order)
        self.wake()

    def wake(self) -> None:
        if self._grown is not None:
            self._grown.set()
            self._grown = None

    async def grown(self) -> None:
        """Until another picture is there, or the work on it has ended."""
        if self._grown is None:
            self._grown = asyncio.Event()
        await self._grown.wait()


class Clips:
    """``folder`` ``None`` keeps nothing on disk. ``max_memory`` bounds what is packetised in memory (bytes)."""

    def __init__(self, folder: Path | None = None, *, max_memory: int = MAX_MEMORY) -> None:
        self._cache = ClipCache(folder) if folder is not None else None
        self._max_memory = max_memory
        self._memory = 0
        self._gops: OrderedDict[_Name, Gop] = OrderedDict()
        self._pending: dict[_Name, tuple[Gop, asyncio.Task[None]]] = {}
        self._stopping = False
        # A maker is for one thread.
        self._makers = {whole: ClipMaker() for whole in (False, True)}
        self._pools = {whole: ThreadPoolExecutor(1, thread_name_prefix="clips") for whole in (False, True)}

    async def start(self) -> None:
        if self._cache is not None:
            await asyncio.get_running_loop().run_in_executor(self._pools[False], self._cache.open)

    async def stop(self) -> None:
        self._stopping = True
        tasks = [task for _, task in self._pending.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for pool in self._pools.values():
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)

    def ready(self, key: ClipKey, look: int, *, whole: bool = False) -> Gop | None:
        """The GOP if all of it (or, not ``whole``, its keyframe) is in memory."""
        name = (key, look % RING, whole)
        gop = self._gops.get(name)
        if gop is not None:
            self._gops.move_to_end(name)
        return gop

    async def gop(self, key: ClipKey, look: int, *, whole: bool = False) -> Gop:
        """The GOP of look ``look`` (modulo the ring): its keyframe alone, or with all that follow."""
        found = self.ready(key, look, whole=whole)
        if found is not None:
            return found
        gop, task = self._begun((key, look % RING, whole))
        await asyncio.shield(task)
        return gop

    async def reach(self, key: ClipKey, look: int, index: int) -> Gop:
        """The whole GOP as soon as its picture ``index`` is there; the rest follows while it is watched."""
        found = self.ready(key, look, whole=True)
        if found is not None:
            return found
        gop, task = self._begun((key, look % RING, True))
        while len(gop.pictures) <= index and not task.done():
            await gop.grown()
        if len(gop.pictures) <= index:
            await task
        return gop

    async def snapshot(self, key: ClipKey, look: int) -> bytes:
        """The keyframe's picture as a JPEG file."""
        loop, maker = asyncio.get_running_loop(), self._makers[False]
        return await loop.run_in_executor(self._pools[False], lambda: encode_jpeg(maker.picture(key, look % RING)))

    def _begun(self, name: _Name) -> tuple[Gop, asyncio.Task[None]]:
        pending = self._pending.get(name)
        if pending is None:
            gop = Gop()
            task = asyncio.get_running_loop().create_task(self._make(name, gop))
            pending = self._pending[name] = (gop, task)
            task.add_done_callback(lambda _: self._ended(name, gop))
        return pending

    def _ended(self, name: _Name, gop: Gop) -> None:
        self._pending.pop(name, None)
        gop.wake()

    async def _make(self, name: _Name, gop: Gop) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pools[name[2]], self._produce, name, gop, loop)
        self._gops[name] = gop
        self._memory += gop.size
        while self._memory > self._max_memory and len(self._gops) > 1:
            _, old = self._gops.popitem(last=False)
            self._memory -= old.size

    def _produce(self, name: _Name, gop: Gop, loop: asyncio.AbstractEventLoop) -> None:
        """In a worker thread; the pictures are handed to the loop one by one."""
        key, look, whole = name
        file = f"{key.digest()}-{look:02d}{'-whole' if whole else ''}"
        cached = self._cache.load(file) if self._cache is not None else None
        source: Iterable[CodedPicture] = cached or self._makers[whole].making(key, look, whole=whole)
        made: list[CodedPicture] = []
        for picture in source:
            first = not made
            made.append(picture)
            block = packetise(key.shape.codec, picture.nals)
            sets = picture.nals[:-1] if first else ()
            bare = packetise(key.shape.codec, picture.nals[-1:]) if first else None
            if self._stopping:
                return
            loop.call_soon_threadsafe(gop.add, block, picture.order, sets, bare)
        if self._cache is not None and cached is None:
            self._cache.save(file, made)
