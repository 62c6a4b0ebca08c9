"""Wiring: thousands of devices found: ours by group probe and by address, the WSDiscovery package beside it.

``python -m bench.discovery [--cameras 7500] [--write]``. The devices answer from a process that is not judged, on UDP
3702 of loopback. ``--judge WAY`` is the judged process's own side.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import uvloop

from bench.fleet import ROOT, fleet_process
from bench.harness import MIB, cpu_seconds, pss
from bench.report import Bound, Result, Table, publish
from camera_gateway.discovery.sweep import Search, discover, parse_networks
from config.clock import SystemClock

PORT = 3702
PEER_CAMERAS = 480
PEER_PYTHON = ROOT / ".peers" / "wsdiscovery" / "bin" / "python"
#: Addresses a second of the search by address here; 400 is the default towards real networks.
RATE = 2000.0


async def _judged(way: str, network: str) -> dict[str, Any]:
    clock = SystemClock()
    search = Search(parse_networks([network]), port=PORT, interface="127.0.0.1", rate=RATE)
    if way == "address":
        search.multicast = False
    else:
        search.networks = ()
    found, spent, began = set[str](), cpu_seconds([os.getpid()]), clock.monotonic()
    last = began
    async for entry in discover(search, clock, random.Random(1)):
        if entry.address not in found:
            found.add(entry.address)
            last = clock.monotonic()
    return {
        "found": len(found),
        "seconds": last - began,
        "whole": clock.monotonic() - began,
        "cpu": cpu_seconds([os.getpid()]) - spent,
        "pss": pss([os.getpid()]),
        "buffer": search.stats.granted_buffer,
        "received": search.stats.received,
    }


def _ask(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=180, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[-3:])} ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _network(document: dict[str, Any]) -> str:
    first = str(document["cameras"][0]["onvif"]).split("/")[2].split(":")[0].split(".")
    return f"127.{first[1]}.0.0/19"


def _row(name: str, devices: int, found: dict[str, Any]) -> tuple[str, ...]:
    memory = f"{found['pss'] / MIB:.0f}" if "pss" in found else ""
    each = f"{found['cpu'] / found['found'] * 1000:.2f}" if found["found"] else ""
    cells = (f"{devices:,}", f"{found['found']:,}", f"{found['seconds']:.1f}", f"{found['cpu']:.2f}", each, memory)
    return (name, *cells)


def run(cameras: int) -> Result:
    result = Result("discovery")
    judge = [sys.executable, "-m", "bench.discovery", "--judge"]
    rows: list[tuple[str, ...]] = []
    with fleet_process(PEER_CAMERAS, looks=0, discovery_port=PORT) as source:
        document = source.document
        small = _ask([*judge, "group", "--network", _network(document)])
        rows.append(_row("ours, group probe", PEER_CAMERAS, small))
        if Path(PEER_PYTHON).exists():
            peer = _ask([str(PEER_PYTHON), str(ROOT / "bench" / "wsdiscovery_peer.py"), "5"])
            rows.append(_row(f"WSDiscovery {peer['version']}, group probe", PEER_CAMERAS, peer))
            result.data["peer"] = peer
        else:
            result.notes.append(
                "The WSDiscovery package is not in the table: `python -m tests.peers.setup wsdiscovery` installs it."
            )
    with fleet_process(cameras, looks=0, discovery_port=PORT) as source:
        document = source.document
        group = _ask([*judge, "group", "--network", _network(document)])
        address = _ask([*judge, "address", "--network", _network(document)])
    rows.append(_row("ours, group probe", cameras, group))
    rows.append(_row(f"ours, address by address at {RATE:,.0f}/s", cameras, address))
    result.bounds = [
        Bound("devices found by group probe", group["found"], f"of {cameras}", least=cameras),
        Bound("seconds to the last of them", group["seconds"], "s", most=10.0),
        Bound("devices found address by address", address["found"], f"of {cameras}", least=cameras),
    ]
    columns = ("way", "devices", "found", "s to the last", "CPU s", "CPU ms a device", "PSS MiB")
    result.tables = [Table("Devices that answer WS-Discovery on loopback", columns, tuple(rows))]
    result.notes.append(
        f"The receive buffer granted here is {group['buffer'] // 1024} KiB (4,096 asked for). Where "
        "`net.core.rmem_max` is smaller the listener says so with the sysctl that mends it."
    )
    result.data |= {"small": small, "group": group, "address": address}
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.discovery")
    parser.add_argument("--cameras", type=int, default=7500)
    parser.add_argument("--write", action="store_true", help="into docs/design/performance.md")
    parser.add_argument("--judge", choices=("group", "address"), help=argparse.SUPPRESS)
    parser.add_argument("--network", default="", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.judge:
        print(json.dumps(uvloop.run(_judged(options.judge, options.network))))
        return 0
    result = run(options.cameras)
    publish(result, write_page=options.write)
    return 0 if result.held else 1


if __name__ == "__main__":
    sys.exit(main())
