"""Edge: a search of the network: group probes, then every address of the configured ranges, at a set rate.

Routers do not pass the group on: most of a district is only found by asking each address. Only addresses inside
the given ranges are asked or heard, and each leaves at its own moment.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from camera_gateway.discovery import wsd
from camera_gateway.discovery.found import Found, How
from camera_gateway.discovery.listener import Listener, ListenerStats
from camera_gateway.reach import Reach
from config.clock import Clock
from config.errors import Kind, XueliangError

Network = ipaddress.IPv4Network

#: 8,128 addresses in 20 s; a router of a village link forwards as many.
RATE = 400.0
#: A /14: larger ranges are a mistake in typing, and would take hours.
MAX_ADDRESSES = 262_144
#: RTSP, HTTP and the second HTTP port of older cameras.
PORTS = (554, 80, 8080)


@dataclass(slots=True)
class Search:
    """What to look for and how. ``networks`` bounds who is asked and heard; empty means group probes only.

    ``rate`` is in addresses a second, ``wait`` the seconds of silence that end it.
    ``ports`` are tried by TCP besides (needs a :class:`Reach`); ``multicast`` sends group probes, from the interface
    with that address if one is given. ``port`` is 3702 but for tests. ``rounds`` repeats probes: datagrams get lost.
    """

    networks: Sequence[Network] = ()
    rate: float = RATE
    wait: float = 3.0
    ports: tuple[int, ...] = ()
    multicast: bool = True
    interface: str = ""
    port: int = wsd.PORT
    rounds: int = 2
    tcp_deadline: float = 1.5
    stats: ListenerStats = field(default_factory=ListenerStats)
    advice: str = ""


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """CIDR ranges as people type them. Raises ``INVALID`` naming the text and what is allowed."""
    networks = []
    for text in texts:
        try:
            network = ipaddress.ip_network(text.strip(), strict=False)
        except ValueError:
            network = None
        if not isinstance(network, ipaddress.IPv4Network):
            raise XueliangError(Kind.INVALID, f"not a range of IPv4 addresses: {text[:60]!r}", fix="10.1.0.0/22")
        networks.append(network)
    total = sum(n.num_addresses for n in networks)
    if total > MAX_ADDRESSES:
        raise XueliangError(
            Kind.INVALID, f"{total} addresses, more than {MAX_ADDRESSES}", fix="Name the ranges cameras are really in"
        )
    return tuple(networks)


def addresses(networks: Sequence[Network]) -> Iterator[str]:
    """Every host address once, the ranges taken in turn, so that no single link gets the whole rate."""
    turns = [iter(n.hosts()) for n in ipaddress.collapse_addresses(networks)]
    while turns:
        for turn in list(turns):
            host = next(turn, None)
            if host is None:
                turns.remove(turn)
            else:
                yield str(host)


async def discover(
    search: Search, clock: Clock, rng: random.Random, reach: Reach | None = None
) -> AsyncIterator[Found]:
    """Every address that answers, once, and again when a later answer says more (as :meth:`Book.add`).

    Raises ``NOT_ALLOWED`` where TCP ports are to be tried without a ``reach``; what ``reach`` refuses is not tried.
    """
    if search.ports and reach is None:
        raise XueliangError(Kind.NOT_ALLOWED, "TCP ports are only tried through the configured reach")
    listener = Listener(rng, _allowed(search.networks))
    async with listener:
        search.stats, search.advice = listener.stats, listener.advice
        if search.interface:
            listener.multicast_from(search.interface)
        asking = asyncio.create_task(_ask(search, listener, clock, reach))
        asking.add_done_callback(lambda _: listener.news.set())
        try:
            while not asking.done() or listener.waiting:
                while listener.waiting:
                    yield listener.waiting.popleft()
                listener.news.clear()
                if not asking.done():
                    await listener.news.wait()
            await asking
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking


def _allowed(networks: Sequence[Network]) -> Callable[[str], bool]:
    spans = [(int(n.network_address), int(n.broadcast_address)) for n in networks]

    def allowed(address: str) -> bool:
        number = int(ipaddress.IPv4Address(address))
        return not spans or any(low <= number <= high for low, high in spans)

    return allowed


async def _ask(search: Search, listener: Listener, clock: Clock, reach: Reach | None) -> None:
    for _ in range(search.rounds if search.multicast else 0):
        for kind in wsd.ProbeType:  # a moment apart: all answers to one come at once
            listener.probe(kind, wsd.GROUP, search.port)
            await clock.sleep(0.15)
    for number in range(search.rounds if search.networks else 0):
        await _sweep(search, listener, clock, number)
    if search.ports and reach is not None:
        await _knock(search, listener, clock, reach)
    await _listen_on(search, listener, clock)


async def _listen_on(search: Search, listener: Listener, clock: Clock) -> None:
    """Until nothing has come for ``wait`` seconds, or ten times that: a chatty stranger must not hold us."""
    quiet, spent, step = 0.0, 0.0, search.wait / 4
    while quiet < search.wait and spent < 10 * search.wait:
        before = listener.stats.received
        await clock.sleep(step)
        spent += step
        quiet = quiet + step if listener.stats.received == before else 0.0


async def _sweep(search: Search, listener: Listener, clock: Clock, number: int) -> None:
    # A camera that stayed silent to one type may answer another: rounds go through them.
    kinds = (wsd.ProbeType.NVT, wsd.ProbeType.ANY, wsd.ProbeType.DEVICE)
    kind = kinds[number % len(kinds)]
    pace = _Pace(clock, search.rate)
    for address in addresses(search.networks):
        if not listener.book.complete(address):
            await pace.next()
            listener.probe(kind, address, search.port)


async def _knock(search: Search, listener: Listener, clock: Clock, reach: Reach) -> None:
    """TCP for what does not speak WS-Discovery; as many at once as the rate leaves open within the deadline."""
    slots = asyncio.Semaphore(max(1, min(512, int(search.rate * search.tcp_deadline))))
    pace = _Pace(clock, search.rate)

    async def knock(address: str, port: int) -> None:
        try:
            transport, _ = await reach.connect(address, port, asyncio.Protocol, deadline=search.tcp_deadline)
            transport.abort()
            listener.take(Found(address, port, How.TCP, open_ports=(port,)))
        except XueliangError:
            pass  # closed, silent or not allowed: not found
        finally:
            slots.release()

    async with asyncio.TaskGroup() as group:
        for address in addresses(search.networks):
            for port in search.ports:
                await pace.next()
                await slots.acquire()
                group.create_task(knock(address, port))


class _Pace:
    """Steps of at least a millisecond: below it the timer costs more than the datagram."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self._rate = max(1.0, rate)
        self._begun = clock.monotonic()
        self._sent = 0

    async def next(self) -> None:
        ahead = self._begun + self._sent / self._rate - self._clock.monotonic()
        self._sent += 1
        if ahead > 0.001:
            await self._clock.sleep(ahead)
