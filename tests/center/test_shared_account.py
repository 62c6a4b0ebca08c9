"""A password shared by many devices: tried on one of them, and on the others only once that one took it."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from center.app import App, build
from center.storage import opened
from config.scope import Scope
from config.settings import Settings
from registry.audit_store import page
from registry.device_store import list_devices
from registry.proposal import ProposalStatus
from registry.proposal_store import list_proposals

SYSTEM = Scope.system("test")
DEVICES = 20


@pytest.fixture
async def network(clip_cache: Path) -> AsyncIterator[Fleet]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        port = int(probe.getsockname()[1])
    found = Fleet(FleetSpec(cameras=DEVICES, cache=clip_cache, discovery_port=port))
    await found.start()
    for device in found.devices:
        device.user, device.password = "admin", "theirs"
    yield found
    await found.stop()


def settings(network: Fleet, folder: Path, password: str, **more: Any) -> Settings:
    ranges = sorted({device.host.rpartition(".")[0] + ".0/24" for device in network.devices})
    ports = sorted({str(p) for device in network.devices for p in (device.rtsp_port, device.onvif_port)})
    account = {"networks": ranges, "user": network.devices[0].user, "password": password}
    return Settings.model_validate(
        {
            "service": {"data_dir": folder, "listen": "127.0.0.1:0"},
            "reach": {"networks": ranges, "ports": ports, "allow_loopback": True},
            "discovery": {
                "multicast": False,
                "cidrs": ranges,
                "rate": 2000,
                "wait_seconds": 1,
                "port": network.spec.discovery_port,
                "adopt": "auto",
                "adopt_networks": ranges,
                "accounts": [account],
                **more,
            },
        }
    )


async def one_round(found: Settings) -> tuple[dict[str, int], list[str | None], int]:
    """What one run of the service makes of the network: outcomes, why proposals wait, devices of ours."""
    async with opened(found) as storage:
        app: App = build(storage, random.Random(1))
        try:
            assert app.finding is not None
            done = await app.finding.run_once()
        finally:
            await app.close()
        async with storage.db.read() as connection:
            waiting = await list_proposals(SYSTEM, connection, status=ProposalStatus.NEW)
            ours = await list_devices(SYSTEM, connection)
    return dict(done.outcomes), [one.reason for one in waiting.items], len(ours.items)


def refused(network: Fleet) -> int:
    return sum(network.onvif.auth.refused.values()) + sum(network.rtsp.refused.values())


async def test_wrong_shared_password_over_20_devices_is_one_refused_login(network: Fleet, tmp_path: Path) -> None:
    wrong = settings(network, tmp_path / "data", "not theirs")
    outcomes, reasons, ours = await one_round(wrong)
    assert (outcomes, ours) == ({"adopted": 1, "held": DEVICES - 1}, 1)
    assert refused(network) == 1
    assert {reason is not None and "tried on no other device" in reason for reason in reasons} == {True}
    # Neither another round nor another start tries it again.
    outcomes, _, ours = await one_round(wrong)
    assert (outcomes, ours) == ({"known": 1, "held": DEVICES - 1}, 1)
    assert refused(network) == 1
    # A new password is a new try.
    outcomes, reasons, ours = await one_round(settings(network, tmp_path / "data", "theirs"))
    assert (outcomes, reasons, ours) == ({"known": 1, "adopted": DEVICES - 1}, [], DEVICES)
    assert refused(network) == 1


async def test_right_shared_password_is_one_secret(network: Fleet, tmp_path: Path) -> None:
    right = settings(network, tmp_path / "data", "theirs")
    outcomes, _, ours = await one_round(right)
    assert (outcomes, ours, refused(network)) == ({"adopted": DEVICES}, DEVICES, 0)
    async with opened(right) as storage, storage.db.read() as connection:
        given = await page(SYSTEM, connection, act="credentials.set")
        cameras = await page(SYSTEM, connection, act="camera.add")
    assert len(given) == len(cameras) == DEVICES
