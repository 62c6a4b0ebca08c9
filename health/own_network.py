"""Edge: this machine's interfaces and routes as the kernel tells them, and whether an anchor beyond them answers."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from camera_gateway.reach import Reach
from config.errors import Kind, XueliangError
from health.uplink import OwnNetwork

_NET = Path("/sys/class/net")
_ROUTES = Path("/proc/self/net/route")
_UP = 0x1
ANCHOR_SECONDS = 2.0


def own_network(net: Path = _NET, routes: Path = _ROUTES) -> OwnNetwork:
    """Interfaces with a carrier and IPv4 routes; fields are ``None`` where the system has no such files."""
    return OwnNetwork(_interfaces(net), _routes(routes))


def _interfaces(net: Path) -> frozenset[str] | None:
    try:
        names = [p.name for p in net.iterdir()]
    except OSError:
        return None
    up = set()
    for name in names:
        try:
            state = (net / name / "operstate").read_text().strip()
        except OSError:
            continue
        # Virtual interfaces say "unknown" while they work.
        if name != "lo" and state in ("up", "unknown"):
            up.add(name)
    return frozenset(up)


def _routes(file: Path) -> frozenset[str] | None:
    try:
        lines = file.read_text().splitlines()[1:]
    except OSError:
        return None
    found = set()
    for line in lines:
        fields = line.split()
        if len(fields) < 8 or not int(fields[3], 16) & _UP:
            continue
        address, mask = (ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(fields[i]), "little")) for i in (1, 7))
        found.add(f"{ipaddress.IPv4Network(f'{address}/{mask}', strict=False)} on {fields[0]}")
    return frozenset(found)


class Anchors:
    """Hosts beyond our uplink (a router, the centre) whose silence is evidence. A refused port is an answer.

    ``reach`` is one of its own whose policy holds nothing but these addresses.
    """

    def __init__(self, reach: Reach, hosts: Sequence[tuple[str, int]]) -> None:
        self._reach = reach
        self._hosts = tuple(hosts)[:8]

    async def ask(self) -> dict[str, bool]:
        answers = await asyncio.gather(*(self._answers(host, port) for host, port in self._hosts))
        return {host: answer for (host, _), answer in zip(self._hosts, answers, strict=True)}

    async def _answers(self, host: str, port: int) -> bool:
        try:
            transport, _ = await self._reach.connect(host, port, asyncio.Protocol, deadline=ANCHOR_SECONDS)
        except XueliangError as error:
            return error.kind is Kind.REFUSED
        transport.close()
        return True
