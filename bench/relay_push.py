"""Wiring: the same camera as RTP over UDP, for a relay that does not speak RTSP: ``python -m bench.relay_push PORT``.

Reads the feed's document, prints ``{}`` once packets flow and ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys

import uvloop

from bench.relay_aiortc import hub, target
from streaming.packetiser import payloads

SSRC = 0x5EED


async def push(port: int) -> None:
    (camera, *_) = json.loads(sys.stdin.readline())["cameras"]
    sources = hub()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))

        async def run() -> None:
            sequence = 0
            async with sources.source("camera", target(camera)).subscribe(128) as units:
                async for unit in units:
                    pieces = payloads(unit)
                    for index, piece in enumerate(pieces):
                        kind = 96 | (0x80 if index == len(pieces) - 1 else 0)
                        head = struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, unit.rtp_time & 0xFFFFFFFF, SSRC)
                        sock.send(head + piece)
                        sequence += 1
                    if not begun.is_set():
                        begun.set()

        begun = asyncio.Event()
        running = asyncio.create_task(run())
        await begun.wait()
        print("{}", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await sources.close()


if __name__ == "__main__":
    uvloop.run(push(int(sys.argv[1])))
