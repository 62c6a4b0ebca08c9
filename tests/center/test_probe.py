"""One diagnosis of one stream, from the command's arguments to its exit code, against virtual cameras."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from camera_gateway.simulator.camera import VirtualCamera
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.fleet import Fleet
from center.argv_secret import split
from center.cli import main, parser
from tests.support.tree import ROOT


async def probe(camera: VirtualCamera, folder: Path, *more: str, password: str = "") -> int:
    file = folder / "password"
    file.write_text(password or camera.password, encoding="utf-8")
    file.chmod(0o600)
    url = camera.rtsp.replace("rtsp://", f"rtsp://{camera.user}@")
    given = ["probe", url, "--password-file", str(file), "--seconds", "0.6", "--lang", "en", *more]
    arguments = parser("probe").parse_args(given)
    code: int = await arguments.run(arguments)
    return code


async def test_a_good_camera(fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jpg"
    await fleet.prepare(looks=4)  # a busy machine draws slower than a camera sends
    assert await probe(fleet.cameras[0], tmp_path, "--json", "--picture", str(out), "--seconds", "1.5") == 0
    printed, err = capsys.readouterr()
    report: dict[str, Any] = json.loads(printed)
    assert err == ""
    assert report["usable"] is True
    times = report["timings_ms"]
    assert all(times[name] > 0 for name in ("connect", "auth", "describe", "setup", "signalling", "keyframe"))
    assert times["stream"] <= times["keyframe"]
    assert (report["format"]["codec"], report["format"]["width"], report["format"]["height"]) == ("h264", 640, 360)
    assert report["stream"]["fps"] == pytest.approx(12, rel=0.05)
    assert report["stream"]["gop_seconds"] == pytest.approx(0.5, rel=0.05)
    assert report["stream"]["b_frames"] is False
    assert report["stream"]["bitrate"] > 10_000
    assert (report["lost"], report["loss"]) == (0, 0.0)
    assert abs(report["clock_offset_s"]) < 1
    assert report["picture"]["picture"] == "good"
    assert {"of", "name", "value", "threshold", "verdict", "reason"} == set(report["picture"]["measures"][0])
    picture = out.read_bytes()
    assert picture.startswith(b"\xff\xd8")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Fault.REFUSED, "refused"),
        (Fault.SESSION_LIMIT, "busy"),
        (Fault.NO_STREAM, "no_stream"),
        (Fault.UNDECODABLE, "undecodable"),
        (Fault.BLACK, "black"),
        (Fault.WHITE, "over_exposed"),
        (Fault.SIGNAL_LOST, "no_signal"),
    ],
)
async def test_what_is_wrong_is_named(
    fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: Fault, cause: str
) -> None:
    camera = fleet.cameras[0]
    await fleet.set_fault(camera.id, fault, True)
    assert await probe(camera, tmp_path, "--json") == 1
    printed, err = capsys.readouterr()
    report = json.loads(printed)
    assert (report["usable"], report["cause"]) == (False, cause)
    assert report["cause_name"]["zh"]
    assert report["cause_name"]["en"] in err
    assert report["findings"][0]["advice"]["en"] in err


async def test_parameter_sets_only_in_the_description(fleet: Fleet, tmp_path: Path) -> None:
    camera = fleet.cameras[0]
    await fleet.set_fault(camera.id, Fault.SETS_IN_SDP, True)
    assert await probe(camera, tmp_path) == 0


async def test_a_wrong_password_is_said_and_never_shown(
    fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await probe(fleet.cameras[0], tmp_path, password="canary-wrong") == 1
    out, err = capsys.readouterr()
    assert "credentials refused" in err
    assert "canary" not in out + err
    assert await probe(fleet.cameras[0], tmp_path, "--json", password="canary-wrong") == 1
    timings = json.loads(capsys.readouterr().out)["timings_ms"]
    known = {name for name, value in timings.items() if value is not None}
    assert known == {"connect", "auth", "describe"}, "as far as it came"


async def test_the_report_for_people_in_both_languages(
    fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await probe(fleet.cameras[0], tmp_path) == 0
    english = capsys.readouterr().out
    assert "usable" in english.splitlines()[0]
    assert "signalling" in english
    assert "not judged: moved" in english
    assert await probe(fleet.cameras[0], tmp_path, "--lang", "zh") == 0
    chinese = capsys.readouterr().out
    assert "可用" in chinese.splitlines()[0]
    assert "关键帧时延" in chinese


async def test_a_picture_is_not_overwritten(fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jpg"
    out.write_bytes(b"mine")
    arguments = ["probe", fleet.cameras[0].rtsp, "--picture", str(out)]
    assert await asyncio.to_thread(main, arguments) == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    assert await probe(fleet.cameras[0], tmp_path, "--picture", str(out), "--force") == 0
    assert out.read_bytes().startswith(b"\xff\xd8")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "arguments",
    [
        ["http://127.0.0.1/"],
        ["rtsp://"],
        ["rtsp://127.0.0.1:9/x", "--seconds", "0"],
        ["rtsp://127.0.0.1:9/x", "--picture", "/nowhere/at/all.jpg"],
        ["rtsp://127.0.0.1:70000/x"],
    ],
)
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", *arguments]) == 2
    assert capsys.readouterr().err.startswith("xueliang probe: ")


@pytest.mark.parametrize("host", ["0.0.0.0", "169.254.1.1", "224.0.0.1"])
def test_what_is_never_contacted(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", f"rtsp://{host}/x", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["cause"] == "not_allowed"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("rtsp://u:p%40ss@h:554/a?b=1", ("rtsp://u@h:554/a?b=1", "p@ss")),
        ("rtsp://u:a@b:c@[::1]/x", ("rtsp://u@[::1]/x", "a@b:c")),
        ("rtsp://u@h/x", None),
        ("rtsp://h/x:y@z", None),
        ("--json", None),
        ("rtsp://[", None),
    ],
)
def test_a_password_is_split_off(typed: str, found: tuple[str, str] | None) -> None:
    assert split(typed) == found


async def test_a_password_in_the_address_leaves_the_command_line(fleet: Fleet) -> None:
    camera = fleet.cameras[0]
    await fleet.set_fault(camera.id, Fault.HANGS, True)  # so that it is still there to be looked at
    parts = urlsplit(camera.rtsp)
    url = f"rtsp://{camera.user}:canary-password@{parts.netloc}{parts.path}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "center", "probe", url),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    warning = await asyncio.wait_for(process.stderr.readline(), 30)
    assert b"--ask" in warning
    command = await asyncio.to_thread(Path(f"/proc/{process.pid}/cmdline").read_bytes)
    assert b"probe" in command
    assert b"canary" not in command
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"canary" not in out + err + warning


async def test_the_typed_password_works(fleet: Fleet) -> None:
    camera = fleet.cameras[1]
    url = camera.rtsp.replace("rtsp://", f"rtsp://{camera.user}:{camera.password}@")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "center", "probe", url, "--json", "--seconds", "0.5"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert json.loads(out)["url"].startswith(f"rtsp://{urlsplit(camera.rtsp).hostname}")
