"""Every UDP socket of a viewer lies in ``ice_port_range``; the range's end is a refusal that says who is full."""

from __future__ import annotations

from pathlib import Path

from tests.support.live_rig import LiveRig, live
from tests.support.relay_rig import peer
from tests.support.udp_ports import own_ports

#: Above what the system gives out by itself: nobody else has these.
LOW, HIGH = 61810, 61812


async def _open(town: LiveRig, offer: str) -> tuple[int, str, str]:
    """(status, place or code, ticket)"""
    ticket = await town.ticket()
    answered = await town.whep("POST", "/whep/camera-0", ticket, offer)
    if answered.status == 201:
        return 201, answered.headers["location"], ticket
    assert answered.json["who"] == "service"
    assert int(answered.headers["retry-after"]) > 0
    return answered.status, answered.code, ticket


async def test_the_range_is_held_and_its_end_is_said(tmp_path: Path, clips: Path) -> None:
    async with live(tmp_path, clips, streaming={"ice_port_range": f"{LOW}-{HIGH}"}) as town, peer() as viewer:
        offer = await viewer.offer()
        before = own_ports()
        opened = [await _open(town, offer) for _ in range(3)]
        assert [status for status, _, _ in opened] == [201] * 3
        assert own_ports() - before == set(range(LOW, HIGH + 1))

        assert (await _open(town, offer))[:2] == (503, "view_limit")
        assert own_ports() - before == set(range(LOW, HIGH + 1))
        assert town.views.relay.capacity.total == 3

        for _, place, ticket in opened:
            assert (await town.whep("DELETE", place, ticket)).status == 200
        assert own_ports() == before
        assert (await _open(town, offer))[0] == 201
        assert own_ports() - before <= set(range(LOW, HIGH + 1))
