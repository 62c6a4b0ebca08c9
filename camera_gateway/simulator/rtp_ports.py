"""Edge: the pair of UDP sockets (RTP and RTCP) of one session on a virtual camera's own address."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from camera_gateway.simulator.packetise import Block
from config.errors import Kind, XueliangError

_TRIES = 32
#: A stock receive buffer (208 KiB) holds about 90 full packets: a larger picture goes out in steps, as a camera's
#: network port would stretch it.
_STEP_PACKETS, _STEP_SECONDS = 40, 0.002
_MAX_WAITING = 8192


@dataclass(slots=True)
class PortPair:
    """``local`` ports are even and odd neighbours; ``remote`` is the client's pair at ``peer``.

    RTCP from another address than ``peer`` is dropped. Send buffers that are full drop packets, as UDP does.
    """

    loop: asyncio.AbstractEventLoop
    peer: str
    remote: tuple[int, int]
    media: socket.socket
    control: socket.socket
    heard: Callable[[bytes], None]
    local: tuple[int, int] = field(init=False)
    _waiting: deque[memoryview] = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None

    @classmethod
    def open(
        cls,
        loop: asyncio.AbstractEventLoop,
        host: str,
        peer: str,
        remote: tuple[int, int],
        heard: Callable[[bytes], None],
    ) -> PortPair:
        """Raises ``UNAVAILABLE`` where no neighbouring pair of ports is free."""
        for _ in range(_TRIES):
            media, control = _udp(), _udp()
            with contextlib.suppress(OSError, OverflowError):
                media.bind((host, 0))
                port = media.getsockname()[1]
                if port % 2 == 0:
                    control.bind((host, port + 1))
                    pair = cls(loop, peer, remote, media, control, heard)
                    pair.local = (port, port + 1)
                    loop.add_reader(control, pair._readable)
                    return pair
            media.close()
            control.close()
        raise XueliangError(Kind.UNAVAILABLE, "no pair of UDP ports is free", where=host)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.loop.remove_reader(self.control)
        self.media.close()
        self.control.close()

    def send_block(self, block: Block, data: memoryview) -> None:
        packets = block.datagrams(data)
        if len(self._waiting) + len(packets) > _MAX_WAITING:
            return
        self._waiting.extend(packets)
        if self._timer is None:
            self._step()

    def _step(self) -> None:
        target = (self.peer, self.remote[0])
        for _ in range(min(_STEP_PACKETS, len(self._waiting))):
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                self.media.sendto(self._waiting.popleft(), target)
        self._timer = self.loop.call_later(_STEP_SECONDS, self._step) if self._waiting else None

    def send_control(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            self.control.sendto(data, (self.peer, self.remote[1]))

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            data, source = self.control.recvfrom(2048)
            if source[0] == self.peer:
                self.heard(data)


def _udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    return sock
