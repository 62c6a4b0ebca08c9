"""Wiring: SETUP of the video track: over TCP, or over UDP where the camera refuses TCP (RFC 2326, 10.4 and 12.39)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from camera_gateway.memory import DeviceMemory
from camera_gateway.reach import Reach
from camera_gateway.rtsp.connection import Connection
from camera_gateway.rtsp.exchange import Exchange, refusal
from camera_gateway.rtsp.message import Response, parse_transport
from camera_gateway.rtsp.session import RtspSession
from camera_gateway.rtsp.states import Event
from camera_gateway.rtsp.udp import OrderedRtp, UdpPair, open_pair
from config.clock import Clock
from config.errors import Kind, XueliangError

#: What cameras answer to a transport they do not have: 461 is meant for it; RTSP::Server says 400, others that they
#: do not understand the parameter (451) or have not implemented it (501).
OTHER_TRANSPORT = frozenset((400, 451, 461, 501))
#: What they answer to an address that Content-Base led astray.
_OTHER_ADDRESS = frozenset((400, 404, 454))


@dataclass(slots=True)
class TrackSetup:
    """``address`` is the camera's checked one, by which it is remembered; ``addresses`` are the track's, the likelier
    one first."""

    reach: Reach
    memory: DeviceMemory
    clock: Clock
    exchange: Exchange
    address: str
    session: RtspSession
    addresses: tuple[str, ...]

    @property
    def connection(self) -> Connection:
        return self.exchange.connection

    async def run(self) -> None:
        """TCP, then UDP where the camera refuses TCP and the target leaves it open; what worked last comes first.

        Raises what the first refusal means where there is no other way.
        """
        wanted, session = self.exchange.target.transport, self.session
        facts = await self.memory.recall(self.address)
        if facts.keepalive:
            session.keepalive_method = facts.keepalive
        both = ["udp", "tcp"] if facts.transport == "udp" else ["tcp", "udp"]
        order = both if wanted == "auto" else [wanted]
        ways = {"udp": self._udp, "tcp": self._tcp}
        first: Response | None = None
        for transport in order:
            response = await ways[transport]()
            if response.status == 200:
                session.transport = transport
                if first is not None:
                    await self.memory.remember(self.address, transport=transport)
                return
            first = first or response
            if response.status not in OTHER_TRANSPORT:
                break
        assert first is not None
        raise refusal("SETUP", first, self.connection.where)

    async def _tcp(self) -> Response:
        response = await self._request("RTP/AVP/TCP;unicast;interleaved=0-1")
        if response.status == 200:
            connection = self.connection
            agreed = parse_transport(response.headers.get("Transport"))
            if not agreed.tcp and agreed.client_ports:
                raise XueliangError(
                    Kind.PROTOCOL, "the camera agrees to UDP where TCP was asked for", where=connection.where
                )
            connection.inflow.rtp_channel, connection.inflow.rtcp_channel = agreed.channels or (0, 1)
            connection.inflow.receiver = self.session.receiver
        return response

    async def _udp(self) -> Response:
        connection, session = self.connection, self.session
        pair = await self._open_pair()
        connection.media = pair
        ports = f"{pair.ports[0]}-{pair.ports[1]}"
        response = await self._request(f"RTP/AVP;unicast;client_port={ports}")
        if response.status == 200:
            pair.server_ports = parse_transport(response.headers.get("Transport")).server_ports
            session.pair = pair
            connection.inflow.receiver = session.receiver
        else:
            connection.media = None
            pair.close()
        return response

    async def _open_pair(self) -> UdpPair:
        connection, session, clock = self.connection, self.session, self.clock
        receiver, loop = session.receiver, asyncio.get_running_loop()

        def packet(data: bytes) -> None:
            if connection.inflow.receiver is None:
                return
            connection.last_media = loop.time()
            try:
                receiver.packet(data, 0, len(data), clock.monotonic())
            except XueliangError as error:
                connection.fail(error)
            if connection.inflow.receiver is not None and receiver.held:
                connection.hold()

        def control(data: bytes) -> None:
            receiver.control(data, 0, len(data), clock.monotonic(), clock.now().timestamp())

        def foreign() -> None:
            session.stats.foreign += 1

        ordered = OrderedRtp(packet, session.stats)
        return await open_pair(self.reach, self.address, self.address, ordered, control, foreign)

    async def _request(self, transport: str) -> Response:
        """SETUP of the video track; once more with the address asked for where Content-Base led nowhere."""
        connection = self.connection
        for address in self.addresses:
            connection.step(Event.SETUP)
            response = await self.exchange.ask("SETUP", address, (("Transport", transport),))
            if response.status == 200:
                connection.step(Event.SET_UP)
                return response
            connection.step(Event.REFUSED)
            if response.status not in _OTHER_ADDRESS:
                break
        return response
