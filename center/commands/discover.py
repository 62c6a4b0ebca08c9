"""Edge: ``xueliang discover``: what answers on the network, and what it says to a stranger."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from dataclasses import asdict, dataclass
from typing import Any

from camera_gateway.discovery.found import Found, conflicts
from camera_gateway.discovery.sweep import PORTS, RATE, Search, discover, parse_networks
from camera_gateway.http import DeviceHttp
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.onvif.client import OnvifClient
from camera_gateway.onvif.ladder import NO_DIGEST
from camera_gateway.onvif.report import DeviceReport
from camera_gateway.reach import Reach, ReachPolicy
from center.choices import add_json
from center.errors import Usage
from center.output import emit, line, note
from center.status_text import pad
from config.clock import SystemClock
from config.errors import XueliangError

VISITS = 32


@dataclass(slots=True)
class _Seen:
    found: Found
    report: DeviceReport | None = None
    failure: str = ""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cidr", action="append", default=[], metavar="A/B", help="ask every address of this range; may be repeated"
    )
    parser.add_argument("--no-multicast", action="store_true", help="only the ranges, no group probe")
    parser.add_argument("--interface", default="", metavar="IP", help="send group probes from this address of ours")
    parser.add_argument("--rate", type=float, default=RATE, metavar="N", help="addresses a second")
    parser.add_argument("--wait", type=float, default=3.0, metavar="S", help="silence that ends the search")
    parser.add_argument("--port", type=int, default=3702, metavar="N", help="UDP port that devices listen on")
    parser.add_argument("--tcp", action="store_true", help=f"also try TCP ports {', '.join(map(str, PORTS))}")
    parser.add_argument("--bare", action="store_true", help="do not ask the devices what they are")
    add_json(parser)


async def run(arguments: argparse.Namespace) -> int:
    """0 when something answered, 1 when nothing did. No password is ever sent."""
    networks = parse_networks(arguments.cidr)
    if arguments.no_multicast and not networks:
        raise Usage("--no-multicast needs a --cidr")
    if not 0.1 <= arguments.wait <= 60 or not 1 <= arguments.rate <= 20_000:
        raise Usage("--wait must be from 0.1 to 60, --rate from 1 to 20000")
    clock, rng = SystemClock(), random.Random()
    reach = Reach(ReachPolicy.any())
    onvif = OnvifClient(DeviceHttp(reach, InMemoryDeviceMemory(clock), clock), InMemoryDeviceMemory(clock), clock)
    common: dict[str, Any] = {"rate": arguments.rate, "wait": arguments.wait, "port": arguments.port}
    searches = [] if arguments.no_multicast else [Search(interface=arguments.interface, **common)]
    if networks:
        searches.append(Search(networks, multicast=False, ports=PORTS if arguments.tcp else (), **common))
    seen: dict[str, _Seen] = {}
    async with asyncio.TaskGroup() as group:
        slots = asyncio.Semaphore(VISITS)
        for search in searches:
            async for found in discover(search, clock, rng, reach):
                fresh = found.address not in seen
                seen.setdefault(found.address, _Seen(found)).found = found
                _progress(len(seen))
                if fresh and found.xaddr is not None and not arguments.bare:
                    group.create_task(_visit(onvif, seen[found.address], slots))
    _show(list(seen.values()), [search.advice for search in searches if search.advice], arguments.json)
    return 0 if seen else 1


async def _visit(onvif: OnvifClient, seen: _Seen, slots: asyncio.Semaphore) -> None:
    assert seen.found.xaddr is not None
    async with slots:
        try:
            seen.report = await onvif.facts(seen.found.xaddr, None)
        except XueliangError as error:
            seen.failure = error.what


def _progress(number: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{number} found")
        sys.stderr.flush()


def _show(seen: list[_Seen], advice: list[str], as_json: bool) -> None:
    if sys.stderr.isatty():
        note("")
    seen.sort(key=lambda one: tuple(int(part) for part in one.found.address.split(".")))
    claims = [("endpoint", one.found.endpoint, one.found.address) for one in seen]
    claims += [("serial", one.report.identity.serial, one.found.address) for one in seen if one.report]
    claims += [("mac", one.report.mac, one.found.address) for one in seen if one.report]
    doubles = conflicts(claims)
    if as_json:
        emit(
            {
                "found": [_document(one) for one in seen],
                "conflicts": [asdict(conflict) for conflict in doubles],
                "advice": advice,
            }
        )
        return
    for one in seen:
        line(_line(one))
    for conflict in doubles:
        note(f"warning: the same {conflict.field} {conflict.value} at {', '.join(conflict.addresses)}")
    for text in advice:
        note(f"warning: {text}")
    if not seen:
        note("xueliang: nothing answered. Check the range with --cidr, and that UDP 3702 passes the firewalls")


def _line(one: _Seen) -> str:
    found, report = one.found, one.report
    who = report.identity if report else None
    make = " ".join(filter(None, (who.manufacturer, who.model))) if who else ""
    channels = f"{len(report.channels)} channels" if report and report.channels else ""
    what = make or found.name or found.hardware or ", ".join(f"port {port}" for port in found.open_ports)
    lacks = [finding.text for finding in report.findings if finding.code == NO_DIGEST] if report else []
    notes = "; ".join((*found.remarks, *lacks, *([one.failure] if one.failure else [])))
    return "  ".join(filter(None, (pad(found.address, 15), pad(what, 32), channels, found.xaddr or "", notes))).rstrip()


def _document(one: _Seen) -> dict[str, Any]:
    found = {**asdict(one.found), "how": one.found.how.value, "name": one.found.name, "hardware": one.found.hardware}
    return {**found, "report": asdict(one.report) if one.report else None, "failure": one.failure}
