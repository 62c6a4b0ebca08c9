"""A camera whose clock is wrong, on a virtual network with the whole service on it: a finding, never an outage."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from camera_gateway.simulator.faults import EXPECTED, Fault
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from center.demo_settings import FAST
from center.operations import OPERATIONS
from center.serving import Service, running
from center.status_text import one_camera
from config.clock import SystemClock
from config.scope import Scope
from config.settings import Settings
from health.observation import Link, Observation
from health.ports import Outcome
from registry import change_feed_store

SKEW = 300.0
WITHIN = 60.0


@pytest.fixture
async def network(clip_cache: Path) -> AsyncIterator[Fleet]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        port = int(probe.getsockname()[1])
    found = Fleet(FleetSpec(cameras=2, cache=clip_cache, discovery_port=port, main=(640, 360), sub=(320, 180)))
    await found.start()
    yield found
    await found.stop()


def settings(network: Fleet, folder: Path) -> Settings:
    ranges = sorted({device.host.rpartition(".")[0] + ".0/24" for device in network.devices})
    ports = sorted({str(p) for device in network.devices for p in (device.rtsp_port, device.onvif_port)})
    accounts = [{"networks": [d.host], "user": d.user, "password": d.password} for d in network.devices]
    found = {
        "multicast": False,
        "cidrs": ranges,
        "port": network.spec.discovery_port,
        "adopt": "auto",
        "adopt_networks": ranges,
        "accounts": accounts,
    }
    return Settings.model_validate(
        {
            "service": {"data_dir": folder, "listen": "127.0.0.1:0"},
            "reach": {"networks": ranges, "ports": ports, "allow_loopback": True},
            "checks": {**FAST["checks"], "liveness_seconds": 1},
            "discovery": {**FAST["discovery"], **found},
        }
    )


async def findings(service: Service) -> dict[str, list[dict[str, Any]]]:
    """By address, as `xueliang status` has them."""
    hosts = {camera.camera_id: camera.host for camera in service.app.book.cameras()}
    answer = await OPERATIONS["status"](service.app.storage, {})
    return {hosts[row["camera_id"]]: row["findings"] for row in answer["cameras"] if row["camera_id"] in hosts}


async def test_clock_skew_is_a_finding_and_no_outage(network: Fleet, tmp_path: Path) -> None:
    skewed, well = (device.host for device in network.devices)
    links: set[Link] = set()
    heard = asyncio.Event()

    def hear(seen: Observation, outcome: Outcome) -> None:
        links.add(outcome.state.link_value)
        heard.set()

    async def until(service: Service, codes: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
        async with asyncio.timeout(WITHIN):
            while True:
                shown = await findings(service)
                if len(shown) == 2 and tuple(one["code"] for one in shown[skewed]) == codes and Link.UP in links:
                    return shown
                heard.clear()
                await heard.wait()

    async with running(settings(network, tmp_path / "data"), clock=SystemClock(), hears=hear) as service:
        await until(service, ())
        camera = network.devices[0].channels[0].id
        await network.set_fault(camera, Fault.CLOCK_SKEW, True, parameter=SKEW)
        shown = await until(service, EXPECTED[Fault.CLOCK_SKEW].findings)
        assert shown[well] == []
        assert abs(shown[skewed][0]["value"] - SKEW) < 5.0
        rows = (await OPERATIONS["status"](service.app.storage, {}))["cameras"]
        assert any("300 s off" in line or "s off: set it" in line for row in rows for line in one_camera(row, zh=False))
        await network.set_fault(camera, Fault.CLOCK_SKEW, False)
        await until(service, ())
        async with service.app.storage.db.read() as connection:
            part = await change_feed_store.after(Scope.system("test"), connection, 0, 1000)
    told = [c.payload["offset_seconds"] for c in part.changes if c.payload.get("act") == "clock"]
    assert len(told) == 2
    assert told[1] is None
    assert Link.DOWN not in links
