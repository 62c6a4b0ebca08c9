"""Edge: the virtual network of the demo, a child process of its own; its secrets come over its output, never argv."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from camera_gateway.http import DeviceHttp, HttpRequest
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from center.demo_district import TOWNS, Box
from config.clock import Clock
from config.errors import Kind, XueliangError
from config.text import printable

START_SECONDS = 180.0
STOP_SECONDS = 10.0
#: 60,000 cameras are 12 MB of document.
MAX_DOCUMENT = 32 * 1024 * 1024
#: They answer in the network and wait for somebody to adopt them.
STRANGERS = 2
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class DemoCamera:
    id: str
    rtsp: str
    onvif: str
    user: str
    password: SecretStr

    @property
    def host(self) -> str:
        return urlsplit(self.rtsp).hostname or ""


@dataclass(frozen=True, slots=True)
class DemoFleet:
    """``strangers`` answer in the same network, and nobody has adopted them."""

    cameras: tuple[DemoCamera, ...]
    control_url: str
    control_token: SecretStr
    strangers: tuple[DemoCamera, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(camera.host for camera in self.cameras))

    @property
    def ports(self) -> tuple[int, int]:
        """RTSP and ONVIF."""
        first = self.cameras[0]
        return urlsplit(first.rtsp).port or 554, urlsplit(first.onvif).port or 80


def command(cameras: int, discovery_port: int, ports: tuple[int, int] | None, *, district: bool = False) -> list[str]:
    """One camera in three is a channel of a recorder of four. ``district``: a link for each town, some cameras more
    that nobody knows of, and pictures that are a pleasure to look at in place of those that are quickly drawn."""
    recorders = cameras // 12
    words = [sys.executable, "-P", "-m", "center", "simulate", "--json", "--listen", "address"]
    words += ["--cameras", str(cameras), "--recorders", str(recorders), "--channels", "4"]
    if district:
        words += ["--links", str(len(TOWNS)), "--strangers", str(STRANGERS)]
    main, sub = ("960x540", "640x360") if district else ("640x360", "320x180")
    words += ["--main", main, "--sub", sub, "--gop", "1", "--discovery", str(discovery_port)]
    if ports is not None:
        words += ["--port", str(ports[0]), "--onvif-port", str(ports[1])]
    return words


@asynccontextmanager
async def fleet(words: list[str]) -> AsyncIterator[DemoFleet]:
    """Running until the body ends. Raises ``UNAVAILABLE`` with the last words of a process that did not start."""
    libc = ctypes.CDLL(None)
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=MAX_DOCUMENT,
        start_new_session=True,  # Ctrl-C is ours to hand on, in order
        preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM),  # and it never outlives us
    )
    errors = asyncio.create_task(_last_words(process))
    try:
        yield await _document(process, errors)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await errors


async def _document(process: asyncio.subprocess.Process, errors: asyncio.Task[str]) -> DemoFleet:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
    except TimeoutError as error:
        raise XueliangError(Kind.TIMEOUT, f"the virtual network was not ready in {START_SECONDS:g} s") from error
    if not line:
        said = printable(await errors, 400)
        raise XueliangError(Kind.UNAVAILABLE, f"the virtual network did not start: {said}", fix="Try again")
    raw: dict[str, Any] = json.loads(line)
    cameras, strangers = (
        tuple(DemoCamera(c["id"], c["rtsp"], c["onvif"], c["user"], SecretStr(c["password"])) for c in listed)
        for listed in (raw["cameras"], raw.get("strangers", ()))
    )
    return DemoFleet(cameras, raw["control"]["url"], SecretStr(raw["control"]["token"]), strangers)


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """Read to its end, so that it never blocks; the last 4 kB are kept."""
    assert process.stderr is not None
    kept = b""
    while data := await process.stderr.read(4096):
        kept = (kept + data)[-4096:]
    return kept.decode("utf-8", "replace").strip()


class Control:
    """The virtual network's control API; reaches nothing but it."""

    def __init__(self, found: DemoFleet, clock: Clock) -> None:
        host, port = urlsplit(found.control_url).hostname or "", urlsplit(found.control_url).port or 0
        loopback = (ip_network(host),)
        reach = Reach(ReachPolicy(loopback, (range(port, port + 1),), allow_loopback=True))
        self._http = DeviceHttp(reach, InMemoryDeviceMemory(clock), clock)
        self._fleet = found

    async def begin_plan(self) -> None:
        """Faults come and go from now on."""
        await self._ask("POST", "/plan", b"{}")

    async def boxes(self) -> list[Box]:
        """Its devices, in its own order."""
        raw = await self._ask("GET", "/cameras")
        found: dict[str, tuple[dict[str, Any], dict[int, str]]] = {}
        for card in raw["cameras"]:
            host = urlsplit(card["rtsp"]).hostname or ""
            found.setdefault(host, (card, {}))[1][int(card["channel"])] = card["id"]
        return [
            Box(host, card["group"], card["recorder"] is not None, channels) for host, (card, channels) in found.items()
        ]

    async def truth(self) -> dict[str, str]:
        """Camera -> the faults that are on, in words of the simulator; empty for a healthy one."""
        raw = await self._ask("GET", "/truth")
        return {c["id"]: ", ".join(fault["fault"] for fault in c["faults"]) for c in raw["cameras"]}

    async def _ask(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        headers = (
            ("Authorization", f"Bearer {self._fleet.control_token.get_secret_value()}"),
            ("Content-Type", "application/json"),
        )
        answer = await self._http.request(HttpRequest(method, self._fleet.control_url + path, headers, body))
        if answer.status != 200:
            raise XueliangError(Kind.UNAVAILABLE, f"the virtual network answers {answer.status}", where=path)
        return dict(json.loads(answer.body))
