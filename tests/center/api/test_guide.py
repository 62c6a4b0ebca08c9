"""The guide for platforms: its commands, as they stand on the page, run by a shell with real curl against the API."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from config.scope import Role
from registry.camera_store import change_camera
from tests.support.api_rig import SYSTEM, Rig
from tests.support.api_world import add_district, camera_id

pytestmark = pytest.mark.usefixtures("no_leaks")
PAGE = Path(__file__).parents[3] / "docs/guide/platform.md"
_DONE = "-- block done --"


@pytest.fixture
def db_kind() -> str:
    return "sqlite"


class Shell:
    """One bash, fed block by block; a command of the page that fails ends it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, block: str) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{block}\nprintf '\\n%s\\n' '{_DONE}'\n".encode())
        said: list[str] = []
        async with asyncio.timeout(60):
            while _DONE not in said:
                line = await self._process.stdout.readline()
                assert line, (block, said)
                said.append(line.decode().strip())
        return [line for line in said[:-1] if line]


def blocks() -> list[str]:
    """The page's commands; pages of states made small, so that there are several."""
    found = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [block.replace("limit=500", "limit=3") for block in found]


async def test_an_integrator_follows_the_cameras_with_nothing_but_curl(rig: Rig, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        if os.environ.get("XUELIANG_REQUIRE_PEERS"):
            pytest.fail("curl is not installed")
        pytest.skip("curl is not installed")
    for number, name in enumerate("ab", 1):
        await add_district(rig.db, rig.core.storage.folder.evidence, name, number)
    token = await rig.token("centre", Role.PLATFORM, area="a")
    environment = {"PATH": os.environ["PATH"], "TOKEN": token.token, "OPEN_SECONDS": "2"}
    process = await asyncio.create_subprocess_exec(
        *("bash", "--noprofile", "--norc", "-eu", "-o", "pipefail"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
        env={**environment, "API": f"{rig.url}/api/v1"},
    )
    try:
        shell = Shell(process)
        who, load, follow, events, few = blocks()
        assert await shell.run(who) == ["centre"]
        assert await shell.run(load) == ["4"]
        assert len((tmp_path / "states.json").read_text().splitlines()) == 2
        async with rig.db.write() as connection:
            for name in "ab":
                await change_camera(SYSTEM, connection, camera_id(name, 1), 1, name="renamed")
        told = f'"kind":"camera","object_id":"{camera_id("a", 1)}"'
        assert await shell.run(follow) == [told]
        assert await shell.run("follow") == []  # once
        (ticks,) = await shell.run(events)
        assert int(ticks) >= 1
        assert await shell.run(few) == ['"missing":["32011500001320000199"]', '"state":"offline"']
        refused = await shell.run('ask "$API/status?limit=x" || true')
        assert '"code":"invalid"' in refused[0]
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # it outlives its pipes by a turn of the loop
