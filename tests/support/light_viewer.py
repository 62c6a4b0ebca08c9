"""Edge: many viewers in a process of their own: true ICE, DTLS and SRTP; after its first picture each drops the rest.

``python -m tests.support.light_viewer`` reads JSON lines. ``{"id": 1, "do": "offer"}`` is answered with ``offer``;
``{"id": 1, "do": "answer", "text": ...}`` with ``connected`` and then ``first`` (seconds since the offer was asked for;
the picture was unprotected and whole) or ``failed``; ``close`` and ``vanish`` (without a word to the other side) with
``gone`` and what came: ``packets``, and the longest ``gap`` between two of them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

import uvloop
from aioice import Candidate, Connection
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

ADDRESS = "127.0.0.1"
CERTIFICATE = RTCCertificate.generateCertificate()
FINGERPRINT = next(f.value for f in CERTIFICATE.getFingerprints() if f.algorithm == "sha-256")
#: Longer than the relay takes to give up.
CONNECT_SECONDS = 120.0
IDR, STAP_A, FU_A = 5, 24, 28


class _Ice(Connection):
    """One socket; media goes to the secure channel only until the first picture is whole."""

    def __init__(self) -> None:
        super().__init__(ice_controlling=True, use_ipv6=False)
        self.role = "controlling"
        self._recv, self._send = self.recv, self.send
        self.drop = False
        self.packets = 0
        self.gap = 0.0
        self.last: float | None = None

    async def get_component_candidates(self, component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
        return await super().get_component_candidates(component, [ADDRESS], timeout)

    def data_received(self, data: bytes, component: int) -> None:
        if data[0] >> 6 == 2 and not 192 <= data[1] <= 208:
            now = asyncio.get_running_loop().time()
            if self.last is not None:
                self.gap = max(self.gap, now - self.last)
            self.last = now
            self.packets += 1
            if self.drop:
                return
        super().data_received(data, component)


class _Dtls(RTCDtlsTransport):
    """``whole`` is set when every packet of a keyframe has come, from its parameter sets to its marker."""

    def __init__(self, ice: _Ice) -> None:
        super().__init__(ice, [CERTIFICATE])  # type: ignore[arg-type]
        self.whole = asyncio.Event()
        self._ice = ice
        self._next: int | None = None
        self._keyframe = False

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        sequence, kind = data[2] << 8 | data[3], data[12] & 0x1F
        if kind == STAP_A:  # the parameter sets stand before every keyframe
            self._next, self._keyframe = sequence, False
        if sequence != self._next:
            self._next = None
            return
        self._next = sequence + 1 & 0xFFFF
        self._keyframe |= (data[13] & 0x1F if kind == FU_A else kind) == IDR
        if data[1] & 0x80:
            if self._keyframe:
                self.whole.set()
                self._ice.drop = True
            self._next = None


class Light:
    """One viewer."""

    def __init__(self) -> None:
        self.ice = _Ice()
        self.dtls = _Dtls(self.ice)
        self.began = asyncio.get_running_loop().time()
        self.watching: asyncio.Task[None] | None = None

    async def offer(self) -> str:
        await self.ice.gather_candidates()
        lines = (
            *("v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0"),
            *("m=video 9 UDP/TLS/RTP/SAVPF 96 97", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0", "a=mid:0"),
            *("a=recvonly", "a=rtcp-mux", "a=rtcp-rsize", "a=rtpmap:96 H264/90000"),
            "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            *("a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"),
            *(f"a=ice-ufrag:{self.ice.local_username}", f"a=ice-pwd:{self.ice.local_password}"),
            *(f"a=fingerprint:sha-256 {FINGERPRINT}", "a=setup:actpass"),
            *(f"a=candidate:{one.to_sdp()}" for one in self.ice.local_candidates),
            "a=end-of-candidates",
        )
        return "\r\n".join(lines) + "\r\n"

    async def connect(self, answer: str) -> None:
        """Raises ``ConnectionError`` and ``TimeoutError``."""
        said = [line.removeprefix("a=").partition(":") for line in answer.splitlines() if line.startswith("a=")]
        one = {name: value for name, _, value in said}
        self.ice.remote_username, self.ice.remote_password = one["ice-ufrag"], one["ice-pwd"]
        for name, _, value in said:
            if name == "candidate":
                await self.ice.add_remote_candidate(Candidate.from_sdp(value))
        await self.ice.add_remote_candidate(None)
        algorithm, _, digest = one["fingerprint"].partition(" ")
        async with asyncio.timeout(CONNECT_SECONDS):
            await self.ice.connect()
            self.dtls._set_role("client")
            await self.dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(algorithm, digest)]))
        if self.dtls.state != "connected":
            raise ConnectionError("no secure channel")

    async def close(self, *, silently: bool) -> None:
        if self.watching is not None:
            self.watching.cancel()
            await asyncio.gather(self.watching, return_exceptions=True)
        if silently:
            for protocol in self.ice._protocols:
                protocol.transport.abort()
        with suppress(ConnectionError):
            await self.dtls.stop()
        await self.ice.close()


class _Server:
    def __init__(self) -> None:
        self.viewers: dict[int, Light] = {}

    def say(self, **what: Any) -> None:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()

    async def handle(self, asked: dict[str, Any]) -> None:
        number, do = int(asked["id"]), asked["do"]
        if do == "offer":
            made = self.viewers[number] = Light()
            self.say(id=number, offer=await made.offer())
        elif do == "answer":
            viewer = self.viewers[number]
            viewer.watching = asyncio.create_task(self._watch(number, viewer, asked["text"]))
        elif number in self.viewers:
            viewer = self.viewers.pop(number)
            await viewer.close(silently=do == "vanish")
            self.say(id=number, gone=True, packets=viewer.ice.packets, gap=viewer.ice.gap)

    async def _watch(self, number: int, viewer: Light, answer: str) -> None:
        try:
            await viewer.connect(answer)
        except (ConnectionError, TimeoutError) as error:
            self.say(id=number, failed=str(error) or type(error).__name__)
            return
        self.say(id=number, connected=asyncio.get_running_loop().time() - viewer.began)
        await viewer.dtls.whole.wait()
        self.say(id=number, first=asyncio.get_running_loop().time() - viewer.began)

    async def run(self) -> None:
        handling: set[asyncio.Task[None]] = set()
        while line := await asyncio.to_thread(sys.stdin.readline):
            task = asyncio.create_task(self.handle(json.loads(line)))
            handling.add(task)
            task.add_done_callback(handling.discard)
        await asyncio.gather(*handling, return_exceptions=True)
        await asyncio.gather(*(viewer.close(silently=False) for viewer in self.viewers.values()))


if __name__ == "__main__":
    print("{}", flush=True)
    uvloop.run(_Server().run())
