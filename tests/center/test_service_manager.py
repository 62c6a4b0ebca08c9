"""What a service manager hears of us, over real sockets, and what stays away when something stands still."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from center.service_manager import ServiceManager
from config.clock import ManualClock

Listening = Callable[[], tuple[str, socket.socket]]


@pytest.fixture(params=["path", "abstract", "long path"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The address as ``$NOTIFY_SOCKET`` has it, and where it is heard."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as heard:
        if request.param == "abstract":
            address = f"@xueliang-test-{os.getpid()}"
            heard.bind("\0" + address[1:])
        else:
            # 107 bytes is the longest there is.
            folder = Path("/tmp") if request.param == "path" else tmp_path
            address = str(folder / f"n{os.getpid()}").ljust(107 if request.param == "long path" else 0, "x")
            if len(address) > 107:
                pytest.skip("the folder for temporary files lies too deep for a socket")
            heard.bind(address)
        heard.setblocking(False)
        try:
            yield address, heard
        finally:
            if not address.startswith("@"):
                Path(address).unlink()


def said(heard: socket.socket) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    while True:
        try:
            lines = heard.recv(4096).decode().splitlines()
        except BlockingIOError:
            return found
        found.append(dict(line.split("=", 1) for line in lines))


def test_ready_and_stopping(manager: tuple[str, socket.socket]) -> None:
    address, heard = manager
    told = ServiceManager({"NOTIFY_SOCKET": address}, ManualClock())
    told.ready("serving https://town.example\nREADY=0")
    told.stopping(25)
    assert said(heard) == [
        {"READY": "1", "STATUS": "serving https://town.example READY=0"},
        {"STOPPING": "1", "STATUS": "stopping", "EXTEND_TIMEOUT_USEC": "25000000"},
    ]


async def test_pings_come_thrice_in_the_span_and_only_while_all_turns(manager: tuple[str, socket.socket]) -> None:
    address, heard = manager
    clock, still = ManualClock(), [""]
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    told = ServiceManager(environment, clock)
    watch = asyncio.create_task(told.watch(lambda: still[0], lambda: "serving"))
    await clock.advance(30)
    assert said(heard) == [{"WATCHDOG": "1", "STATUS": "serving"}] * 4
    still[0] = "checking is 130 s behind"
    await clock.advance(20)
    assert said(heard) == [{"STATUS": "standing still: checking is 130 s behind"}] * 2
    still[0] = ""
    await clock.advance(10)
    assert said(heard) == [{"WATCHDOG": "1", "STATUS": "serving"}]
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "30000000"},
        {"NOTIFY_SOCKET": "@nobody", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
        {"NOTIFY_SOCKET": "@nobody", "WATCHDOG_USEC": "often"},
        {"NOTIFY_SOCKET": "@nobody"},
    ],
)
async def test_nobody_asks_for_pings(environment: dict[str, str]) -> None:
    told = ServiceManager(environment, ManualClock())
    assert told.ping_seconds == 0
    watch = asyncio.create_task(told.watch(lambda: "nobody asks", lambda: "nobody asks"))
    await asyncio.sleep(0)
    assert not watch.done()
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


@pytest.mark.parametrize("address", ["@nobody-is-here", "/nowhere/notify", "relative", "/" + "x" * 200, "a\0b"])
def test_a_manager_that_hears_nothing_ends_nothing(address: str, caplog: pytest.LogCaptureFixture) -> None:
    ServiceManager({"NOTIFY_SOCKET": address}, ManualClock()).ready("serving")
    assert "the service manager hears nothing" in caplog.text
