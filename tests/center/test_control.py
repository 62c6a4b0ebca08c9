"""The control socket answers its own user, in bounded lines, however bad the line."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from center.control import ControlServer, ask
from config.errors import Kind, XueliangError

pytestmark = pytest.mark.usefixtures("no_leaks")


async def echo(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"heard": dict(parameters)}


async def refuse(_: Mapping[str, Any]) -> Mapping[str, Any]:
    raise XueliangError(Kind.CONFLICT, "busy", where="camera 1", fix="wait", facts={"n": 1})


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    deep = tmp_path / ("d" * 100) / "x"  # deeper than a socket's address can be long
    deep.mkdir(parents=True)
    server = ControlServer(deep / "control.sock", {"echo": echo, "refuse": refuse})
    await server.start()
    yield deep / "control.sock"
    await server.close()
    assert not (deep / "control.sock").exists()


async def test_a_command_and_its_answer(path: Path) -> None:
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert await ask(path, "echo", {"名": 1}) == {"heard": {"名": 1}}


async def test_an_error_comes_back_as_it_was(path: Path) -> None:
    with pytest.raises(XueliangError) as caught:
        await ask(path, "refuse", {})
    error = caught.value
    assert (error.kind, error.what, error.where, error.fix) == (Kind.CONFLICT, "busy", "camera 1", "wait")
    assert error.facts == {"n": 1}


async def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(XueliangError, match="no service answers") as caught:
        await ask(tmp_path / "control.sock", "echo", {})
    assert caught.value.kind is Kind.UNAVAILABLE


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"[1]\n",
        b'"x"\n',
        b'{"command": []}\n',
        b"\xff\n",
        b'{"command":"echo","parameters":3}\n',
        b"[" * 9999 + b"\n",
    ],
)
async def test_a_bad_line_is_refused(path: Path, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(short(path))
    writer.write(line)
    answer = json.loads(await reader.readline())
    assert answer["error"]["kind"] == "invalid"
    writer.close()
    await writer.wait_closed()
    assert await ask(path, "echo", {}) == {"heard": {}}


def short(path: Path) -> str:
    """A link near the root, because the path is longer than an address may be."""
    link = path.parents[2] / "s"
    if not link.exists():
        link.symlink_to(path.parent)
    return str(link / path.name)


async def test_one_that_hangs_up_harms_nobody(path: Path) -> None:
    _, writer = await asyncio.open_unix_connection(short(path))
    writer.close()
    await writer.wait_closed()
    assert await ask(path, "echo", {}) == {"heard": {}}
