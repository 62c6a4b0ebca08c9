"""Edge: what happens to a connection at the moment it is accepted, before a byte of it is read."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import Enum
from typing import cast


class Gate(Enum):
    SERVE = "serve"
    RESET = "reset"  # as a closed port answers once the handshake is done: RST instead of data
    SILENT = "silent"  # accepted and never answered


#: Asked for every accepted socket with its local address and port: ``127.3.0.17``, 554.
GateKeeper = Callable[[str, int], Gate]


def always_serve(host: str, port: int) -> Gate:
    return Gate.SERVE


def local_name(transport: asyncio.BaseTransport) -> tuple[str, int] | None:
    """The local address of an accepted socket, or ``None`` where it lies outside 127/8.

    The listener may be bound to the wildcard address so that one socket stands for thousands of cameras; nobody
    outside this machine is served by it.
    """
    name = transport.get_extra_info("sockname")
    if not isinstance(name, tuple) or not str(name[0]).startswith("127."):
        return None
    return str(name[0]), int(name[1])


def peer_name(transport: asyncio.BaseTransport) -> tuple[str, int]:
    name = transport.get_extra_info("peername")
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else ("", 0)


def reset(transport: asyncio.Transport) -> None:
    """Close with RST: no lingering, what was not sent is dropped."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        cast(socket.socket, sock).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
