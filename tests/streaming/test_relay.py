"""The relay over true sockets: virtual cameras on one side, an aiortc peer that decodes on the other."""

from __future__ import annotations

import asyncio
import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from camera_gateway.simulator.faults import Fault
from config.errors import Kind, XueliangError
from streaming.candidate import PeerRules
from streaming.capacity import Most
from streaming.relay import RelayRules
from streaming.session import SessionRules
from streaming.view_state import End, ViewState
from streaming.webrtc.network import IceNetwork
from tests.support.relay_rig import peer, rig

pytestmark = pytest.mark.usefixtures("no_leaks")


async def test_decoded_frames_advance(clips: Path) -> None:
    async with rig(clips) as made, peer() as viewer:
        await viewer.watch(made)
        first = await viewer.frame()
        for _ in range(10):
            last = await viewer.frame()
        assert (first.width, first.height) == (640, 360)
        assert last.pts > first.pts


async def test_a_camera_that_is_away_is_told_also_to_the_next_viewer(clips: Path) -> None:
    async with rig(clips, rules=RelayRules(open=1.0)) as made, peer() as viewer, peer() as second:
        await viewer.watch(made)
        await viewer.frame()
        await made.fleet.set_fault(made.fleet.cameras[0].id, Fault.REFUSED, True)
        await made.until(lambda: made.relay.shown()[0].state is ViewState.OFFLINE, 15)
        with pytest.raises(XueliangError) as caught:
            await made.relay.open(made.asked(), await second.offer())
        assert (caught.value.kind, caught.value.facts["reason"]) == (Kind.CONFLICT, "refused")
        assert made.relay.capacity.total == 1


async def test_a_full_session_table_of_the_camera_is_said(clips: Path) -> None:
    async with rig(clips, rules=RelayRules(open=1.0)) as made, peer() as viewer:
        await made.fleet.set_fault(made.fleet.cameras[0].id, Fault.SESSION_LIMIT, True)
        with pytest.raises(XueliangError) as caught:
            await made.relay.open(made.asked(), await viewer.offer())
        assert (caught.value.kind, caught.value.facts["who"]) == (Kind.LIMIT, "camera")


async def test_ports_of_the_range_are_used_and_no_others(clips: Path) -> None:
    network = IceNetwork(("127.0.0.1",), ("203.0.113.7",), (43_100, 43_101))
    async with rig(clips, network=network) as made:
        places = set()
        for _ in range(2):
            async with peer() as viewer:
                opened = await made.relay.open(made.asked(), await viewer.offer())
            found = re.search(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", opened.answer)
            assert found is not None
            places.add((found[1], int(found[2])))
        assert places == {("203.0.113.7", 43_100), ("203.0.113.7", 43_101)}
        async with peer() as viewer:
            with pytest.raises(XueliangError) as caught:
                await made.relay.open(made.asked(), await viewer.offer())
        assert (caught.value.kind, caught.value.facts["who"]) == (Kind.LIMIT, "service")
        assert made.relay.capacity.total == 2


@pytest.mark.parametrize(("networks", "shown"), [(("0.0.0.0/0",), True), (("203.0.113.0/24",), False)])
async def test_only_viewers_of_the_networks_get_through(clips: Path, networks: tuple[str, ...], shown: bool) -> None:
    rules = PeerRules(tuple(ip_network(n) for n in networks))
    network, limits = IceNetwork(("127.0.0.1",), rules=rules), RelayRules(session=SessionRules(connect=1.0))
    async with rig(clips, network=network, rules=limits) as made, peer() as viewer:
        await viewer.watch(made)
        if shown:
            await viewer.frame()
        else:
            await made.until(lambda: made.ended != [])
            assert made.ended[0][1] == "no way through"


async def test_limits_say_who_is_full(clips: Path) -> None:
    for most, who in ((Most(service=1), "service"), (Most(account=1), "account"), (Most(camera=1), "camera")):
        async with rig(clips, rules=RelayRules(most=most)) as made, peer() as viewer:
            text = await viewer.offer()
            await made.relay.open(made.asked(), text)
            with pytest.raises(XueliangError) as caught:
                await made.relay.open(made.asked(), text)
            facts = caught.value.facts
            assert (facts["who"], facts["open"], facts["max"]) == (who, 1, 1)
            if who == "account":
                await made.relay.open(made.asked(account="wang"), text)


async def test_a_view_that_is_ended_while_it_opens_takes_no_place(clips: Path) -> None:
    async with rig(clips) as made, peer() as viewer:
        asked, text = made.asked(), await viewer.offer()
        opening = asyncio.create_task(made.relay.open(asked, text))
        await made.until(lambda: made.relay._sessions != {} or opening.done())
        made.relay.end_view(asked.view_id, End.WITHDRAWN)
        results = await asyncio.gather(opening, return_exceptions=True)
        assert isinstance(results[0], XueliangError) or made.ended != []
        assert made.relay.capacity.total == 0
