"""Edge: one worker process seen from the service: spawned, asked one thing at a time, killed."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from pathlib import Path

from camera_gateway.job import MAX_ANSWER
from camera_gateway.media.worker import Status
from config.errors import Kind, XueliangError

_ROOT = Path(__file__).resolve().parents[2]
#: Nothing of ours is inherited; one thread per worker, because there is one worker per core.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
_BUFFER = 1 << 20


class WorkerDied(Exception):
    """The process ended or was killed while it was asked."""


class _Frames(asyncio.Protocol):
    def __init__(self) -> None:
        self.waiting: asyncio.Future[tuple[Status, bytes]] | None = None
        self.closed = asyncio.get_running_loop().create_future()
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 5:
            size = struct.unpack_from(">I", self._buffer)[0]
            if not 1 <= size <= MAX_ANSWER + 1 or self._buffer[4] > max(Status):
                self._resolve(WorkerDied("a frame out of bounds"))
                return
            if len(self._buffer) < 4 + size:
                return
            frame = Status(self._buffer[4]), bytes(memoryview(self._buffer)[5 : 4 + size])
            del self._buffer[: 4 + size]
            self._resolve(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        self._resolve(WorkerDied("the worker process ended"))
        if not self.closed.done():
            self.closed.set_result(None)

    def _resolve(self, result: tuple[Status, bytes] | WorkerDied) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting is None or waiting.done():
            return
        if isinstance(result, WorkerDied):
            waiting.set_exception(result)
        else:
            waiting.set_result(result)


class WorkerProcess:
    """``await WorkerProcess.spawn("module:function")``; raises ``INTERNAL`` when the function is not there."""

    def __init__(self, process: asyncio.subprocess.Process, transport: asyncio.WriteTransport, frames: _Frames) -> None:
        self._process = process
        self._transport = transport
        self._frames = frames

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._transport.is_closing() and self._process.returncode is None

    @classmethod
    async def spawn(cls, function: str) -> WorkerProcess:
        ours, theirs = socket.socketpair()
        try:
            for end in (ours, theirs):  # a keyframe of 100 kB goes over in one write
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            ours.setblocking(False)
            command = (sys.executable, "-m", "camera_gateway.media.worker", function, str(theirs.fileno()))
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=_ENVIRONMENT,
                cwd=os.fspath(_ROOT),
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        try:
            transport, frames = await asyncio.get_running_loop().create_connection(_Frames, sock=ours)
        except BaseException:
            ours.close()
            process.kill()
            await process.wait()
            raise
        worker = cls(process, transport, frames)
        try:
            status, payload = await worker._next()
        except BaseException:
            await worker.kill()
            raise
        if status is not Status.READY:
            await worker.kill()
            raise XueliangError(Kind.INTERNAL, f"the worker cannot start: {payload!r}")
        return worker

    async def ask(self, payload: bytes) -> tuple[Status, bytes]:
        """One job over, one answer back. Raises :class:`WorkerDied`."""
        if self._transport.is_closing():
            raise WorkerDied("the worker process ended")
        self._transport.write(struct.pack(">I", len(payload)) + payload)
        return await self._next()

    def strike(self) -> None:
        """End the process now; whoever asks it gets :class:`WorkerDied`."""
        if self._process.returncode is None:
            self._process.kill()

    async def kill(self) -> None:
        self.strike()
        self._transport.abort()
        await self._frames.closed
        await self._process.wait()

    async def _next(self) -> tuple[Status, bytes]:
        self._frames.waiting = asyncio.get_running_loop().create_future()
        return await self._frames.waiting
