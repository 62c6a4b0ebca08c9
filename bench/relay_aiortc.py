"""Wiring: the judged peer: stock aiortc, an ``RTCPeerConnection`` a viewer, fed the same access units undecoded.

``python -m bench.relay_aiortc ADDRESS`` reads the feed's document, prints one JSON line once it answers offers (WHEP)
and ends when its standard input closes. Its loop is the one that our service has.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from fractions import Fraction
from typing import Any

import aiortc
import av
import uvloop
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from pydantic import SecretStr

from bench.fleet import raise_file_limit
from camera_gateway.access_unit import AccessUnit
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.simulator.http_server import HttpServer, Request, Response
from camera_gateway.source import Source, SourceHub
from camera_gateway.target import Credentials, StreamTarget
from config.clock import SystemClock

CLOCK = Fraction(1, 90_000)


class Packets(MediaStreamTrack):
    """What ``MediaPlayer(decode=False)`` behind a ``MediaRelay`` hands to its senders: packets of encoded pictures."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.queue: asyncio.Queue[Any] = asyncio.Queue(256)

    async def recv(self) -> Any:
        return await self.queue.get()


class Server:
    def __init__(self) -> None:
        self.connections: list[RTCPeerConnection] = []
        self.tracks: list[Packets] = []
        self.late = 0

    async def __call__(self, request: Request) -> Response:
        """WHEP's POST."""
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connections.append(connection)
        track = Packets()
        connection.addTrack(track)
        await connection.setRemoteDescription(RTCSessionDescription(request.body.decode(), "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        self.tracks.append(track)
        return Response(201, {"Content-Type": "application/sdp"}, connection.localDescription.sdp.encode())

    async def feed(self, source: Source) -> None:
        async with source.subscribe(128) as units:
            async for unit in units:
                packet = packet_of(unit)
                for track in self.tracks:
                    if track.queue.full():
                        self.late += 1
                    else:
                        track.queue.put_nowait(packet)

    async def close(self) -> None:
        await asyncio.gather(*(connection.close() for connection in self.connections))


def packet_of(unit: AccessUnit) -> Any:
    """The whole access unit, with its parameter sets, as Annex B."""
    own = any(nal[0] & 0x1F == 7 for nal in unit.nals)
    sets = unit.parameter_sets.nals if unit.keyframe and unit.parameter_sets is not None and not own else ()
    packet: Any = av.Packet(b"".join(b"\0\0\0\1" + nal for nal in (*sets, *unit.nals)))
    packet.pts, packet.time_base = unit.rtp_time, CLOCK
    return packet


def hub() -> SourceHub:
    clock = SystemClock()
    return SourceHub(RtspClient(Reach(ReachPolicy.any()), InMemoryDeviceMemory(clock), clock), clock, random.Random(3))


def target(camera: dict[str, Any], role: str = "main") -> StreamTarget:
    return StreamTarget(camera[role], Credentials(camera["user"], SecretStr(camera["password"])), "tcp")


async def serve() -> None:
    (camera, *_) = json.loads(sys.stdin.readline())["cameras"]
    sources, server = hub(), Server()
    feeding = asyncio.create_task(server.feed(sources.source("camera", target(camera))))
    http = HttpServer(server)
    port = await http.start("127.0.0.1", 0)
    print(json.dumps({"url": f"http://127.0.0.1:{port}/whep", "version": aiortc.__version__}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    await server.close()
    await http.stop()
    await sources.close()


if __name__ == "__main__":
    raise_file_limit()
    uvloop.run(serve())
