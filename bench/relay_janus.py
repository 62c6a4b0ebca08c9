"""Edge: Janus (Debian's package) on loopback: its configuration, its process, and its JSON over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

STREAM = 7
READY_SECONDS = 15.0
_GENERAL = """general: {{
  configs_folder = "{folder}"
  debug_level = 3
  session_timeout = 0
  no_webrtc_encryption = false
}}
certificates: {{ }}
media: {{ no_media_timer = 0 }}
nat: {{ nice_debug = false }}
plugins: {{ disable = "libjanus_audiobridge.so,libjanus_echotest.so,libjanus_recordplay.so,libjanus_sip.so,\
libjanus_nosip.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_videoroom.so,libjanus_voicemail.so,\
libjanus_lua.so,libjanus_duktape.so" }}
transports: {{ disable = "libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so,\
libjanus_websockets.so" }}
"""
_HTTP = 'general: {{ json = "compact"\n base_path = "/janus"\n http = true\n port = {http}\n ip = "127.0.0.1" }}\n'
_STREAMING = """bench: {{
  type = "rtp"
  id = {stream}
  description = "bench"
  media = ( {{
    type = "video"
    mid = "v"
    label = "bench"
    port = {rtp}
    iface = "127.0.0.1"
    pt = 96
    codec = "h264"
    fmtp = "profile-level-id=42e01f;packetization-mode=1"
  }} )
}}
"""


@dataclass(frozen=True, slots=True)
class Running:
    pid: int
    url: str
    rtp: int
    version: str


def free(kind: str, address: str = "127.0.0.1") -> int:
    """A port of ``tcp`` or ``udp`` that nobody has just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        return int(sock.getsockname()[1])


@contextmanager
def janus(folder: Path) -> Iterator[Running]:
    """While it runs. Raises ``RuntimeError`` where there is none, or it does not come up."""
    program = shutil.which("janus")
    if program is None:
        raise RuntimeError("no janus is installed (Debian: janus)")
    http, rtp = free("tcp"), free("udp")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "janus.jcfg").write_text(_GENERAL.format(folder=folder))
    (folder / "janus.transport.http.jcfg").write_text(_HTTP.format(http=http))
    (folder / "janus.plugin.streaming.jcfg").write_text(_STREAMING.format(stream=STREAM, rtp=rtp))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, "-F", str(folder), "-o"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait(process, http, "janus")
            yield Running(process.pid, f"http://127.0.0.1:{http}/janus", rtp, _version(folder / "log"))
        finally:
            end(process)


def _version(log: Path) -> str:
    """``Janus version: 1102 (1.1.2)``."""
    found = re.search(r"Janus version: \d+ \(([\d.]+)\)", log.read_text("utf-8", "replace"))
    return found[1] if found else "of unknown version"


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait(process: subprocess.Popen[bytes], port: int, name: str) -> None:
    """Until it listens. Raises ``RuntimeError``."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{name} did not come up: {process.poll()}")


class JanusViews:
    """One session of the JSON API for all viewers of a process. Always :meth:`close` it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = ""
        self._offers: dict[int, str] = {}
        self._polling: asyncio.Task[None] | None = None
        self._some = asyncio.Condition()

    async def begin(self) -> None:
        if not self._session:
            self._session = f"{self._url}/{(await self._post(self._url, janus='create'))['data']['id']}"
            self._polling = asyncio.create_task(self._poll())

    async def watch(self, stream: int) -> tuple[str, str]:
        """(the handle's place, the offer)."""
        plugin = "janus.plugin.streaming"
        number = (await self._post(self._session, janus="attach", plugin=plugin))["data"]["id"]
        handle = f"{self._session}/{number}"
        await self._post(handle, janus="message", body={"request": "watch", "id": stream})
        async with asyncio.timeout(20), self._some:
            await self._some.wait_for(lambda: number in self._offers)
        return handle, self._offers.pop(number)

    async def start(self, handle: str, answer: str) -> None:
        jsep = {"type": "answer", "sdp": answer}
        await self._post(handle, janus="message", body={"request": "start"}, jsep=jsep)

    async def close(self) -> None:
        """The poll that waits ends with the session."""
        if self._session:
            await self._post(self._session, janus="destroy")
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)

    async def _post(self, url: str, **body: Any) -> Any:
        return await asyncio.to_thread(_exchange, url, {**body, "transaction": token_hex(6)})

    async def _poll(self) -> None:
        while True:
            found = await asyncio.to_thread(_exchange, f"{self._session}?maxev=10")
            for event in found if isinstance(found, list) else [found]:
                if event.get("jsep", {}).get("type") == "offer":
                    self._offers[int(event["sender"])] = event["jsep"]["sdp"]
            async with self._some:
                self._some.notify_all()


def _exchange(url: str, body: Any = None) -> Any:
    """Raises ``RuntimeError`` for what Janus calls an error."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answered:
        found = json.loads(answered.read())
    if isinstance(found, dict) and found.get("janus") == "error":
        raise RuntimeError(f"janus: {found['error']}")
    return found
