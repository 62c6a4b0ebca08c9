"""``xueliang simulate`` as a process: one document, then it runs until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

CODE = """
import argparse, sys
from camera_gateway.simulator.command import add, run
from config.errors import XueliangError
parser = argparse.ArgumentParser()
add(parser)
try:
    sys.exit(run(parser.parse_args()))
except XueliangError as error:
    sys.exit(str(error))
"""


@asynccontextmanager
async def started(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", CODE, "--main", "320x180", "--sub", "160x88", "--lights", "day", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=8 * 1024 * 1024,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def open_to_others(pid: int) -> bytes:
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_prints_one_document_and_stops_when_told(
    clip_folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('[{"at": 0, "camera": "cam-0002", "fault": "black"}]')
    async with started("--cameras", "4", "--recorders", "1", "--channels", "2", "--plan", str(plan), "--json",
                       "--cache", str(clip_folder)) as process:  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(60):
            document = json.loads(await process.stdout.readline())
        assert [c["id"] for c in document["cameras"]] == ["rec-01-ch1", "rec-01-ch2", "cam-0001", "cam-0002"]
        secrets = [document["control"]["token"], *(c["password"] for c in document["cameras"])]
        held = await asyncio.to_thread(open_to_others, process.pid)
        assert not any(s.encode() in held for s in secrets)
        process.send_signal(number)
        async with asyncio.timeout(20):
            out, error = await process.communicate()
    assert (process.returncode, out, error) == (0, b"", b"")


async def test_a_wrong_plan_is_told_by_line(clip_folder: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[entries]]\nat = 0\ncamera = "cam-9"\nfault = "black"\n')
    async with started("--cameras", "1", "--plan", str(plan), "--cache", str(clip_folder)) as process:
        async with asyncio.timeout(60):
            out, error = await process.communicate()
    assert process.returncode == 1
    assert out == b""
    assert b"plan.toml, line 1: camera: no camera cam-9" in error
