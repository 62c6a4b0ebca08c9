"""Edge: three networks, a router that translates addresses between them, our service in one and a viewer in another.

Run inside ``unshare --net --mount`` (see :func:`command`): what it makes is gone with it. The service's network is the
one it begins in. Two kinds of router are tried, one after the other. ``snat``: the viewer's addresses are private,
everything it sends comes from the router's. ``one-to-one``: the service's address is private, viewers know one of the
router's that stands for it, and may use no other. Prints one JSON document: for each, what the viewer saw, what the
service saw, and the ports it had open.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.live_rig import LiveRig, live
from tests.support.udp_ports import own_ports

SERVICE, PUBLIC, VIEWER = "10.1.0.2", "203.0.113.9", "192.168.7.2"
ROUTER_IN, ROUTER_OUT = "10.1.0.1", "192.168.7.1"
PORTS = (50000, 50009)
FRAMES = 10

_LINKS = (
    "mount -t tmpfs none /run",
    "ip link set lo up",
    "ip netns add router",
    "ip netns add viewer",
    "ip link add service0 type veth peer name in0 netns router",
    "ip link add viewer0 netns viewer type veth peer name out0 netns router",
    f"ip address add {SERVICE}/24 dev service0",
    "ip link set service0 up",
    f"ip -n router address add {ROUTER_IN}/24 dev in0",
    f"ip -n router address add {ROUTER_OUT}/24 dev out0",
    f"ip -n router address add {PUBLIC}/32 dev out0",
    "ip -n router link set in0 up",
    "ip -n router link set out0 up",
    f"ip -n viewer address add {VIEWER}/24 dev viewer0",
    "ip -n viewer link set lo up",
    "ip -n viewer link set viewer0 up",
    f"ip -n viewer route add default via {ROUTER_OUT}",
    "nsenter --net=/run/netns/router sysctl -q -w net.ipv4.ip_forward=1",
)
#: The service has no way to the viewer's network: what comes from there has the router's address.
_SNAT = "add table ip nat; add chain ip nat post { type nat hook postrouting priority srcnat; }; "
_SNAT += "add rule ip nat post oifname in0 masquerade random"
#: What the service's operator opens: its own port and the range for pictures, by the public address alone.
_ONE_TO_ONE = (
    "add table ip nat; add chain ip nat pre { type nat hook prerouting priority dstnat; }; "
    "add chain ip nat forward { type filter hook forward priority filter; }; "
    "add rule ip nat pre ip daddr %(public)s tcp dport %(port)d dnat to %(service)s; "
    "add rule ip nat pre ip daddr %(public)s udp dport %(low)d-%(high)d dnat to %(service)s; "
    "add rule ip nat forward iifname out0 ct status dnat accept; add rule ip nat forward iifname out0 drop"
)


def command(cache: str) -> list[str]:
    """In a network of its own, as root or as who is root there alone. ``cache`` is a folder of drawn scenes."""
    mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *mapped, "--net", "--mount", sys.executable, "-m", "tests.support.nat_world", cache]


def _run(step: str) -> None:
    subprocess.run(step.split(), check=True)


def _rules(text: str) -> None:
    subprocess.run(["nsenter", "--net=/run/netns/router", "nft", text], check=True)


async def _viewer(url: str, host: str, ticket: str) -> dict[str, Any]:
    inside = ["nsenter", "--net=/run/netns/viewer", sys.executable, "-m", "tests.support.whep_viewer"]
    process = await asyncio.create_subprocess_exec(*inside, url, host, ticket, str(FRAMES), stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    found: dict[str, Any] = json.loads(said or b"{}")
    return found


async def _look(town: LiveRig, url: str) -> dict[str, Any]:
    before = own_ports()
    watching = asyncio.create_task(_viewer(url, town.rig.url.partition("//")[2], await town.ticket()))
    seen: dict[str, Any] = {"ports": [], "round_trip": None}
    while not watching.done():
        await asyncio.wait({watching}, timeout=0.1)
        seen["ports"] = sorted({*seen["ports"], *(own_ports() - before)})
        for shown in town.views.relay.shown():
            seen["round_trip"] = seen["round_trip"] or shown.round_trip
    await town.until(town.ends)
    return {"viewer": watching.result(), **seen, "ends": await town.ends()}


async def _through(scenario: str, cache: str) -> dict[str, Any]:
    translated = scenario == "one-to-one"
    streaming: dict[str, Any] = {"ice_port_range": f"{PORTS[0]}-{PORTS[1]}", "addresses": [SERVICE]}
    if translated:
        streaming["advertised_addresses"] = [PUBLIC]
    else:
        streaming["viewer_networks"] = [f"{ROUTER_IN}/32"]
    with tempfile.TemporaryDirectory() as name:
        async with live(Path(name), Path(cache), streaming=streaming, at=SERVICE) as town:
            port = int(town.rig.url.rpartition(":")[2])
            place = {"public": PUBLIC, "service": SERVICE, "port": port, "low": PORTS[0], "high": PORTS[1]}
            _rules("flush ruleset; " + (_ONE_TO_ONE % place if translated else _SNAT))
            return await _look(town, f"http://{PUBLIC if translated else SERVICE}:{port}")


async def main(cache: str) -> None:
    found = {"snat": await _through("snat", cache)}
    _run(f"ip route add default via {ROUTER_IN}")
    found["one-to-one"] = await _through("one-to-one", cache)
    print(json.dumps(found))


if __name__ == "__main__":
    for one in _LINKS:
        _run(one)
    asyncio.run(main(sys.argv[1]))
