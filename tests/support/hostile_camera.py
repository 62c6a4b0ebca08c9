"""Edge: cameras that speak RTSP, ONVIF and discovery wrongly: ``python -m tests.support.hostile_camera PORT``.

Each has an address of its own in 127.77.0.0/24. It prints one JSON document, name -> address, and ends when its
standard input does. A behaviour is one function in one of two tables; a flood may take what processor time it gets.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import json
import random
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from camera_gateway.rtsp.message import frame
from tests.support.bitstream import H264_PPS, h264_sdp, h264_slice, h264_sps, payloads_h264, rtp

NETWORK = "127.77.0.0/24"
#: Escape sequences of terminals, markup, a C1 control, a right-to-left override, a line feed within a word.
EVIL = "\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>\x9b31m\u202eexe.gpj\x7f\r\nX-Evil: 1"
ROOT = Path(__file__).resolve().parents[2]
SPS = h264_sps(640, 360)


class Talk:
    """One connection of the service."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.host = host
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def for_ever(self, chunks: Callable[[], bytes]) -> None:
        """As fast as the other end takes it."""
        while True:
            await self.send(chunks())

    async def silence(self) -> None:
        await self.reader.read(-1)

    async def request(self) -> tuple[str, str]:
        """Method and CSeq of the next request."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        found = re.search(r"(?im)^cseq:\s*(\d+)", head)
        return head.split(" ", 1)[0], found[1] if found else "0"

    async def reply(self, cseq: str, status: str = "200 OK", headers: str = "", body: bytes = b"") -> None:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        await self.send(f"RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n{headers}{length}\r\n".encode() + body)

    async def answer_until(self, last: str, sdp: bytes = b"", transport: str = "interleaved=0-1") -> str:
        """Answers as a camera should up to and without ``last``; the CSeq of that one."""
        headers = {
            "DESCRIBE": "Content-Type: application/sdp\r\n",
            "SETUP": f"Session: 1;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;{transport}\r\n",
        }
        while True:
            method, cseq = await self.request()
            if method == last:
                return cseq
            await self.reply(cseq, headers=headers.get(method, ""), body=sdp if method == "DESCRIBE" else b"")

    async def play(self, sdp: bytes = b"", transport: str = "interleaved=0-1") -> None:
        await self.reply(await self.answer_until("PLAY", sdp or h264_sdp(sps=SPS), transport))


Behaviour = Callable[[Talk], Awaitable[None]]


def packets(nals: Sequence[bytes], size: int = 1400) -> Iterator[bytes]:
    bodies = [body for nal in nals for body in payloads_h264(nal, size)]
    for number, body in enumerate(bodies):
        yield frame(0, rtp(number, 90_000, body, marker=number == len(bodies) - 1))


async def _sdp_garbage(talk: Talk) -> None:
    cseq = await talk.answer_until("DESCRIBE")
    body = b"v=0\r\nm=video x RTP/AVP 96\r\na=rtpmap:96 \xff\xfe/-1\r\na=control:\x00\x1b[2J\r\nm=\r\n=\r\n" + bytes(
        range(256)
    )
    await talk.reply(cseq, headers="Content-Type: application/sdp\r\n", body=body)
    await talk.silence()


async def _sdp_endless(talk: Talk) -> None:
    cseq = await talk.answer_until("DESCRIBE")
    head = f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nContent-Type: application/sdp\r\nContent-Length: 2000000000\r\n\r\n"
    await talk.send(head.encode())
    await talk.for_ever(lambda: b"a=x-evil:1\r\n" * 1000)


async def _sdp_tracks(talk: Talk) -> None:
    cseq = await talk.answer_until("DESCRIBE")
    body = b"v=0\r\n" + b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" * 4000
    await talk.reply(cseq, headers="Content-Type: application/sdp\r\n", body=body)
    await talk.silence()


async def _names(talk: Talk) -> None:
    """Its description is full of escape sequences, and so is the refusal of everything else."""
    sdp = h264_sdp(sps=SPS).replace(b"s=test", f"s={EVIL}\r\ni={EVIL}".encode())
    cseq = await talk.answer_until("SETUP", sdp)
    await talk.reply(cseq, f"500 {EVIL.split(chr(13))[0]}", f"Server: {EVIL}\r\n")
    await talk.silence()


async def _rtsp_garbage(talk: Talk) -> None:
    await talk.send(random.Random(7).randbytes(200_000))
    await talk.silence()


async def _http(talk: Talk) -> None:
    await talk.request()
    await talk.send(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 5\r\n\r\nsorry")
    await talk.silence()


async def _headers_endless(talk: Talk) -> None:
    _, cseq = await talk.request()
    await talk.send(f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n".encode())
    number = itertools.count()
    await talk.for_ever(lambda: f"X-{next(number)}: {'a' * 500}\r\n".encode())


async def _drip(talk: Talk) -> None:
    """A byte of the answer now and then, for ever."""
    await talk.request()
    for byte in itertools.cycle(b"RTSP/1.0 200 OK\r\nX: y\r\n"):
        await talk.send(bytes((byte,)))
        await asyncio.sleep(0.3)


async def _flood(talk: Talk) -> None:
    await talk.for_ever(lambda: b"RTSP/1.0 200 OK\r\nCSeq: 4711\r\n\r\n" * 2000)


async def _asks(talk: Talk) -> None:
    number = itertools.count()
    await talk.for_ever(lambda: f"OPTIONS * RTSP/1.0\r\nCSeq: {next(number)}\r\n\r\n".encode() * 100)


async def _hangs_up(talk: Talk) -> None:
    await talk.request()


async def _silence(talk: Talk) -> None:
    await talk.silence()


async def _redirects(talk: Talk) -> None:
    """To itself for ever, by way of an address that is nobody's business."""
    while True:
        _, cseq = await talk.request()
        await talk.reply(cseq, "302 Moved Temporarily", "Location: rtsp://127.0.0.1:22/etc/passwd\r\n")


async def _rtp_garbage(talk: Talk) -> None:
    await talk.play()
    dice = random.Random(11)
    while True:
        await talk.send(frame(0, rtp(dice.getrandbits(16), dice.getrandbits(32), dice.randbytes(300))))
        await asyncio.sleep(0.005)


async def _rtp_flood(talk: Talk) -> None:
    """Well-formed packets without a keyframe, as fast as they are taken."""
    await talk.play()
    number = itertools.count()
    body = h264_slice(1400, idr=False, kind=5)
    await talk.for_ever(
        lambda: b"".join(frame(0, rtp(n, n * 90, body, marker=n % 8 == 0)) for n in itertools.islice(number, 64))
    )


async def _rtp_not_rtp(talk: Talk) -> None:
    await talk.play()
    dice = random.Random(13)
    while True:
        await talk.send(frame(0, dice.randbytes(dice.randrange(0, 40))) + frame(1, dice.randbytes(80)))
        await asyncio.sleep(0.02)


async def _other_stream(talk: Talk) -> None:
    """Another channel, another payload type, another source in every packet."""
    await talk.play(transport="interleaved=0-1;ssrc=00000007")
    for number in itertools.count():
        payload = rtp(number, number * 3600, h264_slice(800, idr=True), kind=97, ssrc=number, marker=True)
        await talk.send(frame(8 + number % 2 * 2, payload))
        await asyncio.sleep(0.02)


async def _huge_keyframe(talk: Talk) -> None:
    await talk.play()
    for packet in packets([SPS, H264_PPS, h264_slice(20_000_000, idr=True)], 60_000):
        await talk.send(packet)
    await talk.silence()


async def _many_pieces(talk: Talk) -> None:
    await talk.play()
    piece = h264_slice(20, idr=True)
    for packet in packets([SPS, H264_PPS, *([piece] * 8000)]):
        await talk.send(packet)
    await talk.silence()


async def _huge_picture(talk: Talk) -> None:
    """16,000 x 16,000 pixels: 384 MB of a decoder's memory, if it believed them."""
    sps = h264_sps(16_000, 16_000)
    await talk.play(h264_sdp(sps=sps))
    await _again(talk, [sps, H264_PPS, h264_slice(50_000, idr=True)])


async def _noise_keyframe(talk: Talk) -> None:
    """Its head is true, the picture is noise."""
    await talk.play()
    await _again(talk, [SPS, H264_PPS, h264_slice(30_000, idr=True)])


async def _again(talk: Talk, nals: Sequence[bytes]) -> None:
    while True:
        for packet in packets(nals):
            await talk.send(packet)
        await asyncio.sleep(0.5)


RTSP: dict[str, Behaviour] = {
    "sdp garbage": _sdp_garbage,
    "sdp endless": _sdp_endless,
    "sdp tracks": _sdp_tracks,
    "names": _names,
    "rtsp garbage": _rtsp_garbage,
    "http": _http,
    "headers endless": _headers_endless,
    "drip": _drip,
    "flood": _flood,
    "asks": _asks,
    "hangs up": _hangs_up,
    "silence": _silence,
    "redirects": _redirects,
    "rtp garbage": _rtp_garbage,
    "rtp flood": _rtp_flood,
    "rtp not rtp": _rtp_not_rtp,
    "other stream": _other_stream,
    "huge keyframe": _huge_keyframe,
    "many pieces": _many_pieces,
    "huge picture": _huge_picture,
    "noise keyframe": _noise_keyframe,
}


def _http_answer(body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _envelope(body: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>{body}</s:Body></s:Envelope>'.encode()
    )


_ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
_BOMB = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "lol">{_ENTITIES}]>'.encode() + _envelope("&e9;")
_DTD = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + _envelope("<t>&f;</t>")
_DEEP = _envelope("<a>" * 20_000 + "</a>" * 20_000)


def _answers(answer: bytes) -> Behaviour:
    async def behave(talk: Talk) -> None:
        await talk.request()
        await talk.send(answer)
        await talk.silence()

    return behave


async def _body_endless(talk: Talk) -> None:
    await talk.request()
    await talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await talk.for_ever(lambda: b"1000\r\n" + b"<a></a>." * 512 + b"\r\n")


async def _http_garbage(talk: Talk) -> None:
    await talk.request()
    await talk.for_ever(lambda: random.Random(3).randbytes(4000))


ONVIF: dict[str, Behaviour] = {
    "xml bomb": _answers(_http_answer(_BOMB)),
    "xml dtd": _answers(_http_answer(_DTD)),
    "xml deep": _answers(_http_answer(_DEEP)),
    "xml cut": _answers(_http_answer(_envelope("<a>")[:-30])),
    "soap body endless": _body_endless,
    "http garbage": _http_garbage,
    "soap silence": _silence,
}


async def _named_device(talk: Talk) -> None:
    """A device whose every name is an attack. XML carries no ESC, but C1 controls and overrides."""
    name = "\u009b31m&lt;script&gt;alert(1)&lt;/script&gt;\u202egpj.exe\u0085\u2028"
    fields = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId")
    told = "".join(f"<tds:{field}>{name}</tds:{field}>" for field in fields)
    space = 'xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    information = _envelope(f"<tds:GetDeviceInformationResponse {space}>{told}</tds:GetDeviceInformationResponse>")
    fault = _envelope(
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>{name}</s:Text></s:Reason></s:Fault>"
    )
    while True:
        head = (await talk.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length:\s*(\d+)", head)
        body = await talk.reader.readexactly(int(length[1]) if length else 0)
        await talk.send(_http_answer(information if b"GetDeviceInformation" in body else fault))


class _Discovered(asyncio.DatagramProtocol):
    """Answers every probe with matches: one full of evil names, one that is no XML, one that is a bomb."""

    def __init__(self, xaddr: str) -> None:
        self.xaddr = xaddr
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = re.search(rb"MessageID>([^<]+)<", data)
        relates = asked[1].decode() if asked else ""
        match = (
            '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
            'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">'
            f"<s:Header><a:RelatesTo>{relates}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
            "<a:EndpointReference><a:Address>urn:uuid:77777777-0000-4000-8000-\u009b31m\u202e</a:Address>"
            "</a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>"
            "<d:Scopes>onvif://www.onvif.org/name/%1b%5b2J%3Cscript%3E onvif://www.onvif.org/hardware/\u009b\u202e</d:Scopes>"
            f"<d:XAddrs>{self.xaddr} file:///etc/passwd http://127.0.0.1:22/</d:XAddrs>"
            "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
        )
        for answer in (match.encode(), b"\xff\x00<" * 100, _BOMB):
            self.transport.sendto(answer, addr)


@dataclass(frozen=True, slots=True)
class HostileFleet:
    """Name -> ``rtsp://`` address, name -> ONVIF service address, and the host of the one that is discovered."""

    rtsp: dict[str, str]
    onvif: dict[str, str]
    discovered: str


async def _listen(host: str, behave: Behaviour) -> tuple[asyncio.Server, int]:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behave(Talk(host, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the service had enough
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(accept, host, 0)
    return server, int(server.sockets[0].getsockname()[1])


async def _main(discovery_port: int) -> None:
    hosts = (f"127.77.0.{number}" for number in range(1, 255))
    found = HostileFleet({}, {}, next(hosts))
    servers = []
    for name, behave in RTSP.items():
        host = next(hosts)
        server, port = await _listen(host, behave)
        servers.append(server)
        found.rtsp[name] = f"rtsp://{host}:{port}/live"
    for name, behave in ONVIF.items():
        host = next(hosts)
        server, port = await _listen(host, behave)
        servers.append(server)
        found.onvif[name] = f"http://{host}:{port}/onvif/device_service"
    server, port = await _listen(found.discovered, _named_device)
    servers.append(server)
    xaddr = f"http://{found.discovered}:{port}/onvif/device_service"
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # beside a virtual fleet, which stands on the wildcard
    sock.bind((found.discovered, discovery_port))
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Discovered(xaddr), sock=sock)
    document = {"rtsp": found.rtsp, "onvif": found.onvif, "discovered": found.discovered}
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.buffer.read)


@asynccontextmanager
async def hostile_fleet(discovery_port: int) -> AsyncIterator[HostileFleet]:
    """In a process of its own: what it floods with is not our memory, and a flood is not on our loop."""
    libc = ctypes.CDLL(None)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.hostile_camera", str(discovery_port)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=lambda: libc.prctl(1, signal.SIGKILL),  # PR_SET_PDEATHSIG
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            document = json.loads(await process.stdout.readline())
        yield HostileFleet(**document)
    finally:
        process.kill()
        await process.communicate()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
