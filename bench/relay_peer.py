"""Edge: one viewer of the bench: ICE (aioice), DTLS (aiortc), reports; its pictures are dropped as they come in."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

from aioice import Candidate, Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

#: One for all viewers: making them is no part of what is measured.
CERTIFICATE = RTCCertificate.generateCertificate()
FINGERPRINT = next(f.value for f in CERTIFICATE.getFingerprints() if f.algorithm == "sha-256")
REPORT_SECONDS = 1.0
CONNECT_SECONDS = 60.0
OWN_SSRC = 0x0BE4C401


class _Socket(StunProtocol):
    """SRTP is counted and dropped; STUN and DTLS go their way."""

    packets = 0
    octets = 0
    last = b""

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        assert isinstance(data, bytes)
        if data and data[0] >> 6 == 2:
            self.packets += 1
            self.octets += len(data)
            if not 192 <= data[1] <= 223:  # no report (RFC 5761 section 4)
                self.last = data
            return
        super().datagram_received(data, addr)


class _Connection(Connection):
    """One socket, on one address."""

    def __init__(self, address: str, *, controlling: bool) -> None:
        super().__init__(ice_controlling=controlling, use_ipv6=False)
        self._address = address
        self.way: _Socket | None = None

    async def get_component_candidates(self, component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024)
        sock.bind((self._address, 0))
        loop = asyncio.get_running_loop()
        _, way = await loop.create_datagram_endpoint(lambda: _Socket(self), sock=sock)
        way.local_candidate = Candidate(
            foundation=candidate_foundation("host", "udp", self._address),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=self._address,
            port=sock.getsockname()[1],
            type="host",
        )
        self.way = way
        self._protocols.append(way)
        return [way.local_candidate]


class _Ice:
    """What the DTLS transport asks of the one below it."""

    def __init__(self, connection: Connection) -> None:
        self.role = "controlling" if connection.ice_controlling else "controlled"
        self._recv = connection.recv
        self._send = connection.send


class Peer:
    """``offer`` or ``answer``, then :meth:`connect`; always :meth:`close` it."""

    def __init__(self, address: str, *, controlling: bool) -> None:
        self._ice = _Connection(address, controlling=controlling)
        self._dtls = RTCDtlsTransport(_Ice(self._ice), [CERTIFICATE])  # type: ignore[arg-type]
        self._reporting: asyncio.Task[None] | None = None

    async def offer(self) -> str:
        """As a browser's, with one H.264 format."""
        await self._ice.gather_candidates()
        return self._text("96 97", "0", "actpass", "96", ("a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"))

    async def answer(self, offer: str) -> str:
        """To an offer with one video section whose first format is taken."""
        await self._ice.gather_candidates()
        (formats,) = (line.split()[3:] for line in offer.splitlines() if line.startswith("m=video"))
        return self._text(formats[0], _value(offer, "a=mid:"), "active", formats[0], ())

    def _text(self, formats: str, mid: str, setup: str, payload: str, more: tuple[str, ...]) -> str:
        lines = (
            *("v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mid}"),
            *(f"m=video 9 UDP/TLS/RTP/SAVPF {formats}", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0", f"a=mid:{mid}"),
            *("a=recvonly", "a=rtcp-mux", "a=rtcp-rsize", f"a=rtpmap:{payload} H264/90000"),
            f"a=fmtp:{payload} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            *(f"a=rtcp-fb:{payload} nack", f"a=rtcp-fb:{payload} nack pli"),
            *more,
            *(f"a=ice-ufrag:{self._ice.local_username}", f"a=ice-pwd:{self._ice.local_password}"),
            *(f"a=fingerprint:sha-256 {FINGERPRINT}", f"a=setup:{setup}"),
            *(f"a=candidate:{one.to_sdp()}" for one in self._ice.local_candidates),
            "a=end-of-candidates",
        )
        return "\r\n".join(lines) + "\r\n"

    async def connect(self, remote: str) -> None:
        """Until pictures can come. Raises ``ConnectionError``."""
        self._ice.remote_username = _value(remote, "a=ice-ufrag:")
        self._ice.remote_password = _value(remote, "a=ice-pwd:")
        self._ice.remote_is_lite = "\na=ice-lite" in remote
        for line in remote.splitlines():
            if line.startswith("a=candidate:"):
                one = Candidate.from_sdp(line.removeprefix("a=candidate:"))
                if one.transport.lower() == "udp" and one.component == 1:
                    await self._ice.add_remote_candidate(one)
        await self._ice.add_remote_candidate(None)
        algorithm, _, digest = _value(remote, "a=fingerprint:").partition(" ")
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._ice.connect()
            self._dtls._set_role("server" if _value(remote, "a=setup:") == "active" else "client")
            await self._dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(algorithm.lower(), digest.upper())]))
        if self._dtls.state != "connected":
            raise ConnectionError(f"no DTLS: {self._dtls.state}")
        self._reporting = asyncio.create_task(self._report())

    def counted(self) -> tuple[int, int]:
        """Packets and bytes since the last time."""
        way = self._ice.way
        if way is None or self._dtls.state != "connected":
            return 0, 0
        found = way.packets, way.octets
        way.packets = way.octets = 0
        return found

    async def close(self) -> None:
        if self._reporting is not None:
            self._reporting.cancel()
            await asyncio.gather(self._reporting, return_exceptions=True)
        with suppress(ConnectionError):
            await self._dtls.stop()
        await self._ice.close()

    async def _report(self) -> None:
        """A receiver report a second (RFC 3550 section 6.4.2) that says that nothing is missing."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            last = self._ice.way.last if self._ice.way is not None else b""
            if len(last) >= 12:
                sequence, ssrc = struct.unpack("!2xH4xI", last[:12])
                report = struct.pack("!BBHIIIIIII", 0x81, 201, 7, OWN_SSRC, ssrc, 0, sequence, 0, 0, 0)
                with suppress(ConnectionError):
                    await self._dtls._send_rtp(report)


def _value(text: str, name: str) -> str:
    """Of the first such line; empty where there is none."""
    return next((line.removeprefix(name).strip() for line in text.splitlines() if line.startswith(name)), "")
