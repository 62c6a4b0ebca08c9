"""The demo: ready, shown, ended by a signal or by its duration, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import stat
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from center import demo_table
from center.cli import main
from center.demo_district import LOGINS, MAINTENANCE, TOWNS, Box, place
from center.demo_fleet import STRANGERS, DemoCamera, DemoFleet, command
from center.demo_logins import Kept
from center.demo_settings import FAST, demo_settings, printed
from config.scope import Role
from health.state import Aspect, Change, State, begin
from tests.support.tree import ROOT

NOW = datetime(2026, 1, 1, 12, 0, 5, tzinfo=UTC)


async def start(*more: str, folder: Path) -> asyncio.subprocess.Process:
    words = (sys.executable, "-m", "center", "demo", "--cameras", "3", "--port", "0", *more)
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
    for secret in (document["simulator"]["token"], document["token"], *(u["password"] for u in document["users"])):
        assert secret not in words
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, err
    assert out == b""
    assert children_of(tmp_path) == []
    assert os.listdir(tmp_path) == []


async def test_in_a_pipe_it_tells_every_change_and_ends_by_itself(tmp_path: Path) -> None:
    process = await start("--duration", "10", "--data", str(tmp_path / "data"), folder=tmp_path)
    out, err = await asyncio.wait_for(process.communicate(), 150)
    assert process.returncode == 0, err
    assert b"faster than in production" in err
    assert b"unknown -> cannot judge: the reference is still being learned" in out
    assert b"\x1b" not in out
    assert re.match(r"console  http://127\.0\.0\.1:\d+\nnames and passwords:\n  admin +\S{23}\n", out.decode())
    assert out.count(b"to be adopted  127.") == STRANGERS
    kept = tmp_path / "data" / "demo.json"
    assert json.loads(kept.read_text("utf-8"))["rtsp"] > 0
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


async def test_ctrl_c_while_the_cameras_are_drawn(tmp_path: Path) -> None:
    process = await start("--data", str(tmp_path / "data"), folder=tmp_path)
    assert process.stderr is not None
    assert b"drawing" in await asyncio.wait_for(process.stderr.readline(), 60)
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out, err) == (0, b"", b"")
    assert children_of(tmp_path) == []


WRONG = [["--cameras", "0"], ["--cameras", "999999"], ["--duration", "0"], ["--port", "65536"], ["--port", "-1"]]


@pytest.mark.parametrize("words", WRONG)
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


def test_strangers_are_found_and_left_to_people(tmp_path: Path) -> None:
    known = a_fleet()
    stranger = DemoCamera(
        "new-01", "rtsp://127.9.1.9:5540/ch1/main", "http://127.9.1.9:8080/x", "u", SecretStr("canary")
    )
    settings = demo_settings(replace(known, strangers=(stranger,)), tmp_path, 3702, port=8080, area="岚川区")
    assert settings.service.listen == "127.0.0.1:8080"
    assert [str(n) for n in settings.discovery.cidrs] == ["127.9.0.0/24", "127.9.1.0/24"]
    assert [str(n) for n in settings.discovery.adopt_networks] == ["127.9.0.1/32", "127.9.0.2/32"]
    assert len(settings.discovery.accounts) == 2
    assert settings.discovery.adopt_area == "岚川区"


def test_the_district_places_every_camera_under_a_name_of_its_own() -> None:
    boxes = []
    for n in range(600):
        channels = {channel: f"{n}-{channel}" for channel in range(1, 5 if n < 40 else 2)}
        boxes.append(Box(f"10.0.{n // 250}.{n % 250}", f"link-{n % 4 + 1:02d}", n < 40, channels))
    placed = place(boxes)
    spots = [spot for one in placed.values() for spot in one.spots.values()]
    assert len(spots) == sum(len(box.channels) for box in boxes)
    assert len({spot.name for spot in spots}) == len({spot.code for spot in spots}) == len(spots)
    assert {spot.virtual for spot in spots} == {name for box in boxes for name in box.channels.values()}
    assert place(boxes) == placed
    for box in boxes:
        one = placed[box.host]
        assert [step["kind"] for step in one.path] == ["switch", "link"]
        assert one.path[1]["id"] == box.link
        assert one.unit in {str(unit) for unit in MAINTENANCE}
    areas = {str(community.name) for town in TOWNS for community in town.communities}
    assert {one.area for one in placed.values()} == areas
    assert len({one.path[1]["name"] for one in placed.values()}) == len(TOWNS)
    for name in (*areas, *(spot.name for spot in spots)):
        assert re.search("[\u4e00-\u9fff]", name)
        assert re.search("[A-Z][a-z]", name)


async def test_a_folder_of_another_service_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "xueliang.sqlite").write_bytes(b"")
    process = await start("--data", str(tmp_path / "data"), folder=tmp_path)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, out) == (1, b"")
    assert b"holds something else than a demo" in err
    assert os.listdir(tmp_path / "data") == ["xueliang.sqlite"]


def test_what_is_kept_is_for_its_owner_alone(tmp_path: Path) -> None:
    assert Kept.read(tmp_path) == Kept()
    kept = Kept((1, 2), {"admin": SecretStr("canary")}, "demo-1", SecretStr("xlt_canary"))
    kept.write(tmp_path)
    kept.write(tmp_path)
    assert Kept.read(tmp_path) == kept
    assert os.listdir(tmp_path) == ["demo.json"]
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert "canary" not in repr(kept)
    for wrong in ("", "[]", "{}", '{"rtsp": "x", "onvif": 1}', '{"rtsp": 1, "onvif": 1, "passwords": []}'):
        (tmp_path / "demo.json").write_text(wrong, "utf-8")
        assert Kept.read(tmp_path) == Kept()


def test_every_role_of_a_person_has_a_login() -> None:
    assert {login.role for login in LOGINS} == {*Role} - {Role.PLATFORM}
    assert len({login.name for login in LOGINS}) == len(LOGINS)
    assert next(login for login in LOGINS if login.role is Role.TECHNICIAN).unit is not None


def test_the_head_of_the_view_names_every_login_and_fits() -> None:
    logins = [(login.name, "abcde-fghjk-mnpqr-stuvw") for login in LOGINS]
    head = demo_table.head("http://127.0.0.1:8080", logins, 100, zh=True)
    assert "http://127.0.0.1:8080" in head[0]
    assert all(len(line) <= 100 for line in head)
    assert all(f"{name} {password}" in "\n".join(head) for name, password in logins)


def test_the_view_shows_trouble_first_and_fits() -> None:
    ok = replace(begin("a", NOW), state=State.OK, cause="", last_at=NOW - timedelta(seconds=3))
    bad = replace(ok, camera_id="b", state=State.FAULT, cause="covered", since=NOW - timedelta(minutes=5))
    lines = [demo_table.Line("first", ok, ""), demo_table.Line("second", bad, "covered_70")]
    text = demo_table.screen([*lines, demo_table.Line("third", None, "")], ["head"], NOW, 40, zh=False)
    assert text.index("second") < text.index("first")
    assert "covered_70" in text
    assert "5m" in text
    assert "遮挡" in demo_table.screen(lines, ["head"], NOW, 40, zh=True)
    long = demo_table.screen([demo_table.Line("桥东村文化站停车场 Qiaodong " * 3, ok, "x")], ["head"], NOW, 40, zh=True)
    assert long.splitlines()[-1].index("\x1b") < 44  # half as many characters as columns, and cut
    many = [demo_table.Line(f"camera {i}", ok, "") for i in range(100)]
    assert len(demo_table.screen(many, ["head", "logins"], NOW, 24, zh=False).splitlines()) == 24


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
