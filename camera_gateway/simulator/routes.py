"""Edge: "no route to host" for single addresses of 127/8, by the kernel's own routing table (Linux, CAP_NET_ADMIN).

rtnetlink(7): an ``unreachable`` route of /32 in the local table. Only inside 127/8; removed when the fleet stops.
Routes carry a protocol number of ours, so that those of a fleet that was killed can be told and cleared:
``ip route show table local proto 213``.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import struct

log = logging.getLogger(__name__)

OUR_PROTOCOL = 213
_NEW, _DELETE, _GET, _DONE = 24, 25, 26, 3
_REQUEST, _ACK, _DUMP, _CREATE, _REPLACE = 1, 4, 0x300, 0x400, 0x100
_TABLE_LOCAL, _SCOPE_UNIVERSE, _UNREACHABLE = 255, 0, 7
_RTA_DST = 1


class Routes:
    """What was cut off is known here and is given back by :meth:`close`."""

    def __init__(self) -> None:
        self.cut: set[str] = set()
        self._sequence = 0

    def available(self) -> bool:
        """Whether this process may change routes: tried on an address nobody uses."""
        probe = "127.255.213.213"
        if not self.cut_off(probe):
            return False
        self.restore(probe)
        return True

    def cut_off(self, host: str) -> bool:
        """From now on the system answers ``EHOSTUNREACH`` for ``host``. False where it does not let us."""
        if not self._ask(_NEW, _CREATE | _REPLACE, host):
            return False
        self.cut.add(host)
        return True

    def restore(self, host: str) -> None:
        if host in self.cut:
            self._ask(_DELETE, 0, host)
            self.cut.discard(host)

    def left_behind(self) -> set[str]:
        """Addresses that a fleet of ours cut off: one that still runs, or one that was killed."""
        if not hasattr(socket, "AF_NETLINK"):
            return set()
        found: set[str] = set()
        ask = struct.pack("IHHII", 28, _GET, _REQUEST | _DUMP, 0, 0) + bytes([socket.AF_INET]) + bytes(11)
        try:
            with contextlib.closing(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)) as netlink:
                netlink.settimeout(1.0)
                netlink.sendto(ask, (0, 0))
                while _read_dump(netlink.recv(262_144), found):
                    pass
        except OSError as error:
            log.debug("x routing table: %s", error)
        return found

    def take_back(self, hosts: set[str]) -> None:
        """Undo what an earlier fleet on these addresses left behind."""
        stale = self.left_behind() & hosts
        self.cut |= stale
        for host in stale:
            self.restore(host)

    def close(self) -> None:
        for host in list(self.cut):
            self.restore(host)

    def _ask(self, kind: int, flags: int, host: str) -> bool:
        if not host.startswith("127.") or not hasattr(socket, "AF_NETLINK"):
            return False
        self._sequence += 1
        route = struct.pack("BBBBBBBBI", socket.AF_INET, 32, 0, 0, _TABLE_LOCAL, OUR_PROTOCOL, 0, _UNREACHABLE, 0)
        body = route + struct.pack("HH", 8, _RTA_DST) + socket.inet_aton(host)
        head = struct.pack("IHHII", 16 + len(body), kind, _REQUEST | _ACK | flags, self._sequence, 0)
        try:
            with contextlib.closing(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)) as netlink:
                netlink.settimeout(1.0)
                netlink.sendto(head + body, (0, 0))
                answer = netlink.recv(4096)
        except OSError as error:
            log.debug("x routing table: %s", error)
            return False
        code = -int(struct.unpack_from("i", answer, 16)[0]) if len(answer) >= 20 else errno.EIO
        if code:
            log.debug("x routing table, %s: %s", host, os.strerror(code))
        return code == 0


def _read_dump(data: bytes, found: set[str]) -> bool:
    """Collect our routes of one piece of a dump; whether more pieces follow."""
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("IH", data, at)
        if kind == _DONE or length < 16:
            return False
        if kind == _NEW and data[at + 20] == _TABLE_LOCAL and data[at + 21] == OUR_PROTOCOL:
            attribute, end = at + 28, min(at + length, len(data))
            while attribute + 4 <= end:
                size, name = struct.unpack_from("HH", data, attribute)
                if name == _RTA_DST and size == 8:
                    found.add(socket.inet_ntoa(data[attribute + 4 : attribute + 8]))
                attribute += max(4, (size + 3) & ~3)
        at += (length + 3) & ~3
    return bool(data)
