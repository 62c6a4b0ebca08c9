"""The two ways a list of cameras comes in by hand: asking the network, and an inventory's file."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec
from center.cli import main, parser

HEADER = "点位名称,国标编码,IP地址,行政区划\n"
ROWS = "路口一,34020000001320000001,10.1.0.5,城关镇\n路口二,34020000001320000002,10.1.0.6,城关镇\n"


@pytest.fixture
async def network(clip_cache: Path) -> AsyncIterator[Fleet]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        port = int(probe.getsockname()[1])
    found = Fleet(FleetSpec(cameras=5, recorders=1, channels=3, cache=clip_cache, discovery_port=port))
    await found.start()
    yield found
    await found.stop()


async def discover(network: Fleet, *more: str) -> int:
    ranges = sorted({device.host.rpartition(".")[0] + ".0/28" for device in network.devices})
    words = ["discover", "--no-multicast", "--wait", "0.3", "--port", str(network.spec.discovery_port), *more]
    for cidr in ranges:
        words += ["--cidr", cidr]
    arguments = parser("discover").parse_args(words)
    code: int = await arguments.run(arguments)
    return code


async def test_what_answers_is_told(network: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert await discover(network, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [one["address"] for one in answer["found"]] == [device.host for device in network.devices]
    assert answer["conflicts"] == []
    first = answer["found"][0]
    assert first["xaddr"].startswith(f"http://{network.devices[0].host}:")
    assert first["report"]["host"] == network.devices[0].host
    for device in network.devices:
        assert device.password not in json.dumps(answer)


async def test_the_table_for_people(network: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert await discover(network, "--bare") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(network.devices[0].host)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--no-multicast"], 2),
        (["--no-multicast", "--cidr", "10.0.0.0/24", "--wait", "0"], 2),
        (["--no-multicast", "--cidr", "10.0.0.0/4"], 1),
        (["--no-multicast", "--cidr", "camera"], 1),
        (["--no-multicast", "--cidr", "127.200.0.0/30", "--wait", "0.1", "--port", "9"], 1),
    ],
)
def test_what_cannot_be_searched(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", *words]) == code
    assert capsys.readouterr().err


def inventory(folder: Path, text: str) -> Path:
    file = folder / "points.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_inventory_comes_in_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, data = inventory(tmp_path, HEADER + ROWS), str(tmp_path / "data")
    assert main(["migrate", "--data", data]) == 0
    capsys.readouterr()
    assert main(["import", str(file), "--dry-run", "--data", data, "--json"]) == 0
    dry = json.loads(capsys.readouterr().out)
    assert (dry["counts"]["add"], dry["batch_id"]) == (2, None)
    assert main(["import", str(file), "--data", data, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["batch_id"]
    assert main(["import", str(file), "--data", data]) == 0
    assert "0 rows were added, 0 changed, 2 stay as they are" in capsys.readouterr().out


def test_a_wrong_file_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(tmp_path / "data")
    assert main(["migrate", "--data", data]) == 0
    wrong = inventory(tmp_path, HEADER + ROWS + "路口三,34020000001320000003,300.1.1.1,城关镇\n")
    assert main(["import", str(wrong), "--data", data]) == 1
    out, err = capsys.readouterr()
    assert "line 4" in out
    assert "nothing was changed" in err
    good = inventory(tmp_path, HEADER + ROWS)
    assert main(["import", str(good), "--dry-run", "--data", data, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["add"] == 2


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"a,b\n1,2\n"])
def test_what_is_no_inventory(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    file, data = tmp_path / "x.csv", str(tmp_path / "data")
    file.write_bytes(content)
    assert main(["migrate", "--data", data]) == 0
    assert main(["import", str(file), "--data", data]) == 1
    assert "xueliang:" in capsys.readouterr().err
