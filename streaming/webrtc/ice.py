"""Edge: ICE (aioice) as a service needs it: bound to its ports, asked by its viewers only, and quick to notice death.

The service is always the controlled side: viewers choose the pair. Names (mDNS) are never resolved; a browser that
hides its address is known by its own checks.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
from collections.abc import Callable, Sequence
from typing import Any, cast

from aioice import Candidate, Connection, TransportPolicy
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import CandidatePair, StunProtocol, get_host_addresses, server_reflexive_candidate
from aioice.stun import Message, TransactionError

from streaming import candidate as ours
from streaming.webrtc import stun
from streaming.webrtc.network import IceNetwork

#: Consent (RFC 7675): asked every 4 s, twice within a second, and anew where no answer came; three in a row unanswered
#: is dead: 8.3 s at most. All viewers are asked on the same half seconds: one turn of the loop for them all.
CONSENT_SECONDS = 4.0
CONSENT_FAILURES = 3
ANSWER_SECONDS = 1.0
BEAT_SECONDS = 0.5
#: Every address is one more socket for each viewer.
MAX_ADDRESSES = 8
#: Places that one viewer may send checks from.
MAX_PEERS = 32
#: First byte of what is STUN at most (RFC 7983 section 7).
STUN = 3
#: Datagrams that wait to be read: a handshake is five, reports a few a second.
MAX_WAITING = 256


def own_addresses() -> tuple[str, ...]:
    """Addresses of this machine that somebody else can reach."""
    found = get_host_addresses(use_ipv4=True, use_ipv6=True)
    kept = [address for address in found if (where := ours.plain(address)) is not None and not where.is_loopback]
    return tuple(kept[:MAX_ADDRESSES])


class _Datagrams(StunProtocol):
    """What is no STUN counts only from where this viewer's own checks came: a port that somebody else had before may
    still get that one's packets, and one stray ClientHello would be taken for this viewer's handshake."""

    receiver: ViewerConnection

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        data, ice, place = cast(bytes, data), self.receiver, (addr[0], addr[1])
        if not data:
            return
        if data[0] > STUN:
            if ice.knows(self, place):
                ice.data_received(data, 1)
        elif not ice.stays(self, data, place):
            super().datagram_received(data, addr)


class ViewerConnection(Connection):
    """``nominated`` is set as soon as a pair is; ``on_lost`` is called once when consent has expired."""

    def __init__(self, network: IceNetwork, rng: random.Random, on_lost: Callable[[], None]) -> None:
        turn = network.turn
        super().__init__(
            ice_controlling=False,
            components=1,
            turn_server=(turn.host, turn.port) if turn else None,
            turn_username=turn.user if turn else None,
            turn_password=turn.password if turn else None,
            transport_policy=TransportPolicy.RELAY if network.relay_only else TransportPolicy.ALL,
        )
        self.nominated = asyncio.Event()
        self.sockets: dict[StunProtocol, socket.socket] = {}
        self.on_media: Callable[[bytes], None] | None = None  # SRTP and SRTCP, once there are keys for them
        self._asked: bytes | None = None  # the transaction that waits for its answer
        self._network = network
        self._rng = rng
        self._on_lost = on_lost

    async def gather_candidates(self) -> None:
        """As the library's own, without looking through all interfaces of the machine for each viewer."""
        if not self._local_candidates_start:
            self._local_candidates_start = True
            self._local_candidates += await self.get_component_candidates(1, [])
            self._local_candidates_end = True

    async def get_component_candidates(self, component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
        """Our own addresses and ports instead of every interface's."""
        found: list[Candidate] = []
        if not self._network.relay_only:
            for address in self._network.addresses:
                found.append(await self._bind(address, component))
        if self._network.stun is not None:
            found += await self._reflexive(timeout)
        if self.turn_server is not None:
            found += await super().get_component_candidates(component, [], timeout)
        return found

    async def _bind(self, address: str, component: int) -> Candidate:
        sock = self._network.bind(address, self._rng)
        loop = asyncio.get_running_loop()
        try:
            _, protocol = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=sock)
        except BaseException:
            sock.close()
            raise
        protocol.local_candidate = Candidate(
            foundation=candidate_foundation("host", "udp", address),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=address,
            port=sock.getsockname()[1],
            type="host",
        )
        self.sockets[protocol] = sock
        self._protocols.append(protocol)
        return protocol.local_candidate

    async def _reflexive(self, timeout: float) -> list[Candidate]:
        server = self._network.stun
        asked = [server_reflexive_candidate(p, server) for p in self.sockets if server is not None]
        try:
            async with asyncio.timeout(timeout):
                answers = await asyncio.gather(*asked, return_exceptions=True)
        except TimeoutError:
            return []
        return [answer[0] for answer in answers if not isinstance(answer, BaseException)]

    def told(self) -> list[ours.Candidate]:
        """The candidates for the answer, with the advertised addresses in place of the bound ones."""
        found = []
        for one in self.local_candidates:
            if one.port is None:
                continue
            places = self._network.announced(one.host) if one.type == "host" else (one.host,)
            for index, place in enumerate(places):
                priority = one.priority - index
                found.append(ours.Candidate(one.foundation, priority, place, one.port, one.type))
        return found

    async def add(self, candidates: Sequence[ours.Candidate]) -> None:
        """A viewer's own candidates, as far as they may be contacted at all."""
        room = ours.MAX_CANDIDATES - len(self.remote_candidates)
        for one in ours.admitted(candidates, self._network.rules, room):
            await self.add_remote_candidate(
                Candidate(
                    foundation=one.foundation,
                    component=1,
                    transport="udp",
                    priority=one.priority,
                    host=one.address,
                    port=one.port,
                    type="host" if one.kind == "prflx" else one.kind,
                )
            )

    def request_received(self, message: Message, addr: tuple[str, int], protocol: StunProtocol) -> None:
        known = any(c.host == addr[0] and c.port == addr[1] for c in self._remote_candidates)
        if self._network.rules.may_answer(addr[0]) and (known or len(self._remote_candidates) < MAX_PEERS):
            super().request_received(message, addr, protocol)

    def check_incoming(self, message: Message, addr: tuple[str, int], protocol: StunProtocol) -> None:
        """aioice cancels the checks that are open when the first pair is chosen and leaves them as under way for ever;
        the viewer may still choose one of them (RFC 8445 section 8.1.1)."""
        for pair in self._check_list:
            if pair.protocol is protocol and pair.remote_addr == addr and pair.task is not None and pair.task.done():
                pair.task, pair.state = None, CandidatePair.State.WAITING
        super().check_incoming(message, addr, protocol)

    def knows(self, protocol: StunProtocol, addr: tuple[str, int]) -> bool:
        """Whether checks to and fro are made with this place."""
        return any(pair.remote_addr == addr and pair.protocol is protocol for pair in self._check_list)

    def data_received(self, data: bytes, component: int) -> None:
        # One without a byte, which anybody may send, would be read past its end.
        if not data or data[0] <= STUN:
            return
        if self.on_media is not None and 127 < data[0] < 192:  # RFC 7983 section 7
            self.on_media(data)
        elif self._queue.qsize() < MAX_WAITING:
            super().data_received(data, component)

    def check_complete(self, pair: CandidatePair) -> None:
        super().check_complete(pair)
        if self._nominated:
            self.nominated.set()  # the base class would notice at the next turn of its 20 ms

    def stays(self, protocol: StunProtocol, data: bytes, place: tuple[str, int]) -> bool:
        """Whether this is what both sides go on saying about the pair that was chosen; then it is dealt with."""
        pair = self._nominated.get(1)
        if pair is None or pair.protocol is not protocol or pair.remote_addr != place or self.remote_password is None:
            return False
        transaction = stun.transaction_of(data, stun.ANSWER)
        if transaction is not None:
            if transaction != self._asked or not stun.signed(data, self.remote_password.encode()):
                return False
            self._asked = None
            return True
        transaction, key = stun.transaction_of(data, stun.REQUEST), self.local_password.encode()
        username = f"{self.local_username}:{self.remote_username}".encode()
        if transaction is None or not stun.signed(data, key, username):
            return False
        answer = stun.message(stun.ANSWER, transaction, stun.place(transaction, *place), key)
        protocol.transport.sendto(answer, place)
        return True

    async def query_consent(self) -> None:
        failures = 0
        while failures < CONSENT_FAILURES:
            if not failures:
                await _sleep(CONSENT_SECONDS * (0.8 + 0.4 * self._rng.random()))
            pair = self._nominated.get(1)
            if pair is None or self.remote_password is None:
                return
            failures = 0 if await self._consents(pair, self.remote_password) else failures + 1
        self._on_lost()

    async def _consents(self, pair: CandidatePair, password: str) -> bool:
        """Whether an answer to one question came in time."""
        key = password.encode()
        if not isinstance(pair.protocol, _Datagrams):  # by a TURN server
            request = self.build_request(pair, nominate=False)
            try:
                await pair.protocol.request(request, pair.remote_addr, integrity_key=key, retransmissions=0)
            except TransactionError:
                return False
            return True
        self._asked = secrets.token_bytes(12)
        username = f"{self.remote_username}:{self.local_username}"
        body = stun.asking(username, candidate_priority(1, "prflx"), self._tie_breaker)
        question = stun.message(stun.REQUEST, self._asked, body, key)
        for _ in range(2):  # on a path that loses a tenth, one question alone would end a view every few minutes
            pair.protocol.transport.sendto(question, pair.remote_addr)
            await _sleep(ANSWER_SECONDS / 2)
            if self._asked is None:
                return True
        return False

    def way(self) -> tuple[socket.socket | None, Any, tuple[str, int]] | None:
        """(our socket, else ``None``; the transport; where to) of the chosen pair."""
        pair = self._nominated.get(1)
        if pair is None:
            return None
        return self.sockets.get(pair.protocol), pair.protocol.transport, pair.remote_addr


async def _sleep(seconds: float) -> None:
    """Until the first beat that is no sooner."""
    now = asyncio.get_running_loop().time()
    beats = -((-(now + seconds) / BEAT_SECONDS + 0.01) // 1)
    await asyncio.sleep(beats * BEAT_SECONDS - now)
