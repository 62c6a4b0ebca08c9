"""Live pictures of a whole service, as a process: opened by a token, cut by its death, on record after its return."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from tests.support.api_rig import Answered, Client
from tests.support.relay_rig import Peer, peer
from tests.support.served import Served, configuration, small_fleet, token

SDP = "application/sdp"


async def opened(client: Client, camera: str, viewer: Peer) -> Answered:
    answered = await client.send("POST", f"/whep/{camera}", None, (await viewer.offer()).encode(), content_type=SDP)
    if answered.status == 201:
        await viewer.answer(answered.body.decode())
    return answered


async def test_a_service_that_is_killed_while_somebody_looks(tmp_path: Path, clips: Path) -> None:
    fleet = small_fleet(clips)
    await fleet.start()
    try:
        config = configuration(fleet, tmp_path / "etc", tmp_path / "data", {"streaming": {"ice_port_range": "0"}})
        async with Served(config) as service:
            await service.until(lambda: any(told[1:4:2] == ("state", "ok") for told in service.told))
            camera = next(told[0] for told in service.told if told[1] == "state" and told[3] == "ok")
            screen = await token(service, "screen", "screen")
            async with peer() as viewer:
                answered = await opened(screen, camera, viewer)
                assert answered.status == 201, answered.body
                first, second = await viewer.frame(), await viewer.frame()
                assert second.pts > first.pts
                service.process.send_signal(signal.SIGKILL)
                await service.ended()
        async with Served(config) as service:
            screen = Client(service.url, token=screen.token, browser=False)
            auditor = await token(service, "inspector", "auditor")
            rows = (await auditor.get("/api/v1/views")).json["items"]
            assert [(row["moment"], row["reason"]) for row in rows] == [("end", "service restarted"), ("begin", None)]
            async with asyncio.timeout(30), peer() as viewer:
                while (answered := await opened(screen, camera, viewer)).status != 201:
                    assert answered.status in (409, 503), answered.body  # its first look at the cameras is under way
                await viewer.frame()
                service.process.send_signal(signal.SIGTERM)
                assert await service.ended() == 0
        async with Served(config) as service:
            auditor = Client(service.url, token=auditor.token, browser=False)
            rows = (await auditor.get("/api/v1/views")).json["items"]
            assert rows[0]["moment"] == "end"
            assert rows[0]["reason"] == "service stopping"
    finally:
        await fleet.stop()
