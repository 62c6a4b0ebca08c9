"""A full disk, a disk gone read-only, and the end of the service: it says so, keeps checking, loses nothing it told."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.fleet import Fleet
from center import control
from config.errors import Kind, XueliangError
from tests.support.served import Served, Told, command, configuration, get, small_fleet

DEBUG = {"logging": {"level": "debug"}}


def mount(*options: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a disk of our own needs root")
    done = subprocess.run(["mount", *options], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        pytest.skip(f"no disk of our own can be mounted here: {done.stderr.strip()}")


def umount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", str(place)], timeout=30, check=False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", str(place))
    yield place
    umount(place)


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A disk, and what makes its file system go read-only as it does on the first error of the medium."""
    place, image = tmp_path / "disk", tmp_path / "image"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    if subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], capture_output=True, timeout=60, check=False).returncode:
        pytest.skip("mkfs.ext4 makes no file system here")
    mount("-o", "loop,errors=remount-ro", str(image), str(place))
    device = next(line.split()[0] for line in Path("/proc/mounts").read_text().splitlines() if f" {place} " in line)
    trigger = Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"

    def fail() -> None:
        try:
            trigger.write_text("1")
        except OSError as error:
            pytest.skip(f"the file system cannot be made to fail: {error.strerror}")

    yield place, fail
    umount(place)


@pytest.fixture
async def fleet(clips: Path) -> AsyncIterator[Fleet]:
    found = small_fleet(clips)
    await found.start()
    yield found
    await found.stop()


def fill(place: Path) -> Path:
    """All of the disk that is free, to the last byte."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    return ballast


async def until_states(service: Served, data: Path, wanted: Callable[[list[tuple[str, str]]], bool]) -> None:
    """Asks for the states of all cameras with every line that the service says."""
    async with asyncio.timeout(90):
        while True:
            answer = await control.ask(data / "control.sock", "status", {})
            if wanted([(camera["state"], camera["cause"]) for camera in answer["cameras"]]):
                return
            heard = len(service.lines)
            await service.until(lambda: len(service.lines) > heard)  # noqa: B023 - awaited at once


async def all_well(service: Served, data: Path, fleet: Fleet) -> None:
    await until_states(service, data, lambda states: states == [("ok", "")] * len(fleet.cameras))


async def not_ready(service: Served) -> str:
    """What /readyz says of the database, asked again with every line that the service says."""
    async with asyncio.timeout(30):
        while True:
            status, body = await get(service.url, "/readyz")
            missing: dict[str, str] = json.loads(body)["missing"]
            if status == 503 and "database" in missing:
                return missing["database"]
            heard = len(service.lines)
            await service.until(lambda: len(service.lines) > heard)  # noqa: B023 - awaited at once


async def ready(service: Served) -> None:
    async with asyncio.timeout(30):
        while (await get(service.url, "/readyz"))[0] != 200:
            heard = len(service.lines)
            await service.until(lambda: len(service.lines) > heard)  # noqa: B023 - awaited at once


async def looks_on(service: Served, fleet: Fleet) -> None:
    """Every camera's session is opened and ended three times more."""
    wanted = fleet.rtsp.torn_down + 3 * len(fleet.cameras)
    await service.until(lambda: fleet.rtsp.torn_down >= wanted)


async def import_one(data: Path, code: str) -> None:
    row = f"点位名称,点位编号,行政区划\n路口{code},{code},城关镇\n".encode()
    given = {"data": base64.b64encode(row).decode()}
    await control.ask(data / "control.sock", "import", given, deadline=60)


def kept(data: Path, told: list[Told], codes: set[str]) -> None:
    """The database is sound, and holds all that was told."""
    with closing(sqlite3.connect(data / "xueliang.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert codes <= {code for (code,) in db.execute("SELECT code FROM points")}
        rows = set(db.execute("SELECT camera_id, aspect, old, new, cause FROM state_changes"))
        assert set(told) <= rows


def said(service: Served, *words: str) -> bool:
    return any(all(word in line for word in words) for line in service.lines)


def no_mishaps(service: Served) -> None:
    """Nothing that was not foreseen: no traceback, and nothing that the interpreter complains of."""
    first = next((n for n, line in enumerate(service.lines) if "Traceback" in line or "never retrieved" in line), None)
    assert first is None, "\n".join(service.lines[max(0, first - 2) : first + 80])


async def test_a_full_disk(fleet: Fleet, small_disk: Path, tmp_path: Path) -> None:
    data = small_disk / "data"
    config = configuration(fleet, tmp_path / "config", data, DEBUG)
    async with Served(config) as service:
        await all_well(service, data, fleet)
        await import_one(data, "P-1")
        ballast = fill(small_disk)
        await fleet.set_fault(fleet.cameras[0].id, Fault.BLACK, True)
        assert "disk is full" in await not_ready(service)
        await service.until(lambda: said(service, "disk is full"))
        with pytest.raises(XueliangError) as refused:
            await import_one(data, "P-2")
        assert refused.value.kind is Kind.UNAVAILABLE
        await looks_on(service, fleet)
        assert not any(told[3:] == ("fault", "black") for told in service.told), "told, and not on the disk"

        ballast.unlink()
        await ready(service)
        await until_states(service, data, lambda states: ("fault", "black") in states)
        await service.until(lambda: any(told[3:] == ("fault", "black") for told in service.told))
        await import_one(data, "P-3")
        service.process.terminate()
        assert await service.ended(15) == 0
        no_mishaps(service)
    kept(data, service.told, {"P-1", "P-3"})
    with closing(sqlite3.connect(data / "xueliang.sqlite")) as db:
        late = "SELECT count(*) FROM state_changes WHERE aspect = 'state' AND new = 'fault' AND cause = 'black'"
        assert db.execute(late).fetchone() == (1,), "what was found while the disk was full is written down afterwards"
        incident = """SELECT i.kind, i.cause, i.since = s.picture_since FROM incidents i
            JOIN camera_states s ON s.camera_id = i.camera_id WHERE i.state = 'open'"""
        assert db.execute(incident).fetchall() == [("fault", "black", 1)], "and has its incident, with its true start"
    assert (await command("audit", "verify", "--config", str(config)))[0] == 0


async def test_a_disk_gone_read_only(
    fleet: Fleet, failing_disk: tuple[Path, Callable[[], None]], tmp_path: Path
) -> None:
    place, fail = failing_disk
    data = place / "data"
    config = configuration(fleet, tmp_path / "config", data, DEBUG)
    async with Served(config) as service:
        await until_states(service, data, lambda states: ("ok", "") in states)
        await import_one(data, "P-1")
        fail()
        await fleet.set_fault(fleet.cameras[0].id, Fault.BLACK, True)
        assert await not_ready(service)
        with pytest.raises(XueliangError) as refused:
            await import_one(data, "P-2")
        assert refused.value.kind is Kind.UNAVAILABLE
        await looks_on(service, fleet)
        service.process.terminate()
        await service.ended(20)
        no_mishaps(service)
    umount(place)
    mount("-o", "loop", str(tmp_path / "image"), str(place))
    kept(data, service.told, {"P-1"})


async def test_a_start_on_a_read_only_disk_says_so(fleet: Fleet, small_disk: Path, tmp_path: Path) -> None:
    data = small_disk / "data"
    config = configuration(fleet, tmp_path / "config", data)
    assert (await command("migrate", "--config", str(config)))[0] == 0
    mount("-o", "remount,ro", str(small_disk))
    code, out, err = await command("serve", "--config", str(config))
    assert (code, out) == (1, "")
    assert "ead-only" in err or "readonly" in err
    assert str(data) in err
    assert "Traceback" not in err


def sessions(fleet: Fleet) -> int:
    return sum(device.sessions for device in fleet.devices)


@asynccontextmanager
async def in_the_middle(fleet: Fleet, folder: Path) -> AsyncIterator[Served]:
    """With sessions at cameras that send packets and never a keyframe, and so hold them open for seconds."""
    config = configuration(fleet, folder / "config", folder / "data")
    for camera in fleet.cameras:
        await fleet.set_fault(camera.id, Fault.NO_KEYFRAME, True)
    async with Served(config) as service:
        async with asyncio.timeout(30):
            while not sessions(fleet):
                await get(service.url, "/healthz")
        yield service


async def test_the_end_closes_every_session(fleet: Fleet, tmp_path: Path) -> None:
    async with in_the_middle(fleet, tmp_path) as service:
        dropped = fleet.rtsp.dropped
        service.process.send_signal(signal.SIGTERM)
        assert await service.ended(15) == 0
    assert (sessions(fleet), fleet.rtsp.dropped - dropped) == (0, 0)
    assert not (tmp_path / "data" / "control.sock").exists()


async def test_a_second_signal_ends_it_at_once(fleet: Fleet, tmp_path: Path) -> None:
    async with in_the_middle(fleet, tmp_path) as service:
        service.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            while (await get(service.url, "/readyz"))[0] == 200:
                pass
        service.process.send_signal(signal.SIGTERM)
        assert await service.ended(3) == 1
    with closing(sqlite3.connect(tmp_path / "data" / "xueliang.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
