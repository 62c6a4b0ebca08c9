"""Edge: asking a virtual camera: by the gateway's own client, and by a raw one that says exactly what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from camera_gateway.access_unit import AccessUnit
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.digest import authorization, parse_challenges
from camera_gateway.rtsp.message import Incomplete, Response, parse
from camera_gateway.rtsp.session import RtspSession
from camera_gateway.simulator.camera import VirtualCamera


async def keyframe(client: RtspClient, where: Any) -> AccessUnit:
    return (await client.keyframe(where)).unit


async def watch(session: RtspSession, count: int) -> list[AccessUnit]:
    async with asyncio.timeout(10):
        return [await session.next_unit() for _ in range(count)]


async def until_it_ends(session: RtspSession, units: list[AccessUnit]) -> None:
    async with asyncio.timeout(10):
        while True:
            units.append(await session.next_unit())


class Raw:
    """A client that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, camera: VirtualCamera) -> None:
        self.reader, self.writer, self.camera = reader, writer, camera
        self.buffer = bytearray()
        self.count = 0

    async def ask(self, method: str, uri: str = "", *headers: str) -> Response:
        """With login, as one does who has read the challenge."""
        answer = await self.once(method, uri, *headers)
        if answer.status != 401:
            return answer
        challenge = parse_challenges(answer.headers.get_all("WWW-Authenticate"))[0]
        login = authorization(challenge, method, uri or self.camera.rtsp, self.camera.user, self.camera.password)
        return await self.once(method, uri, f"Authorization: {login}", *headers)

    async def once(self, method: str, uri: str = "", *headers: str) -> Response:
        self.count += 1
        head = [f"{method} {uri or self.camera.rtsp} RTSP/1.0", f"CSeq: {self.count}", *headers, "", ""]
        self.writer.write("\r\n".join(head).encode())
        async with asyncio.timeout(5):
            while True:
                found = await self.message()
                if isinstance(found, Response):
                    assert found.headers.get("CSeq") == str(self.count)
                    return found

    async def message(self) -> Any:
        while True:
            found = parse(self.buffer) if self.buffer else Incomplete()
            if not isinstance(found, Incomplete):
                message, end = found
                data = bytes(self.buffer[:end])
                del self.buffer[:end]
                return message if isinstance(message, Response) else data
            more = await self.reader.read(65536)
            if not more:
                raise EOFError
            self.buffer += more


@asynccontextmanager
async def raw(camera: VirtualCamera, host: str = "") -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(host or camera.address, camera.device.rtsp_port)
    try:
        yield Raw(reader, writer, camera)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
