"""Edge: the UDP ports that this process has open, as the kernel lists them, and one that nobody has."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.support.open_files import open_files


def own_ports() -> set[int]:
    """Bound ports of this process's own sockets, IPv4 and IPv6."""
    held = {target[8:-1] for _, target in open_files() if target.startswith("socket:[")}
    found = set()
    for table in ("udp", "udp6"):
        for line in Path(f"/proc/self/net/{table}").read_text("ascii").splitlines()[1:]:
            words = line.split()
            if words[9] in held:
                found.add(int(words[1].rpartition(":")[2], 16))
    return found


def free_port() -> int:
    """Free on every address at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])
