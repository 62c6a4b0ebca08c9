"""Edge: one line to a syslog collector: RFC 5424 over UDP (RFC 5426). Nobody answers; what is lost is not known."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import datetime

from config.errors import Kind, XueliangError

#: Facility 13 (log audit), severity 5 (notice).
_PRIORITY = 13 * 8 + 5
_BOM = "\ufeff"


def line(at: datetime, text: str) -> bytes:
    """RFC 5424 section 6, with what we are as APP-NAME and MSGID."""
    host = socket.gethostname()[:255] or "-"
    head = f"<{_PRIORITY}>1 {at.isoformat(timespec='milliseconds')} {host} xueliang {os.getpid()} audit-anchor -"
    return f"{head} {_BOM}{text}".encode()


async def send(address: tuple[str, int], data: bytes) -> None:
    """Raises ``UNREACHABLE`` where this machine knows no way there."""
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=address)
    except OSError as error:
        what = f"the collector cannot be reached: {error.strerror}"
        raise XueliangError(Kind.UNREACHABLE, what, where=f"{address[0]}:{address[1]}") from error
    try:
        transport.sendto(data)
    finally:
        transport.close()
