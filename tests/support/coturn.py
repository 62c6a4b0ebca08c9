"""Edge: Debian's TURN server (coturn) on loopback, with a configuration of its own, gone with the test."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.peers import PeerMissing

PROGRAM = "turnserver"
HINT = "no turnserver on the path (Debian: coturn)"
USER, PASSWORD = "viewer", "relayed only"
READY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Turnserver:
    """``relay`` is the address that relayed packets come from."""

    port: int
    relay: str

    @property
    def url(self) -> str:
        return f"turn:127.0.0.1:{self.port}"

    @property
    def for_a_page(self) -> dict[str, object]:
        """An ``RTCConfiguration`` that allows nothing but this relay."""
        server = {"urls": f"{self.url}?transport=udp", "username": USER, "credential": PASSWORD}
        return {"iceServers": [server], "iceTransportPolicy": "relay"}


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _configuration(port: int, relay: str, folder: Path) -> str:
    lines = (
        f"listening-port={port}",
        "listening-ip=127.0.0.1",
        f"relay-ip={relay}",
        "lt-cred-mech",
        f"user={USER}:{PASSWORD}",
        "realm=tests",
        "allow-loopback-peers",
        "no-cli",
        "no-tls",
        "no-dtls",
        "no-tcp-relay",
        "relay-threads=1",
        "verbose",
        "log-file=stdout",
        "simple-log",
        f"userdb={folder / 'users.db'}",
        f"pidfile={folder / 'pid'}",
    )
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def coturn(relay: str = "127.0.0.1") -> AsyncIterator[Turnserver]:
    """Raises :class:`PeerMissing` where it is not installed or does not come up."""
    if shutil.which(PROGRAM) is None:
        raise PeerMissing(HINT)
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), _free_port()
        file = folder / "turnserver.conf"
        file.write_text(_configuration(port, relay, folder), "utf-8")
        process = await asyncio.create_subprocess_exec(
            PROGRAM, "-c", str(file), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        assert process.stdout is not None
        drain = None
        try:
            await _until_ready(process.stdout, port)
            drain = asyncio.create_task(_drain(process.stdout))
            yield Turnserver(port, relay)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            if drain is not None:
                await drain


async def _until_ready(said: asyncio.StreamReader, port: int) -> None:
    last = b""
    try:
        async with asyncio.timeout(READY_SECONDS):
            while line := await said.readline():
                last = line
                if b"UDP listener opened on" in line and str(port).encode() in line:
                    return
    except TimeoutError:
        pass
    raise PeerMissing(f"coturn did not come up: {last.decode('utf-8', 'replace').strip()}")


async def _drain(said: asyncio.StreamReader) -> None:
    while await said.readline():
        pass
