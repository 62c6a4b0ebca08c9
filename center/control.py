"""Edge: the control socket of the running service: one JSON line there, one back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from center.errors import error_document, told_error
from config.errors import Kind, XueliangError

log = logging.getLogger(__name__)

MAX_REQUEST = 32 * 1024 * 1024  # an inventory of 20 MB in base64
MAX_ANSWER = 64 * 1024 * 1024
MAX_CONNECTIONS = 16
READ_SECONDS = 10.0

Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """A path of any depth as one that fits into the 107 bytes a socket address has."""
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


class ControlServer:
    """Mode 0600 in a folder of mode 0700; only the same user and root are heard."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = dict(handlers)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """The data folder's lock is held, so a socket that is still there is a dead process's."""
        self._path.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            with _short(self._path) as address:
                self._server = await asyncio.start_unix_server(self._accept, address, limit=MAX_REQUEST)
        finally:
            os.umask(old)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in list(self._open):
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None
        with contextlib.suppress(OSError):  # a disk gone read-only: the next start takes it away
            self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= MAX_CONNECTIONS or not _same_user(writer):
            writer.close()
            return
        self._open.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            log.info("control: < %s", type(error).__name__)
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(READ_SECONDS):
            data = await reader.readline()
        answer = await self._answer(data)
        writer.write(json.dumps(answer, ensure_ascii=False, default=str).encode() + b"\n")
        await writer.drain()

    async def _answer(self, data: bytes) -> Mapping[str, Any]:
        try:
            request = json.loads(data)
            name, parameters = request["command"], request.get("parameters", {})
            handler = self._handlers[name]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return error_document(XueliangError(Kind.INVALID, "not a command of the control socket"))
        if not isinstance(parameters, dict):
            return error_document(XueliangError(Kind.INVALID, "parameters must be a table"))
        try:
            return {"ok": await handler(parameters)}
        except XueliangError as error:
            return error_document(error)


def _same_user(writer: asyncio.StreamWriter) -> bool:
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", peer)
    return user in (0, os.geteuid())


async def ask(path: Path, command: str, parameters: Mapping[str, Any], deadline: float = 60.0) -> dict[str, Any]:
    """One command to the running service.

    Raises ``UNAVAILABLE`` where none listens or answers in time, else what the service raised.
    """
    gone = XueliangError(Kind.UNAVAILABLE, "no service answers", where=str(path), fix="Start it: xueliang serve")
    try:
        async with asyncio.timeout(deadline):
            with _short(path) as address:
                reader, writer = await asyncio.open_unix_connection(address, limit=MAX_ANSWER)
            try:
                writer.write(json.dumps({"command": command, "parameters": dict(parameters)}).encode() + b"\n")
                await writer.drain()
                data = await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        raise gone from error
    if not data:
        raise gone
    answer = json.loads(data)
    refused = told_error(answer)
    if refused is not None:
        raise refused
    return dict(answer["ok"])
