"""Edge: one UDP socket on an ephemeral port that sends probes and hears what answers.

Some thousand devices answer a group probe within a second; a stock receive buffer holds about a hundred answers.
So 4 MiB are asked for and what was granted is read back and said.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from camera_gateway.discovery import wsd
from camera_gateway.discovery.found import Book, Found, How, from_match
from config.errors import XueliangError

log = logging.getLogger(__name__)

RECEIVE_BUFFER = 4 * 1024 * 1024
#: Answers waiting to be taken; the reader of a search is faster than any network.
MAX_WAITING = 50_000


@dataclass(slots=True)
class ListenerStats:
    """``refused`` counts datagrams that were no discovery answer, ``foreign`` those from addresses not asked for."""

    granted_buffer: int = 0
    received: int = 0
    refused: int = 0
    foreign: int = 0
    overflow: int = 0


@dataclass(slots=True, eq=False)
class Listener(asyncio.DatagramProtocol):
    """``async with Listener(rng, allowed) as listener``; ``allowed`` says whether an address may be a camera's."""

    rng: random.Random
    allowed: Callable[[str], bool] = lambda address: True
    book: Book = field(default_factory=Book)
    stats: ListenerStats = field(default_factory=ListenerStats)
    advice: str = ""
    local_address: str = "0.0.0.0"  # noqa: S104 - answers come in on whatever interface the probe left by
    waiting: deque[Found] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    transport: asyncio.DatagramTransport | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Listener:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            # Linux doubles what it grants, for its own book-keeping.
            self.stats.granted_buffer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
            sock.bind((self.local_address, 0))
            await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=sock)
        except OSError:
            sock.close()
            raise
        if self.stats.granted_buffer < RECEIVE_BUFFER:
            self.advice = (
                f"the system grants a receive buffer of {self.stats.granted_buffer // 1024} KiB, which loses "
                f"answers of large networks. sysctl -w net.core.rmem_max={RECEIVE_BUFFER}"
            )
            log.warning("- discovery: %s", self.advice)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.transport is not None:
            self.transport.abort()
            await self.closed.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # uvloop's is no DatagramTransport by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        self.news.set()

    def error_received(self, exc: Exception) -> None:
        """ICMP's "nobody here" for one of the many addresses asked."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.stats.received += 1
        source = addr[0]
        if not self.allowed(source):
            self.stats.foreign += 1
            return
        if self.book.complete(source):
            return
        try:
            message = wsd.read(data)
        except XueliangError:
            self.stats.refused += 1
            return
        if isinstance(message, wsd.Probe):
            return
        for match in message:
            if match.said is wsd.Said.BYE:
                continue
            how = How.HELLO if match.said is wsd.Said.HELLO else self._how(match)
            self.take(from_match(match, source, how))

    def take(self, found: Found) -> None:
        entry = self.book.add(found)
        if entry is None:
            return
        if len(self.waiting) >= MAX_WAITING:
            self.waiting.popleft()
            self.stats.overflow += 1
        self.waiting.append(entry)
        self.news.set()

    def probe(self, kind: wsd.ProbeType, to: str, port: int = wsd.PORT) -> None:
        """Send one probe to an address or to the group. What the system refuses (no route) is no answer."""
        # The id carries where it went: answers of firmwares that relate to nothing count as multicast ones.
        mark = 0 if to == wsd.GROUP else 1
        message_id = f"urn:uuid:{uuid.UUID(int=(self.rng.getrandbits(127) << 1) | mark)}"
        if self.transport is not None and not self.transport.is_closing():
            with suppress(OSError):
                self.transport.sendto(wsd.probe(kind, message_id), (to, port))

    def multicast_from(self, interface: str) -> None:
        """Group probes leave by the interface that has this IPv4 address."""
        assert self.transport is not None
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))

    def _how(self, match: wsd.Match) -> How:
        last = match.relates_to[-1:].lower()
        return How.UNICAST if last in tuple("13579bdf") else How.MULTICAST
