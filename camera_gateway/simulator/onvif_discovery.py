"""Edge: WS-Discovery of the virtual fleet: one UDP socket that answers for every device.

A probe sent to a device's own address is answered by that device; one sent to the group on the loopback interface
is answered by all, paced, each from its own address. Nobody outside 127/8 is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import uuid
from collections.abc import Callable, Iterable

from camera_gateway.discovery import wsd
from camera_gateway.simulator.camera import VirtualDevice
from camera_gateway.simulator.gate import Gate
from camera_gateway.simulator.onvif_messages import probe_matches
from config.clock import Clock
from config.errors import XueliangError

#: Linux: the address a datagram came in on, and the one an answer leaves from (ip(7)).
_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
_INFO = struct.Struct("=I4s4s")
#: Asked of the system for probes that come in bursts (a sweep of thousands of addresses).
RECEIVE_BUFFER = 4 * 1024 * 1024
#: Answers to one group probe leave in steps, so that a prober with a small buffer keeps up.
STEP_ANSWERS, STEP_SECONDS = 25, 0.005
#: Group probes being answered at once; the next are dropped, as a busy network drops them.
MAX_ROUNDS = 8
#: Datagrams taken before others of this process get their turn.
_BATCH = 64
_KNOWN_TYPES = frozenset({"NetworkVideoTransmitter", "Device"})


class DiscoveryResponder:
    """``find`` names the device of an address, ``devices`` lists them all. ``port`` is 3702 but for tests."""

    def __init__(
        self,
        find: Callable[[str], VirtualDevice | None],
        devices: Callable[[], Iterable[VirtualDevice]],
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._find = find
        self._devices = devices
        self._clock = clock
        self._random = rng
        self._socket: socket.socket | None = None
        self._rounds: set[asyncio.Task[None]] = set()
        self.answered = 0
        self.dropped = 0

    async def start(self, port: int = wsd.PORT) -> int:
        """Bind and join the group on the loopback interface. Returns the port; raises ``OSError`` if it is taken."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            sock.setsockopt(socket.IPPROTO_IP, _PKTINFO, 1)
            sock.bind(("0.0.0.0", port))  # noqa: S104 - every 127/8 address; others are not answered
            member = socket.inet_aton(wsd.GROUP) + socket.inet_aton("127.0.0.1")
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        except OSError:
            sock.close()
            raise
        self._socket = sock
        asyncio.get_running_loop().add_reader(sock, self._readable)
        return int(sock.getsockname()[1])

    async def stop(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        rounds = list(self._rounds)
        for task in rounds:
            task.cancel()
        await asyncio.gather(*rounds, return_exceptions=True)

    def _readable(self) -> None:
        assert self._socket is not None
        for _ in range(_BATCH):
            try:
                data, ancillary, _, peer = self._socket.recvmsg(wsd.MAX_DATAGRAM, 128)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP answer to one of our own datagrams
            to = _destination(ancillary)
            if to is not None and str(peer[0]).startswith("127."):
                self._asked(data, to, (str(peer[0]), int(peer[1])))

    def _asked(self, data: bytes, to: str, peer: tuple[str, int]) -> None:
        try:
            message = wsd.read(data)
        except XueliangError:
            self.dropped += 1
            return
        if not isinstance(message, wsd.Probe) or (message.types and not _KNOWN_TYPES & set(message.types)):
            return
        if to != wsd.GROUP:
            if (device := self._find(to)) is not None:
                self._answer(device, message.message_id, peer)
        elif len(self._rounds) < MAX_ROUNDS:
            task = asyncio.get_running_loop().create_task(self._round(message.message_id, peer))
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)
        else:
            self.dropped += 1

    async def _round(self, message_id: str, peer: tuple[str, int]) -> None:
        for count, device in enumerate(list(self._devices()), 1):
            self._answer(device, message_id, peer)
            if count % STEP_ANSWERS == 0:
                await self._clock.sleep(STEP_SECONDS)

    def _answer(self, device: VirtualDevice, message_id: str, peer: tuple[str, int]) -> None:
        if self._socket is None or device.gate() is not Gate.SERVE:
            return
        answer_id = f"urn:uuid:{uuid.UUID(int=self._random.getrandbits(128), version=4)}"
        origin = _INFO.pack(0, socket.inet_aton(device.host), b"\0\0\0\0")
        with contextlib.suppress(OSError):  # the prober is gone, or the buffer is full: UDP gives no promise
            self._socket.sendmsg(
                [probe_matches(device, message_id, answer_id)], [(socket.IPPROTO_IP, _PKTINFO, origin)], 0, peer
            )
            self.answered += 1


def _destination(ancillary: list[tuple[int, int, bytes]]) -> str | None:
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == _PKTINFO and len(data) >= _INFO.size:
            return socket.inet_ntoa(_INFO.unpack_from(data)[2])
    return None
