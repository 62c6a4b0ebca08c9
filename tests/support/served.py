"""Edge: ``xueliang serve`` as a process of its own, on a configuration file, as a person starts it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from tests.support.api_rig import Client
from tests.support.tree import ROOT
from tests.support.udp_ports import free_port

#: A check a second or so: a sweep is always under way.
FAST: dict[str, dict[str, Any]] = {
    "checks": {
        "liveness_seconds": 1,
        "picture_seconds": 2,
        "burst_count": 2,
        "burst_gap_min_seconds": 0.5,
        "burst_gap_max_seconds": 0.5,
        "confirm": 2,
        "window": 2,
        "link_confirm": 2,
        "link_window": 2,
        "stale_factor": 10,
    },
    "references": {"accept_samples": 2, "write_seconds": 1},
    "cameras": {"connect_seconds": 2, "reply_seconds": 2, "stall_seconds": 2, "refused_hold_seconds": 3},
}
_CHANGE = re.compile(r"health\.engine: - (\S+) (link|picture|state) (\S*) -> (\S*) ?(\S*)")
#: Camera, aspect, old, new, cause.
Told = tuple[str, str, str, str, str]


def small_fleet(cache: Path) -> Fleet:
    """A recorder of two channels and four cameras."""
    return Fleet(
        FleetSpec(
            cameras=6,
            recorders=1,
            channels=2,
            listen="address",
            main=(640, 360),
            gop=0.5,
            cache=cache,
            discovery_port=free_port(),
        )
    )


def configuration(fleet: Fleet, folder: Path, data: Path, more: Mapping[str, Mapping[str, Any]] | None = None) -> Path:
    """A configuration file for the service on this fleet, with its passwords in files beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    ranges = sorted({device.host.rpartition(".")[0] + ".0/28" for device in fleet.devices})
    sections: dict[str, dict[str, Any]] = {
        "service": {"data_dir": str(data), "listen": "127.0.0.1:0", "decode_workers": 1},
        "reach": {"networks": ranges, "ports": ["1024-65535"], "allow_loopback": True},
        "discovery": {
            "cidrs": ranges,
            "multicast": False,
            "adopt": "auto",
            "adopt_networks": ranges,
            "port": fleet.spec.discovery_port,
            "wait_seconds": 0.3,
        },
        **FAST,
    }
    for section, values in (more or {}).items():
        sections[section] = {**sections.get(section, {}), **values}
    lines = []
    for section, values in sections.items():
        # A JSON text, number, boolean or list of texts is TOML as well.
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    for number, device in enumerate(fleet.devices):
        secret = folder / f"password-{number}"
        secret.write_text(device.password, encoding="utf-8")
        secret.chmod(0o600)
        lines += ["[[discovery.accounts]]", f"networks = [{json.dumps(device.host)}]"]
        lines += [f"user = {json.dumps(device.user)}", f"password_file = {json.dumps(secret.name)}"]
    file = folder / "xueliang.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Served:
    """``async with Served(config) as service``: started and serving; killed at the end if it still runs."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.lines: list[str] = []
        self.url = ""
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    @property
    def told(self) -> list[Told]:
        """The changes it logged: each was on the disk before."""
        found = (_CHANGE.search(line) for line in self.lines)
        return [(m[1], m[2], m[3], m[4], m[5]) for m in found if m]

    async def __aenter__(self) -> Served:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "center", "serve", "--config", str(self.config)),
            cwd=ROOT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=_die_with_parent,
        )
        self._reader = asyncio.create_task(self._read())
        try:
            await self.until(lambda: any("serving http" in line for line in self.lines))
        except BaseException:
            await self.__aexit__()
            raise
        found = next(re.search(r"serving (\S+),", line) for line in self.lines if "serving http" in line)
        assert found is not None
        self.url = found[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        await self.ended()

    async def ended(self, seconds: float = 30.0) -> int:
        """Its exit code, once it has ended and all it said is read."""
        async with asyncio.timeout(seconds):
            code = await self.process.wait()
            if self._reader is not None:
                await self._reader
        return code

    async def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Until what it said makes ``condition`` true; fails with its last words when it ended or says nothing."""
        assert self._reader is not None
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    assert not self._reader.done(), "it ended"
                    self._news.clear()
                    await self._news.wait()
        except (TimeoutError, AssertionError) as error:
            raise AssertionError("\n".join(self.lines[-15:])) from error

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while data := await self.process.stderr.readline():
            if data.endswith(b"\n"):  # a torn last line was not wholly said
                self.lines.append(data.decode("utf-8", "replace").rstrip("\n"))
            self._news.set()
        self._news.set()


async def get(url: str, path: str) -> tuple[int, bytes]:
    """Status and body of one GET."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        data = await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
        await writer.wait_closed()
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def command(*words: str, stdin: bytes | None = None, **environment: str) -> tuple[int, str, str]:
    """``xueliang WORDS``: its exit code, standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "center", *words),
        cwd=ROOT,
        env={**os.environ, "LANG": "C.UTF-8", **environment},
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=_die_with_parent,
    )
    out, err = await asyncio.wait_for(process.communicate(stdin), 120)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def token(service: Served, name: str, role: str) -> Client:
    """An API token for the whole service, of a new principal."""
    expires = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="minutes")
    words = ("token", "add", name, "--purpose", "duty", "--expires", expires, "--role", role)
    code, out, err = await command(*words, "--json", "--config", str(service.config))
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return Client(service.url, token=next(v for v in _texts(found) if v.startswith("xlt_")), browser=False)


def _texts(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [text for value in found.values() for text in _texts(value)]
    return [found] if isinstance(found, str) else []
