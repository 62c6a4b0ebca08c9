"""Edge: what came of ONVIF with others: our client before ipycam's device, onvif-tools' client before our devices."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from pydantic import SecretStr

from camera_gateway.http import DeviceHttp
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.onvif.client import OnvifClient
from camera_gateway.onvif.report import DeviceReport
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.target import Credentials
from config.clock import SystemClock
from tests.interop.matrix import PASSWORD, USER
from tests.support import peers

OURS_BEFORE_IPYCAM = "our client, ipycam's device"
TOOLS_BEFORE_OURS = "onvif-util, our virtual devices"


async def facts(xaddr: str, *, login: bool = True) -> DeviceReport:
    clock = SystemClock()
    memory = InMemoryDeviceMemory(clock)
    http = DeviceHttp(Reach(ReachPolicy.any()), memory, clock)
    credentials = Credentials(USER, SecretStr(PASSWORD)) if login else None
    return await OnvifClient(http, memory, clock).facts(xaddr, credentials)


async def ours_before_ipycam(xaddr: str) -> tuple[str, bool, str]:
    """Who talked to whom, whether it came out as it must, and what was seen and missed."""
    report = await facts(xaddr)
    streams = [profile for profile in report.profiles if profile.stream_url]
    missing = "; ".join(finding.text for finding in report.findings)
    seen = f"{report.identity.manufacturer} {report.identity.model}, login {report.rung}, {len(streams)} streams"
    return OURS_BEFORE_IPYCAM, report.rung == "wsse" and len(streams) == 2, f"{seen}. Missing: {missing or 'nothing'}"


def tools_before_ours(mode: str) -> tuple[str, bool, str]:
    """``mode`` is the login our devices take. In a network of its own: the tool asks the group on every interface."""
    who = f"{TOOLS_BEFORE_OURS} ({mode})"
    if shutil.which("onvif-util") is None:
        return who, False, f"not tried: {peers.HINTS['onvif-util']}"
    own_network = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    command = [*own_network, sys.executable, "-m", "tests.support.onvif_tools_world", mode]
    try:
        done = subprocess.run(command, cwd=peers.ROOT, capture_output=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return who, False, f"not tried: no network of its own ({type(error).__name__})"
    said: dict[str, str] = json.loads(done.stdout)
    found = next((line.strip() for line in said["found"].splitlines() if "Found" in line), "found nothing")
    good = "Found 2 cameras" in found and "successfully connected" in said["asked"] and "rtsp://" in said["asked"]
    return who, good, f"{found}; " + ("logged in, read profiles and addresses" if good else "could not read the device")
