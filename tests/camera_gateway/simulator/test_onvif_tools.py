"""Edge: somebody else's client, Debian's onvif-tools, against the virtual devices."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import peers

ROOT = Path(__file__).resolve().parents[3]


def _world(mode: str) -> dict[str, str]:
    if shutil.which("onvif-util") is None:
        peers.missing(peers.HINTS["onvif-util"])
    own_network = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    try:
        subprocess.run([*own_network, "ip", "link", "set", "lo", "up"], check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no network of its own can be made here (unshare --net)")
    done = subprocess.run(
        [*own_network, sys.executable, "-m", "tests.support.onvif_tools_world", mode],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=True,
    )
    document: dict[str, str] = json.loads(done.stdout)
    return document


@pytest.mark.peer
@pytest.mark.parametrize("mode", ["wsse", "both"])
def test_onvif_util_finds_and_reads_virtual_devices(mode: str) -> None:
    said = _world(mode)
    assert "Found 2 cameras" in said["found"]
    assert "127.0.5.1 device-1(Virtual VC-1 rev <A>)" in said["found"]
    asked = said["asked"]
    assert "successfully connected" in asked
    assert "Time Offset: 0 seconds" in asked
    assert "rtsp://127.0.5.1:554/ch1/main" in asked
    assert "Token 1: ch1_sub" in asked
    assert "1920 x 1080" in asked
    assert "IP Address: 127.0.5.1" in asked
    assert "ERROR" not in asked
