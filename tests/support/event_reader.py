"""Edge: reads server-sent events off a socket, as a browser does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.api_rig import Client, dialled


class Events:
    """Reads server-sent events off a socket."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def head(self) -> str:
        return (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 20)).decode()

    async def next(self) -> tuple[str, str, Any]:
        while True:
            found = {"event": "", "id": "", "data": "null"}
            async with asyncio.timeout(20):
                while line := (await self._line()):
                    name, _, value = line.partition(": ")
                    found[name] = value
            if found["event"]:
                return found["event"], found["id"], json.loads(found["data"])

    async def _line(self) -> str:
        while True:
            raw = (await self._reader.readuntil(b"\n")).decode().rstrip("\n")
            if raw.endswith("\r"):  # the chunks' own lines
                if raw == "0\r":
                    raise EOFError
                continue
            return raw


@asynccontextmanager
async def events(client: Client, **headers: str) -> AsyncIterator[Events]:
    reader, writer = await dialled(client.url, client.tls)
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"GET /events HTTP/1.1\r\nHost: {client.url.split('://')[1]}\r\n{_who(client)}\r\n{lines}\r\n"
    writer.write(head.encode())
    try:
        yield Events(reader)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def _who(client: Client) -> str:
    return f"Authorization: Bearer {client.token}" if client.token else f"Cookie: {client.cookie}"
