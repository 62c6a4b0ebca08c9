"""Chromium before our WHEP: main-profile H.264 of two servers decoded, an independent client, and relayed packets.

One browser for all of them: its start costs more than the tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.interop.matrix import PASSWORD, USER
from tests.interop.viewers import BY_COTURN, MAIN, MAIN_GST, Expected, in_chromium, in_client, load_client
from tests.peers.setup import page_file
from tests.support import peers
from tests.support.chromium import Browser, chromium, page_at
from tests.support.coturn import coturn
from tests.support.live_rig import LiveRig, live

pytestmark = [pytest.mark.peer, pytest.mark.asyncio(loop_scope="module")]

#: What coturn sends from; nothing else in these tests has this address.
RELAY = "127.0.0.7"


@dataclass
class World:
    town: LiveRig
    browser: Any
    page: Browser


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, Any]]:
    try:
        with peers.running(peers.gst_rtsp({}, USER, PASSWORD), hint=peers.HINTS["gst"]) as ready:
            yield ready
    except peers.PeerMissing as reason:
        peers.missing(str(reason))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(server: dict[str, Any], clips: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with live(tmp_path_factory.mktemp("live"), clips, gop=2.0) as town, chromium() as browser:
        await town.add("camera-1", f"rtsp://127.0.0.1:{server['open']}/h264-main")
        yield World(town, browser, await page_at(browser, town.rig.url))


@pytest.mark.parametrize("wanted", [MAIN, MAIN_GST], ids=lambda wanted: str(wanted.source))
async def test_decoded_frames_advance(world: World, wanted: Expected) -> None:
    seen = await in_chromium(world.page, world.town, wanted)
    assert seen.faults == (), seen


async def test_an_independent_client_opens_trickles_switches_and_ends(world: World) -> None:
    file = page_file("whip-whep")
    if not file.exists():
        peers.missing("no whip-whep in .peers (python -m tests.peers.setup whip-whep)")
    await load_client(world.page, file.read_text("utf-8"))
    seen = await in_client(world.page, world.town, MAIN)
    assert seen.faults == (), seen
    await world.town.until(lambda: world.town.ends())
    assert (await world.town.ends())[-1] in ("left", "ended")


@pytest.mark.parametrize(("networks", "reaches"), [([f"{RELAY}/32"], True), (["127.0.0.8/32"], False)])
async def test_relayed_packets_are_let_in_by_the_relays_address(
    world: World, clips: Path, tmp_path: Path, networks: list[str], reaches: bool
) -> None:
    """The relay stands for its viewer: its address must be in ``viewer_networks``, the viewer's own need not be."""
    rules = {"viewer_networks": networks, "connect_seconds": 2}
    try:
        async with coturn(RELAY) as turn, live(tmp_path, clips, streaming=rules) as town:
            page = await page_at(world.browser, town.rig.url)
            if reaches:
                seen = await in_chromium(page, town, MAIN, BY_COTURN, **turn.for_a_page)
                assert seen.faults == (), seen
            else:
                assert await page.open("tile", "/whep/camera-0", await town.ticket(), **turn.for_a_page) == 201
                await town.until(lambda: town.ends())
                assert await town.ends() == ["no way through"]
                assert (await page.facts("tile"))["frames"] == 0
            await page.page.close()
    except peers.PeerMissing as reason:
        peers.missing(str(reason))
