"""The demo: ready, shown, ended by a signal or by its duration, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from center import demo_table
from center.cli import main
from center.demo_fleet import DemoCamera, DemoFleet, command
from center.demo_settings import FAST, demo_settings, printed
from health.state import Aspect, Change, State, begin
from tests.support.tree import ROOT

NOW = datetime(2026, 1, 1, 12, 0, 5, tzinfo=UTC)


async def start(*more: str, folder: Path) -> asyncio.subprocess.Process:
    words = (sys.executable, "-m", "center", "demo", "--cameras", "3", *more)
    return await asyncio.create_subprocess_exec(
        *words,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), "LANG": "C.UTF-8", "LC_ALL": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def children_of(folder: Path) -> list[str]:
    """Command lines of virtual networks that were started below this folder's environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if f"TMPDIR={folder}".encode() in environment and b"simulate" in words:
            found.append(words.decode())
    return found


async def test_ready_then_ended_by_ctrl_c(tmp_path: Path) -> None:
    process = await start("--json", folder=tmp_path)
    assert process.stdout is not None
    document = json.loads(await asyncio.wait_for(process.stdout.readline(), 120))
    assert document["cameras"] == 3
    assert document["url"].startswith("http://127.0.0.1:")
    assert document["simulator"]["token"]
    [words] = children_of(tmp_path)
    assert document["simulator"]["token"] not in words
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, err
    assert out == b""
    assert children_of(tmp_path) == []
    assert os.listdir(tmp_path) == []


async def test_in_a_pipe_it_tells_every_change_and_ends_by_itself(tmp_path: Path) -> None:
    process = await start("--duration", "20", "--data", str(tmp_path / "data"), folder=tmp_path)
    out, err = await asyncio.wait_for(process.communicate(), 150)
    assert process.returncode == 0, err
    assert b"faster than in production" in err
    assert b"unknown -> cannot judge: the reference is still being learned" in out
    assert b"\x1b" not in out
    assert json.loads((tmp_path / "data" / "demo.json").read_text("utf-8"))["rtsp"] > 0


@pytest.mark.parametrize("words", [["--cameras", "0"], ["--cameras", "999999"], ["--duration", "0"]])
def test_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", *words]) == 2
    assert capsys.readouterr().err.startswith("xueliang demo: ")


def a_fleet() -> DemoFleet:
    cameras = tuple(
        DemoCamera(f"c{i}", f"rtsp://127.9.0.{i}:5540/ch1/main", f"http://127.9.0.{i}:8080/x", "u", SecretStr("canary"))
        for i in (1, 2)
    )
    return DemoFleet(cameras, "http://127.0.0.1:1", SecretStr("canary"))


def test_it_stays_on_loopback_and_gives_each_device_its_own_account(tmp_path: Path) -> None:
    settings = demo_settings(a_fleet(), tmp_path, 3702)
    assert settings.service.listen.startswith("127.0.0.1:")
    assert [str(n) for n in settings.reach.networks] == ["127.9.0.0/24"]
    assert settings.reach.ports == ["5540", "8080"]
    assert all(n.is_loopback for a in settings.discovery.accounts for n in a.networks)
    assert len(settings.discovery.accounts) == 2
    assert "canary" not in repr(settings)
    assert "canary" not in " ".join(command(24, 3702, (1, 2)))
    assert len(list(printed())) == len(FAST)


def test_the_view_shows_trouble_first_and_fits() -> None:
    ok = replace(begin("a", NOW), state=State.OK, cause="", last_at=NOW - timedelta(seconds=3))
    bad = replace(ok, camera_id="b", state=State.FAULT, cause="covered", since=NOW - timedelta(minutes=5))
    lines = [demo_table.Line("first", ok, ""), demo_table.Line("second", bad, "covered_70")]
    text = demo_table.screen([*lines, demo_table.Line("third", None, "")], "head", NOW, 40, zh=False)
    assert text.index("second") < text.index("first")
    assert "covered_70" in text
    assert "5m" in text
    assert "遮挡" in demo_table.screen(lines, "head", NOW, 40, zh=True)
    many = [demo_table.Line(f"camera {i}", ok, "") for i in range(100)]
    assert len(demo_table.screen(many, "head", NOW, 24, zh=False).splitlines()) == 24


def test_a_change_is_one_line() -> None:
    change = Change("b", Aspect.STATE, "ok", "fault", "covered", NOW, NOW)
    text = demo_table.change_line("lane 3", change, "covered_70", zh=False)
    assert text.endswith("lane 3  ok -> fault: covered  (truth: covered_70)")
    assert demo_table.change_line("lane 3", change, "", zh=True).endswith("正常 -> 故障: 遮挡")


def test_faults_wait_for_every_reference() -> None:
    fresh = begin("a", NOW)
    good = replace(begin("b", NOW), last_good_at=NOW)
    assert not demo_table.ready({}, 1)
    assert not demo_table.ready({"a": fresh, "b": good}, 2)
    assert demo_table.ready({"a": replace(fresh, last_good_at=NOW), "b": good}, 2)
