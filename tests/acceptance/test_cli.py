"""The commands as a person types them: processes, exit codes, what stands on which stream, pipes and Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from camera_gateway.http import DeviceHttp, HttpRequest
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.simulator.faults import Fault
from center.demo_fleet import DemoCamera, DemoFleet
from center.demo_fleet import fleet as virtual_fleet
from config.clock import SystemClock
from tests.support.served import command
from tests.support.tree import ROOT
from tests.support.udp_ports import free_port

HEADER = "点位名称,点位编号,IP地址,主码流地址,经度,纬度,行政区划\n"
GOOD = "路口一,P-1,10.1.0.5,rtsp://10.1.0.5/live,104.06,30.67,城关镇\n"
MISTAKES = (
    "路口二,P-2,300.1.1.1,,104.06,30.67,城关镇\n路口三,P-3,10.1.0.7,,东边,30.67,城关镇\n,P-4,10.1.0.8,,,,城关镇\n"
)


def words(cache: Path, discovery_port: int) -> list[str]:
    """``xueliang simulate`` for four small cameras."""
    given = "--cameras 4 --json --listen address --main 640x360 --sub 320x180 --gop 0.5"
    more = ["--discovery", str(discovery_port), "--cache", str(cache)]
    return [sys.executable, "-P", "-m", "center", "simulate", *given.split(), *more]


@asynccontextmanager
async def simulated(folder: Path) -> AsyncIterator[tuple[DemoFleet, int]]:
    port = free_port()
    async with virtual_fleet(words(folder / "clips", port)) as found:
        yield found, port


async def switch_on(found: DemoFleet, camera: DemoCamera, fault: Fault) -> None:
    clock = SystemClock()
    http = DeviceHttp(Reach(ReachPolicy.any()), InMemoryDeviceMemory(clock), clock)
    headers = (("Authorization", f"Bearer {found.control_token.get_secret_value()}"),)
    body = json.dumps({"fault": fault.value, "on": True}).encode()
    url = f"{found.control_url}/cameras/{camera.id}/faults"
    assert (await http.request(HttpRequest("POST", url, headers, body))).status == 200


def secret(folder: Path, camera: DemoCamera, text: str = "") -> str:
    file = folder / f"password-{camera.id}"
    file.write_text(text or camera.password.get_secret_value(), encoding="utf-8")
    file.chmod(0o600)
    return str(file)


async def probe(camera: DemoCamera, password_file: str, *more: str) -> tuple[int, str, str]:
    url = camera.rtsp.replace("rtsp://", f"rtsp://{camera.user}@")
    return await command("probe", url, "--password-file", password_file, "--lang", "en", "--seconds", "1", *more)


def one_document(out: str) -> Any:
    """Exactly one JSON document, and nothing else."""
    document, end = json.JSONDecoder().raw_decode(out)
    assert out[end:] == "\n"
    return document


async def test_a_technician_finds_cameras_and_asks_each(tmp_path: Path) -> None:
    async with simulated(tmp_path) as (found, port):
        good, dark, shut, locked = found.cameras
        await switch_on(found, dark, Fault.BLACK)
        await switch_on(found, shut, Fault.REFUSED)
        ranges = [w for host in found.hosts for w in ("--cidr", f"{host}/32")]
        looked = ["discover", "--no-multicast", "--wait", "1", "--port", str(port), *ranges]
        answers = await asyncio.gather(
            command(*looked, "--bare"),
            probe(good, secret(tmp_path, good)),
            probe(good, secret(tmp_path, good), "--json"),
            probe(dark, secret(tmp_path, dark)),
            probe(shut, secret(tmp_path, shut), "--json"),
            probe(locked, secret(tmp_path, locked, "guess")),
        )
        discovered, usable, usable_json, black, refused, auth = answers
        passwords = [camera.password.get_secret_value() for camera in found.cameras]
    assert discovered[0] == 0, discovered
    assert [host for host in found.hosts if host not in discovered[1]] == [shut.host], discovered[1]
    assert (usable[0], usable[2]) == (0, ""), usable
    assert "key frame" in usable[1].lower() or "keyframe" in usable[1].lower()
    assert (usable_json[0], usable_json[2]) == (0, "")
    assert one_document(usable_json[1])["usable"] is True
    assert (black[0], refused[0], auth[0]) == (1, 1, 1), (black, refused, auth)
    assert "black" in black[2]
    assert one_document(refused[1])["cause"] == "refused"
    assert "refused" in refused[2]
    assert "credentials refused" in auth[2]
    for _, out, err in answers:
        assert "Traceback" not in err
        assert not any(password in out + err for password in passwords)


@pytest.mark.parametrize(
    "given",
    [
        "probe",
        "probe http://10.0.0.1/",
        "probe rtsp://10.0.0.1/ --seconds 0",
        "probe rtsp://10.0.0.1/ --password-file /nowhere --ask",
        "discover --no-multicast",
        "simulate",
    ],
)
async def test_a_mistake_in_the_usage_is_two(given: str) -> None:
    code, out, err = await command(*given.split())
    assert (code, out) == (2, "")
    assert given.split()[0] in err
    assert "Traceback" not in err


async def test_an_inventory_with_mistakes_changes_nothing(tmp_path: Path) -> None:
    data, wrong, good = str(tmp_path / "data"), tmp_path / "wrong.csv", tmp_path / "good.csv"
    wrong.write_text(HEADER + GOOD + MISTAKES, encoding="utf-8")
    good.write_text(HEADER + GOOD, encoding="utf-8")
    assert (await command("migrate", "--data", data))[0] == 0

    code, out, err = await command("import", str(wrong), "--dry-run", "--data", data)
    assert code == 1
    lines = out.splitlines()
    for line, column in ((3, "host"), (4, "longitude"), (5, "name")):
        assert any(text.startswith(f"line {line}, {column}: error: ") for text in lines), (out, err)
    assert f"{wrong}: it has errors, nothing was changed" in err

    code, out, _ = await command("import", str(wrong), "--data", data, "--json")
    answer = one_document(out)
    assert (code, answer["acceptable"], answer["batch_id"]) == (1, False, None)
    assert one_document((await command("status", "--data", data, "--json"))[1])["cameras"] == []

    code, out, err = await command("import", str(good), "--data", data)
    assert (code, err) == (0, ""), err
    assert "1 rows were added" in out
    code, out, err = await command("status", "路口一", "--data", data, "--lang", "en")
    assert (code, err) == (0, ""), err
    assert "unknown" in out
    code, out, err = await command("status", "路口九", "--data", data, "--json")
    assert (code, one_document(out)["error"]["kind"]) == (1, "not_found")
    assert "xueliang: " in err


async def test_check_config_names_the_mistake(tmp_path: Path) -> None:
    good, wrong = tmp_path / "good.toml", tmp_path / "wrong.toml"
    good.write_text('[reach]\nnetworks = ["10.0.0.0/16"]\n', encoding="utf-8")
    wrong.write_text('[checks]\nconfirm = 0\nwindwo = 3\n[reach]\nnetworks = ["10.0.0.0/99"]\n', encoding="utf-8")
    assert await command("check-config", str(good)) == (0, f"{good}: no mistakes\n", "")
    code, out, err = await command("check-config", str(wrong))
    assert (code, out) == (2, "")
    for key in ("checks.confirm", "checks.windwo", "reach.networks"):
        assert f"{wrong}: {key}" in err, err


def test_a_reader_that_goes_away_is_no_mishap(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    rows = [f"路口{n},P-{n},300.1.1.1,,,,城关镇\n" for n in range(2000)]
    file.write_text(HEADER + "".join(rows), encoding="utf-8")
    data = tmp_path / "data"
    subprocess.run([sys.executable, "-m", "center", "migrate", "--data", str(data)], cwd=ROOT, check=True, timeout=60)
    for more in ("", "--json"):
        typed = f"{sys.executable} -m center import {file} --dry-run --data {data} {more} | head -c 10"
        done = subprocess.run(["bash", "-c", typed], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, len(done.stdout)) == (0, 10)
        assert re.sub(r"xueliang: .*nothing was changed\n", "", done.stderr) == ""


async def interrupted(*given: str, met: asyncio.Event) -> tuple[int | None, bytes, bytes]:
    """Ctrl-C as soon as the command met a device."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "center", *given),
        cwd=ROOT,
        env={**os.environ, "LANG": "C.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as a terminal's; a background job has none
    )
    try:
        await asyncio.wait_for(met.wait(), 60)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    return process.returncode, out, err


async def test_ctrl_c_is_quiet_while_a_camera_is_silent() -> None:
    met, gone = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.set()
        await reader.read(-1)
        writer.close()
        gone.set()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await interrupted("probe", f"rtsp://127.0.0.1:{port}/live", met=met) == (130, b"", b"")
        await asyncio.wait_for(gone.wait(), 10)


async def test_ctrl_c_is_quiet_in_the_middle_of_a_search() -> None:
    met = asyncio.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.setblocking(False)
        device.bind(("127.0.0.1", 0))
        asyncio.get_running_loop().add_reader(device, met.set)
        try:
            given = ["--no-multicast", "--cidr", "127.0.0.0/16", "--rate", "50", "--port"]
            ended = await interrupted("discover", *given, str(device.getsockname()[1]), met=met)
        finally:
            asyncio.get_running_loop().remove_reader(device)
    assert ended == (130, b"", b"")
