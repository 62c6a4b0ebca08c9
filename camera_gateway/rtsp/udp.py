"""Edge: the pair of UDP sockets that one track's RTP and RTCP come to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from camera_gateway.reach import Reach
from camera_gateway.rtsp.receiver import Stats
from camera_gateway.rtsp.rtp import Reorder
from config.errors import Kind, XueliangError

#: A 150 kB keyframe comes as one burst of some 110 datagrams; the stock buffer of 208 KiB holds it barely.
RECEIVE_BUFFER = 1024 * 1024
TRIES = 20

Handler = Callable[[bytes], None]


class _Port(asyncio.DatagramProtocol):
    def __init__(self, address: str, handle: Handler, foreign: Callable[[], None]) -> None:
        self._address = address
        self._handle = handle
        self._foreign = foreign

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] != self._address:
            self._foreign()
            return
        self._handle(data)


class UdpPair:
    """``ports`` are ours, RTP's even and RTCP's the next one (RFC 3550 section 11)."""

    def __init__(
        self, address: str, rtp: asyncio.DatagramTransport, rtcp: asyncio.DatagramTransport, port: int
    ) -> None:
        self._address = address
        self._rtp = rtp
        self._rtcp = rtcp
        self.ports = (port, port + 1)
        self.server_ports: tuple[int, int] | None = None

    def send_control(self, payload: bytes) -> None:
        if self.server_ports is not None and not self._rtcp.is_closing():
            self._rtcp.sendto(payload, (self._address, self.server_ports[1]))

    def open_path(self, payload: bytes) -> None:
        """One small packet to each of the camera's ports, so that a firewall between lets its packets in."""
        if self.server_ports is not None and not self._rtp.is_closing():
            self._rtp.sendto(payload, (self._address, self.server_ports[0]))
        self.send_control(payload)

    def close(self) -> None:
        self._rtp.close()
        self._rtcp.close()


async def open_pair(
    reach: Reach,
    host: str,
    address: str,
    rtp: Handler,
    rtcp: Handler,
    foreign: Callable[[], None],
) -> UdpPair:
    """Raises ``LIMIT`` where no even and odd port are free side by side."""
    for _ in range(TRIES):
        first, _ = await reach.datagram(host, lambda: _Port(address, rtp, foreign), receive_buffer=RECEIVE_BUFFER)
        port = int(first.get_extra_info("sockname")[1])
        if port % 2 == 0 and port < 65534:
            try:
                second, _ = await reach.datagram(host, lambda: _Port(address, rtcp, foreign), local_port=port + 1)
            except XueliangError as error:
                if error.kind is not Kind.LIMIT:
                    first.close()
                    raise
            except BaseException:
                first.close()
                raise
            else:
                return UdpPair(address, first, second, port)
        first.close()
    raise XueliangError(Kind.LIMIT, "no pair of free UDP ports", where=host)


class OrderedRtp:
    """Datagrams of the RTP port, put in order for the receiver."""

    def __init__(self, deliver: Handler, stats: Stats) -> None:
        self._order = Reorder()
        self._deliver = deliver
        self._stats = stats

    def __call__(self, data: bytes) -> None:
        ready = self._order.push(data)
        self._stats.reordered = self._order.reordered
        for packet in ready:
            self._deliver(packet)
