"""Edge: the way to one viewer: ICE, then DTLS (aiortc), then SRTP in one direction and reports in the other."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)

from config.errors import Kind, XueliangError
from streaming.candidate import Candidate
from streaming.offer import Offer
from streaming.packet_ring import Packet
from streaming.webrtc.ice import ViewerConnection
from streaming.webrtc.network import IceNetwork
from streaming.webrtc.srtp import Sender, report_of

log = logging.getLogger(__name__)

OnControl = Callable[[bytes, float], None]
#: Receiver report (RFC 3550 section 6.4.2).
_REPORT = 201
#: OpenSSL's SSL_SESS_CACHE_OFF.
_NO_SESSION_CACHE = 0


class _OneContext(RTCCertificate):
    """Setting up OpenSSL is a good part of a handshake; all of them use the same, so one is kept."""

    _context: Any = None

    def _create_ssl_context(self, srtp_profiles: Any) -> Any:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_session_cache_mode(_NO_SESSION_CACHE)  # nobody comes back to a handshake
        return self._context


class Certificate:
    """One for the life of the process: a page that saw it once may see it again."""

    def __init__(self) -> None:
        self.inner = _OneContext.generateCertificate()
        self.fingerprint = next(f.value for f in self.inner.getFingerprints() if f.algorithm == "sha-256")


class _Ice:
    """What the DTLS transport asks of the one below it."""

    role = "controlled"

    def __init__(self, connection: ViewerConnection) -> None:
        self._recv = connection.recv
        self._send = connection.send


class _Dtls(RTCDtlsTransport):
    """Reports go to us, not through the library's router; media from a viewer goes nowhere."""

    def __init__(self, ice: _Ice, certificate: Certificate, on_control: OnControl) -> None:
        super().__init__(ice, [certificate.inner])  # type: ignore[arg-type]
        self.lone = 0  # how long a report is that comes alone
        self.trouble = ""  # why it failed; the library tells its own log alone
        self._on_control = on_control
        self._kept: tuple[bytes, float] | None = None

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._on_control(data, 0.0)

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        return

    async def _do_handshake(self) -> None:
        await super()._do_handshake()
        self._because("the handshake broke off")

    def _validate_peer_identity(self, remoteParameters: RTCDtlsParameters) -> None:
        super()._validate_peer_identity(remoteParameters)
        self._because("its certificate is not the one that its offer names")

    def _setup_srtp(self) -> None:
        super()._setup_srtp()
        self._because("it knows none of our ways to protect pictures (SRTP)")

    def _because(self, cause: str) -> None:
        if self.state == "failed":
            self.trouble = cause

    def session(self) -> Any:
        """Protects what goes out; ``None`` until the handshake is done."""
        return self._tx_srtp

    def media(self, data: bytes) -> None:
        """A datagram of SRTP or SRTCP (RFC 5761 section 4), without the turns of the loop that the library takes. A
        report that asks for nothing waits for the second's others: opening them one by one is dear."""
        if len(data) == self.lone and data[1] == _REPORT:
            self._kept = data, asyncio.get_running_loop().time()
        elif len(data) > 1 and 192 <= data[1] <= 223:
            self._open(data, 0.0)

    def due(self) -> None:
        """Once a second: the report that waits."""
        if self._kept is not None:
            (data, came), self._kept = self._kept, None
            self._open(data, asyncio.get_running_loop().time() - came)

    def _open(self, data: bytes, waited: float) -> None:
        report = report_of(self._rx_srtp, data)
        if report is not None:
            self._on_control(report, waited)


class Path:
    """``on_control`` gets every report, and how many seconds it waited; ``on_lost`` is called once when the viewer is
    gone. Always :meth:`close` it."""

    def __init__(
        self,
        network: IceNetwork,
        certificate: Certificate,
        rng: random.Random,
        on_control: OnControl,
        on_lost: Callable[[str], None],
    ) -> None:
        self.fingerprint = certificate.fingerprint
        self._ice = ViewerConnection(network, rng, lambda: self._lost("silent"))
        self._dtls = _Dtls(_Ice(self._ice), certificate, on_control)
        self._on_lost: Callable[[str], None] | None = on_lost
        self._connecting: asyncio.Task[None] | None = None
        self._sender: Sender | None = None
        self._socket: socket.socket | None = None
        self._transport: Any = None
        self._to: tuple[Any, ...] = ()

    @property
    def ufrag(self) -> str:
        return self._ice.local_username

    @property
    def password(self) -> str:
        return self._ice.local_password

    async def gather(self) -> list[Candidate]:
        """Binds the sockets; what the answer names. Raises ``LIMIT`` and ``UNAVAILABLE``."""
        await self._ice.gather_candidates()
        told = self._ice.told()
        if not told:
            raise XueliangError(
                Kind.UNAVAILABLE,
                "no address for pictures could be had",
                where="streaming",
                fix="Look at streaming.addresses and the TURN server",
            )
        return told

    async def connect(self, offer: Offer, ssrc: int, seconds: float) -> None:
        """Until packets can be sent. Raises ``TIMEOUT`` (no way through), ``PROTOCOL`` (no secure channel)."""
        self._ice.remote_username, self._ice.remote_password = offer.ufrag, offer.password
        self._ice.remote_is_lite = offer.lite
        try:
            async with asyncio.timeout(seconds):
                await self._ice.add(offer.candidates)
                self._connecting = asyncio.create_task(self._ice.connect(), name="ice")
                await self._until_nominated()
                self._dtls._set_role("client" if offer.dtls == "passive" else "server")
                fingerprints = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in offer.fingerprints]
                await self._dtls.start(RTCDtlsParameters(fingerprints))
        except TimeoutError as error:
            where = "ice" if not self._ice.nominated.is_set() else "dtls"
            raise XueliangError(
                Kind.TIMEOUT, "no video path (UDP) from the viewer", where=where, fix="Open streaming.ice_port_range"
            ) from error
        if self._dtls.state != "connected":
            raise XueliangError(
                Kind.PROTOCOL,
                f"the viewer's secure channel could not be made: {self._dtls.trouble}",
                where="dtls",
                fix="Look at what stands between viewer and service: it may change what they tell each other",
            )
        self._dtls.on("statechange", self._changed)
        self._sender = Sender(self._dtls.session(), offer.h264.payload, ssrc)
        self._dtls.lone = self._sender.lone
        self._ice.on_media = self._dtls.media
        self._look()

    async def trickle(self, candidates: Sequence[Candidate]) -> None:
        await self._ice.add(candidates)

    def media(self, packets: Sequence[Packet], sequence: int, stamp: int) -> int:
        """How many of the picture's packets were sent; fewer when the socket is full."""
        sender = self._sender
        if sender is None:
            return 0
        if self._socket is not None:
            return sender.media(self._socket, self._to, packets, sequence, stamp)
        for index, (payload, marker) in enumerate(packets):
            self.packet(sender.packet(payload, marker, sequence + index, stamp))
        return len(packets)

    def packet(self, packet: bytes) -> None:
        """One RTP packet of another kind (a repair)."""
        if self._sender is not None:
            self._put(self._sender.one(packet))

    def control(self, packet: bytes) -> None:
        if self._sender is not None:
            self._put(self._sender.control(packet))

    def look(self) -> None:
        """A viewer may move to another pair; asked once a second."""
        if self._sender is not None:
            self._look()
            self._dtls.due()

    @property
    def full(self) -> int:
        return self._sender.full if self._sender is not None else 0

    async def close(self) -> None:
        """Safe to call twice, and whatever state it is in."""
        self._on_lost = self._ice.on_media = None
        self._sender = None
        self._dtls.remove_all_listeners()
        with suppress(ConnectionError):
            await self._dtls.stop()
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self._ice.close()

    async def _until_nominated(self) -> None:
        connecting = self._connecting
        waiting = asyncio.create_task(self._ice.nominated.wait())
        try:
            await asyncio.wait({waiting, connecting} if connecting else {waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        if not self._ice.nominated.is_set():
            raise XueliangError(
                Kind.TIMEOUT, "no video path (UDP) from the viewer", where="ice", fix="Open streaming.ice_port_range"
            )

    def _look(self) -> None:
        way = self._ice.way()
        if way is None:
            self._lost("silent")
            return
        self._socket, self._transport, self._to = way

    def _put(self, data: bytes) -> None:
        try:
            if self._socket is not None:
                self._socket.sendto(data, self._to)
            elif self._transport is not None:
                self._transport.sendto(data, self._to)
        except OSError as error:
            log.debug("x not sent: %s", error)

    def _changed(self) -> None:
        if self._dtls.state in ("closed", "failed"):
            self._lost("left")

    def _lost(self, reason: str) -> None:
        told, self._on_lost = self._on_lost, None
        if told is not None:
            told(reason)
