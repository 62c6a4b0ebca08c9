"""The service from an empty folder to known states: found, adopted by rule, checked, asked, stopped, started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from center.operations import perform
from center.serving import running
from config.errors import Kind, XueliangError
from config.settings import Settings
from health.observation import Observation
from health.ports import Outcome
from tests.support.tree import ROOT
from tests.support.udp_ports import free_port


@pytest.fixture
async def network(clip_cache: Path) -> AsyncIterator[Fleet]:
    """A recorder of two channels and two cameras, each device on an address of its own."""
    spec = FleetSpec(
        cameras=4,
        recorders=1,
        channels=2,
        listen="address",
        main=(640, 360),
        gop=0.5,
        cache=clip_cache,
        discovery_port=free_port(),
    )
    found = Fleet(spec)
    await found.start()
    yield found
    await found.stop()


def fast(network: Fleet, folder: Path) -> dict[str, Any]:
    """Settings with which a verdict takes seconds."""
    ranges = sorted({device.host.rpartition(".")[0] + ".0/28" for device in network.devices})
    accounts = [{"networks": [d.host], "user": d.user, "password": d.password} for d in network.devices]
    return {
        "service": {"data_dir": str(folder / "data"), "listen": "127.0.0.1:0", "decode_workers": 1},
        "reach": {"networks": ranges, "ports": ["1024-65535"], "allow_loopback": True},
        "discovery": {
            "cidrs": ranges,
            "multicast": False,
            "adopt": "auto",
            "adopt_networks": ranges,
            "accounts": accounts,
            "port": network.spec.discovery_port,
            "wait_seconds": 0.3,
        },
        "checks": {
            "liveness_seconds": 2,
            "picture_seconds": 2,
            "burst_count": 2,
            "burst_gap_min_seconds": 0.5,
            "burst_gap_max_seconds": 0.5,
            "confirm": 2,
            "window": 2,
            "link_confirm": 2,
            "link_window": 2,
        },
        "references": {"accept_samples": 2, "write_seconds": 1},
        "metrics": {"token": "t0ken"},
    }


class Watching:
    """Hears every observation; ``until`` waits for states without looking at a clock."""

    def __init__(self) -> None:
        self.states: dict[str, tuple[str, str]] = {}
        self._news = asyncio.Event()

    def __call__(self, seen: Observation, outcome: Outcome) -> None:
        self.states[seen.camera_id] = (outcome.state.state.value, outcome.state.cause)
        self._news.set()

    async def until(self, wanted: dict[tuple[str, str], int], seconds: float = 60) -> None:
        """Until so many cameras are in each of these (state, cause)."""
        try:
            async with asyncio.timeout(seconds):
                while not self.are(wanted):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pytest.fail(f"still {self.states}, wanted {wanted}")

    def are(self, wanted: dict[tuple[str, str], int]) -> bool:
        values = list(self.states.values())
        return all(values.count(state) >= number for state, number in wanted.items())


@pytest.mark.usefixtures("no_leaks")
async def test_from_an_empty_folder_to_known_states(
    network: Fleet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    settings, watching = Settings.model_validate(fast(network, tmp_path)), Watching()
    async with running(settings, hears=watching) as service:
        await watching.until({("ok", ""): 4})
        assert service.missing == {}
        answer = await perform(settings, "status", {})
        assert answer["counts"]["ok"] == 4
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        assert len({camera["device_id"] for camera in answer["cameras"]}) == 3

        single = next(c for c in network.cameras if c.recorder is None)
        channel = next(c for c in network.cameras if c.recorder is not None)
        await network.set_fault(single.id, Fault.REFUSED, True)
        await network.set_fault(channel.id, Fault.BLACK, True)
        await watching.until({("offline", "refused"): 1, ("fault", "black"): 1, ("ok", ""): 2})
        await network.set_fault(single.id, Fault.REFUSED, False)
        await network.set_fault(channel.id, Fault.BLACK, False)
        await watching.until({("ok", ""): 4})

        secrets = [device.password.encode() for device in network.devices] + [b"t0ken"]
        assert seen_in(secrets, files_of(tmp_path / "data") | processes()) == []

        with pytest.raises(XueliangError) as caught:
            async with running(settings):
                pass
        assert caught.value.kind is Kind.CONFLICT
    # What was known survives: a second start has no new proposals, and every camera is watched again.
    again = Watching()
    async with running(settings, hears=again):
        await again.until({("ok", ""): 4})
    assert set(again.states) == set(watching.states)
    assert seen_in(secrets, files_of(tmp_path / "data") | {"log": caplog.text.encode()}) == []


def files_of(folder: Path) -> dict[str, bytes]:
    """Database, write-ahead log, references and pictures, as they lie on the disk."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def processes() -> dict[str, bytes]:
    """What anybody may read of this process and its decode workers."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "status").read_text()
            ours = entry.name == str(os.getpid()) or f"PPid:\t{os.getpid()}\n" in status
            if ours:
                found[f"{entry.name} cmdline"] = (entry / "cmdline").read_bytes()
                found[f"{entry.name} environ"] = (entry / "environ").read_bytes()
        except OSError:  # gone meanwhile
            continue
    assert any("cmdline" in name for name in found)
    return found


def seen_in(secrets: list[bytes], places: dict[str, bytes]) -> list[str]:
    """Places where a secret stands that nobody should find there."""
    return [name for name, content in places.items() for secret in secrets if secret in content]


async def get(url: str, path: str, token: str = "") -> tuple[int, bytes]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    login = f"Authorization: Bearer {token}\r\n" if token else ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{login}\r\n".encode())
    data = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.usefixtures("no_leaks")
async def test_health_and_metrics(tmp_path: Path) -> None:
    given = {"service": {"data_dir": str(tmp_path), "listen": "127.0.0.1:0"}, "metrics": {"token": "t0ken"}}
    hook = {"name": "hook", "url": "http://127.0.0.1:9/path-key", "secret": "s3cret"}
    alerts = {"allow_loopback": True, "destinations": [hook]}
    settings = Settings.model_validate({**given, "discovery": {"enabled": False}, "alerts": alerts})
    async with running(settings) as service:
        assert json.loads((await get(service.url, "/readyz"))[1])["ready"] is True
        status, body = await get(service.url, "/metrics", "t0ken")
        assert status == 200
        counts = (
            b'xueliang_cameras{state="ok"} 0.0',
            b'xueliang_live_views{state="live"} 0.0',
            b"xueliang_live_streams 0.0",
        )
        for name in (*counts, b'xueliang_fresh_share{tier="picture"} 1.0', b"process_cpu"):
            assert name in body
        for name in (
            b'xueliang_messages{destination="hook",status="waiting"} 0.0',
            b'xueliang_message_oldest_seconds{destination="hook"} 0.0',
            b'xueliang_message_tries_total{destination="hook",end="dead"} 0.0',
        ):
            assert name in body
        for hidden in (b"camera_id", b"path-key", b"s3cret"):
            assert hidden not in body
        service.missing["database"] = "cannot be written"
        assert (await get(service.url, "/readyz"))[0] == 503


async def spawn(folder: Path, *extra: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "center", "serve", "--data", str(folder), *extra),
        cwd=ROOT,
        env={**os.environ, "XUELIANG__SERVICE__LISTEN": "127.0.0.1:0", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    process = await spawn(tmp_path / "data", XUELIANG__DISCOVERY__MULTICAST="false")
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while b"serving" not in (line := await process.stderr.readline()):
            assert line, "it ended before it served"
        process.send_signal(number)
        _, err = await process.communicate()
    assert process.returncode == 0, err
    assert not (tmp_path / "data" / "control.sock").exists()
    assert not list((tmp_path / "data").glob("*-wal")), "the write-ahead log was not brought in"


async def test_a_start_that_cannot_be_says_why(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    process = await spawn(tmp_path / "data")
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"data folder cannot be used" in err
    assert b"Traceback" not in err
