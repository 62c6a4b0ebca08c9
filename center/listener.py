"""Edge: an HTTP listener (uvicorn) that we start and stop: it handles no signals and never exits by itself."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from config.errors import Kind, XueliangError
from config.setting import Network
from config.settings import split_listen


@dataclass(frozen=True, slots=True)
class Listening:
    """``listen`` is ``host:port`` (port 0: any); certificate and key come together or not at all."""

    listen: str
    cert: Path | None = None
    key: Path | None = None
    proxies: tuple[Network, ...] = ()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    def __init__(self, app: Any, listening: Listening) -> None:
        self._listening = listening
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                ws="none",
                limit_concurrency=200,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=3,
                h11_max_incomplete_event_size=16 * 1024,
                proxy_headers=bool(listening.proxies),
                forwarded_allow_ips=[str(network) for network in listening.proxies],
                ssl_certfile=listening.cert,
                ssl_keyfile=listening.key,
            )
        )
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        if self._socket is None:
            raise XueliangError(Kind.INTERNAL, "the listener is not started")
        host, port = self._socket.getsockname()[:2]
        scheme = "https" if self._listening.cert else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    async def start(self) -> None:
        """Raises ``UNAVAILABLE`` where the address cannot be had, ``INVALID`` for a certificate that is none."""
        host, port = split_listen(self._listening.listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=128)
        except OSError as error:
            raise XueliangError(
                Kind.UNAVAILABLE,
                f"cannot listen: {error.strerror}",
                where=self._listening.listen,
                fix="Stop what listens there, or change service.listen",
            ) from error
        try:
            self._server.config.load()
        except OSError as error:
            self._socket.close()
            where = str(self._listening.cert)
            raise XueliangError(Kind.INVALID, f"no usable certificate: {error}", where=where) from error
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http listener")
        await self._server.up.wait()

    async def close(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            self._task = None
        if self._socket is not None:
            self._socket.close()
