"""Wiring: two hundred viewers within five seconds, and a service that is killed: trials of the whole service.

The crowd is a process of its own: true ICE, DTLS and SRTP, each one's first picture unprotected and put together.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from center.live_views import LiveViews
from config.scope import Role as Duty
from streaming.view_state import STALL_SECONDS
from tests.streaming.trials import LIVE, Outcome, Trial
from tests.support.api_rig import Answered, Client
from tests.support.light_viewers import LightViewers, light_viewers
from tests.support.live_rig import SDP, LiveRig, live
from tests.support.relay_rig import Peer, drawn, peer
from tests.support.served import Served, configuration, small_fleet, token

ASKED_AGAIN = 10
#: As many a second as two hundred within five.
A_SECOND = 40.0
#: Nobody waits longer than a page does before it says so.
HANGS_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """Seconds from each viewer's asking to its first picture, the longest gap between two packets afterwards, and who
    was told to be full (``who``, open, at most, seconds until the answer)."""

    first: tuple[float, ...]
    gap: float
    refused: tuple[tuple[str, int, int, float], ...]

    def share(self, part: float) -> float:
        return sorted(self.first)[round(part * (len(self.first) - 1))]


async def whep(client: Client, camera: int, offer: str, number: int) -> Answered:
    """From an address of the viewer's own: those of one address together may hold a few connections only."""
    host, _, port = client.url.removeprefix("http://").rpartition(":")
    body, own = offer.encode(), f"127.0.{1 + number // 250}.{1 + number % 250}"
    lines = (
        f"POST /whep/camera-{camera} HTTP/1.1",
        f"host: {host}:{port}",
        "connection: close",
        f"authorization: Bearer {client.token}",
        f"content-type: {SDP}",
        f"content-length: {len(body)}",
    )
    async with asyncio.timeout(HANGS_SECONDS):
        reader, writer = await asyncio.open_connection(host, int(port), local_addr=(own, 0))
        try:
            writer.write("\r\n".join((*lines, "", "")).encode() + body)
            received = await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()
    head, _, text = received.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    return Answered(int(first.split()[1]), {n.lower(): v for n, _, v in (line.partition(": ") for line in rest)}, text)


async def arrives(viewers: LightViewers, client: Client, camera: int) -> int:
    """Its number, once it has its first picture."""
    number, offer = await viewers.offer()
    for _ in range(ASKED_AGAIN):
        answered = await whep(client, camera, offer, number)
        if answered.status != 409:  # a machine with no time to spare starves virtual cameras as well
            break
    assert answered.status == 201, answered
    viewers.answer(number, answered.body.decode())
    heard = await viewers.until(number, "first", "failed", seconds=HANGS_SECONDS)
    assert "first" in heard, heard
    return number


async def all_arrive(viewers: LightViewers, screens: list[Client], count: int, most: int) -> list[int]:
    """Evenly over ``count / A_SECOND`` seconds; half of them look at each of two cameras."""
    loop = asyncio.get_running_loop()
    began, arriving = loop.time(), []
    for number in range(count):
        due = asyncio.Event()
        loop.call_at(began + number / A_SECOND, due.set)
        await due.wait()
        arriving.append(asyncio.create_task(arrives(viewers, screens[number // most], number % 2)))
    return await asyncio.gather(*arriving)


async def is_told(viewers: LightViewers, client: Client, camera: int) -> tuple[str, int, int, float]:
    number, offer = await viewers.offer()
    began = asyncio.get_running_loop().time()
    answered = await whep(client, camera, offer, number)
    took = asyncio.get_running_loop().time() - began
    assert (answered.status, answered.code) == (503, "view_limit"), answered
    assert int(answered.headers["retry-after"]) > 0
    await viewers.leave(number)
    return answered.json["who"], answered.json["open"], answered.json["max"], took


async def crowd(cache: Path, count: int) -> Crowd:
    """``count`` viewers of two cameras: as many as the limits let in. Then one more for each limit."""
    most = {"max_viewers": count, "max_per_camera": count // 2, "max_per_account": count * 8 // 25, "open_seconds": 15}
    with tempfile.TemporaryDirectory() as folder:
        async with live(Path(folder), cache, streaming=most, cameras=3) as town, light_viewers() as viewers:
            await drawn(town.fleet)
            screens = [await _screen(town, number) for number in range(5)]
            numbers = await all_arrive(viewers, screens, count, most["max_per_account"])
            relay = town.views.relay
            assert relay.capacity.total == count
            assert len(relay.streams()) == 2
            refused = (
                await is_told(viewers, screens[4], 0),
                await is_told(viewers, screens[0], 2),
                await is_told(viewers, screens[4], 2),
            )
            heard = [await viewers.leave(number) for number in numbers]
            await town.until(lambda: not relay.shown(), 15)
            _nothing_left(town.views)
            return Crowd(tuple(float(h["first"]) for h in heard), max(float(h["gap"]) for h in heard), refused)


async def _screen(town: LiveRig, number: int) -> Client:
    return await town.rig.token(f"screen-{number}", Duty.SCREEN, area="town")


def _nothing_left(views: LiveViews) -> None:
    assert views.relay.capacity.total == 0
    assert not views.relay.capacity.cameras


async def killed(cache: Path) -> Outcome:
    """kill -9, and started again at once as a supervisor does. The page gives its tile up after
    :data:`~streaming.view_state.STALL_SECONDS` without a picture, and asks for a new view until it has one."""
    fleet, loop = small_fleet(cache), asyncio.get_running_loop()
    await fleet.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            more = {"streaming": {"ice_port_range": "0"}, "service": {"listen": f"127.0.0.1:{_free_port()}"}}
            config = configuration(fleet, Path(folder) / "etc", Path(folder) / "data", more)
            async with Served(config) as service, peer() as viewer:
                await service.until(lambda: any(told[1:4:2] == ("state", "ok") for told in service.told))
                camera = next(told[0] for told in service.told if told[1] == "state" and told[3] == "ok")
                screen = await token(service, "screen", "screen")
                assert await _opens(screen, camera, viewer) == 201
                await viewer.frame()
                last = loop.time()
                service.process.send_signal(signal.SIGKILL)
                await service.ended()
                async with Served(config) as again:
                    serving, first = loop.time() - last, await _again(screen, camera, last)
                    note = f"serving again after {serving:.1f} s; {await _on_record(again)}"
        return Outcome((LIVE,), first - last, first - last, note)
    finally:
        await fleet.stop()


async def _again(screen: Client, camera: str, last: float) -> float:
    """When the first picture of a new view was decoded."""
    loop, stale = asyncio.get_running_loop(), asyncio.Event()
    loop.call_at(last + STALL_SECONDS, stale.set)
    await stale.wait()
    async with asyncio.timeout(60):
        while True:
            async with peer() as viewer:
                if await _opens(screen, camera, viewer) == 201:
                    await viewer.frame()
                    return loop.time()


async def _opens(screen: Client, camera: str, viewer: Peer) -> int:
    """The status; the view connects where it is 201."""
    answered = await screen.send("POST", f"/whep/{camera}", None, (await viewer.offer()).encode(), content_type=SDP)
    if answered.status == 201:
        await viewer.answer(answered.body.decode())
    return answered.status


async def _on_record(service: Served) -> str:
    auditor = await token(service, "inspector", "auditor")
    rows = (await auditor.get("/api/v1/views")).json["items"]
    reasons = [row["reason"] for row in rows if row["moment"] == "end"]
    assert reasons[-1] == "service restarted", rows
    return f"the old view's end is on record as `{reasons[-1]}`"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def crowded(cache: Path, count: int = 200) -> Outcome:
    """As a row of the page."""
    seen = await crowd(cache, count)
    told = ", ".join(f"{who} {open_} of {most}" for who, open_, most, _ in seen.refused)
    slowest = max(took for *_, took in seen.refused)
    note = (
        f"{count} of {count} have a picture: median {1000 * seen.share(0.5):.0f} ms, p95 {1000 * seen.share(0.95):.0f} "
        f"ms; one more is told 503 within {1000 * slowest:.0f} ms ({told})"
    )
    return Outcome((LIVE,), max(seen.first), seen.gap, note)


SERVICE_TRIALS = (
    Trial("200 viewers arrive within 5 s", crowded, back=10.0, still=5.0, long=True),
    Trial("the service is killed (kill -9) and started again", killed, back=30.0, still=30.0, long=True),
)
