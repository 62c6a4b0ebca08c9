"""Viewers and a service behind routers that translate addresses, each in a network of its own (Linux namespaces)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import peers
from tests.support.nat_world import FRAMES, PORTS, PUBLIC, SERVICE, VIEWER, command

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def seen(clips: Path) -> dict[str, Any]:
    """What viewer and service saw, by the kind of router. Skips where networks of one's own cannot be made."""
    for program, package in (("nft", "nftables"), ("ip", "iproute2"), ("nsenter", "util-linux")):
        if shutil.which(program) is None:
            peers.missing(f"no {program} on the path (Debian: {package})")
    done = subprocess.run(command(str(clips)), cwd=peers.ROOT, capture_output=True, text=True, timeout=90)
    if done.returncode and "unshare" in done.stderr:
        peers.missing(f"no network of its own could be made: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("scenario", "told"), [("snat", SERVICE), ("one-to-one", PUBLIC)])
def test_a_picture_comes_through(seen: dict[str, Any], scenario: str, told: str) -> None:
    """The router passes nothing but the service's port and ``ice_port_range``, so what arrives came by these. The
    viewer's own address leads nowhere from where the service is."""
    service, viewer = seen[scenario], seen[scenario]["viewer"]
    assert (viewer["frames"], viewer["width"], viewer["height"], viewer["ended"]) == (FRAMES, 640, 360, 200)
    assert viewer["own"] == [VIEWER]
    assert [address for address, _ in viewer["candidates"]] == [told]
    assert service["ports"] == [int(port) for _, port in viewer["candidates"]]
    assert all(PORTS[0] <= port <= PORTS[1] for port in service["ports"])
    assert service["ends"] == ["ended"]
