"""Edge: a network of its own with virtual devices in it and Debian's ``onvif-util`` as their client.

Run inside ``unshare --net``: the client probes a multicast group without looping back, which only a network with
nothing but a loopback interface delivers. Prints one JSON document.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys

from camera_gateway.simulator.onvif_discovery import DiscoveryResponder
from config.clock import SystemClock
from tests.support.onvif_rig import GOOD, onvif_rig, virtual_device

SETUP = (
    ("ip", "link", "set", "lo", "up"),
    ("ip", "link", "set", "lo", "multicast", "on"),
    ("ip", "route", "add", "239.0.0.0/8", "dev", "lo", "src", "127.0.0.1"),
)
ASK = "get time\nget rtsp\nget profiles\nget video\nget network\nquit\n"


async def _util(*arguments: str, said: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        "onvif-util", *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(20):
            out, _ = await process.communicate(said.encode())
    except TimeoutError:
        process.kill()
        out, _ = await process.communicate()
    return out.decode("utf-8", "replace")


async def main(mode: str) -> None:
    devices = [virtual_device("127.0.5.1", auth_mode=mode), virtual_device("127.0.5.2", channels=4, auth_mode=mode)]
    async with onvif_rig(*devices) as rig:
        responder = DiscoveryResponder(rig.devices.get, lambda: devices, SystemClock(), random.Random(1))
        await responder.start()
        password = GOOD.password.get_secret_value()
        found = await _util("-a")
        asked = await _util("-u", GOOD.user, "-p", password, "127.0.5.1", said=ASK)
        await responder.stop()
    print(json.dumps({"found": found, "asked": asked}))


if __name__ == "__main__":
    for step in SETUP:
        subprocess.run(step, check=True)
    asyncio.run(main(sys.argv[1]))
