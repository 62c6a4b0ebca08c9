"""Edge: listening sockets of the virtual fleet that come and go while it runs, and the connections they took."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

_BACKLOG = 4096


class Taken(Protocol):
    """A connection that was taken. ``ended`` is set once its socket is closed; ``drop`` lets go of it."""

    @property
    def ended(self) -> asyncio.Event: ...

    def drop(self) -> None: ...


C = TypeVar("C", bound=Taken)


class ListeningServer(Generic[C]):
    """``connect`` makes the protocol of each connection, which puts itself into ``connections`` and takes itself out.

    ``send_buffer``: bytes the kernel is asked for on every connection; 0 leaves it to the system.
    """

    def __init__(self, connect: Callable[[], asyncio.Protocol], *, send_buffer: int = 0) -> None:
        self.connections: set[C] = set()
        self._connect = connect
        self._send_buffer = send_buffer
        self._servers: dict[tuple[str, int], asyncio.Server] = {}

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; may be called again for another address. Returns the port that was bound.

        ``host`` may be ``0.0.0.0``: connections to a local address outside 127/8 are closed unread.
        """
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._send_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer)
            sock.bind((host, port))
            server = await asyncio.get_running_loop().create_server(self._connect, sock=sock, backlog=_BACKLOG)
        except BaseException:
            sock.close()
            raise
        port = int(server.sockets[0].getsockname()[1])
        self._servers[(host, port)] = server
        return port

    def listens(self, host: str, port: int) -> bool:
        return (host, port) in self._servers

    async def stop_listening(self, host: str, port: int) -> None:
        """Close one listening socket: the system refuses connections to it."""
        server = self._servers.pop((host, port), None)
        if server is not None:
            server.close()

    async def stop(self) -> None:
        for server in self._servers.values():
            server.close()
        connections = list(self.connections)
        for connection in connections:
            connection.drop()
        await asyncio.gather(*(c.ended.wait() for c in connections))
        for server in self._servers.values():
            await server.wait_closed()
        self._servers.clear()
