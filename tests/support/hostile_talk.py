"""Edge: one connection of the service to a camera that means harm, and what the harmful ones have in common."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from tests.support.bitstream import h264_sdp, h264_sps

#: Escape sequences of terminals, markup, a C1 control, a right-to-left override, a line feed within a word.
EVIL = "\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>\x9b31m\u202eexe.gpj\x7f\r\nX-Evil: 1"
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


async def silence(talk: Talk) -> None:
    await talk.silence()
