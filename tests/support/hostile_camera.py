"""Edge: a network of cameras that mean harm: ``python -m tests.support.hostile_camera PORT``.

Each has an address of its own in 127.77.0.0/24. It prints one JSON document, name -> address, and ends when its
standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.hostile_onvif import ONVIF, Discovered, named_device
from tests.support.hostile_rtsp import RTSP
from tests.support.hostile_talk import Behaviour, Talk

NETWORK = "127.77.0.0/24"
ROOT = Path(__file__).resolve().parents[2]


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
    server, port = await _listen(found.discovered, named_device)
    servers.append(server)
    xaddr = f"http://{found.discovered}:{port}/onvif/device_service"
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # beside a virtual fleet, which stands on the wildcard
    sock.bind((found.discovered, discovery_port))
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: Discovered(xaddr), sock=sock)
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
