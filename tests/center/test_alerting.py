"""The whole service: a camera that refuses becomes an incident and a signed message; a recorder's two become one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.fleet import Fleet
from center.serving import running
from config.clock import SystemClock
from config.settings import Settings
from tests.center.test_serving import Watching, fast, network  # noqa: F401  (a fixture is found by name)
from tests.support.receiver import SECRET, Got, Receiver, receiving


class Mailbox:
    """Waits for messages without looking at a clock."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._news = asyncio.Event()
        receiver.on_message = lambda got: self._news.set()

    async def until(self, number: int, seconds: float = 90) -> list[Got]:
        try:
            async with asyncio.timeout(seconds):
                while len(self._receiver.got) < number:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pytest.fail(f"{len(self._receiver.got)} messages of {number} came: {self._receiver.got}")
        return self._receiver.got


@pytest.mark.usefixtures("no_leaks")
async def test_a_fault_is_told_and_its_end(network: Fleet, tmp_path: Path) -> None:  # noqa: F811
    async with receiving(SystemClock().now) as receiver:
        mailbox = Mailbox(receiver)
        told = {"name": "hook", "url": f"http://127.0.0.1:{receiver.port}/", "secret": SECRET}
        alerts = {"wait_seconds": 3, "most_wait_seconds": 30, "allow_loopback": True, "destinations": [told]}
        settings = Settings.model_validate({**fast(network, tmp_path), "alerts": alerts})
        watching = Watching()
        async with running(settings, hears=watching):
            await watching.until({("ok", ""): 4})
            channels = [camera.id for camera in network.cameras if camera.recorder is not None]
            await asyncio.gather(*(network.set_fault(camera, Fault.REFUSED, True) for camera in channels))
            (firing,) = await mailbox.until(1)
            await asyncio.gather(*(network.set_fault(camera, Fault.REFUSED, False) for camera in channels))
            resolved = (await mailbox.until(2))[1]
        assert len(receiver.got) == 2
    assert (firing.content["event"], resolved.content["event"]) == ("firing", "resolved")
    assert firing.content["group"]["kind"] == "recorder"
    assert firing.content["cameras"] == 2
    assert firing.content["cause"] == "refused"
    assert firing.content["incident_id"] == resolved.content["incident_id"]
    assert firing.content["link"].startswith("http://127.0.0.1:0/incidents/")
