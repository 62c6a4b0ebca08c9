"""Viewers that are no browsers before our WHEP: GStreamer's webrtcbin, and aiortc through a TURN server of ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streaming.webrtc.ice import own_addresses
from tests.interop.viewers import LEAVING_BY_COTURN, MAIN, in_aiortc, in_webrtcbin
from tests.support import peers
from tests.support.coturn import PASSWORD, USER, coturn
from tests.support.live_rig import live
from tests.support.relay_rig import peer

pytestmark = pytest.mark.peer

#: What coturn sends from; nothing else in these tests has this address.
RELAY = "127.0.0.7"


async def test_webrtcbin_decodes_reports_and_ends(tmp_path: Path, clips: Path) -> None:
    async with live(tmp_path, clips) as town:
        try:
            seen, _ = await in_webrtcbin(town, MAIN)
        except peers.PeerMissing as reason:
            peers.missing(str(reason))
        assert seen.faults == (), seen
        await town.until(town.ends)
        assert await town.ends() == ["ended"]


async def test_aiortc_decodes_reports_and_ends(tmp_path: Path, clips: Path) -> None:
    async with live(tmp_path, clips) as town:
        seen = await in_aiortc(town, MAIN)
        assert seen.faults == (), seen
        await town.until(town.ends)
        assert await town.ends() == ["ended"]


async def test_pictures_leave_through_our_turn_server_alone(tmp_path: Path, clips: Path) -> None:
    """``relay_only``: no candidate but the TURN server's is told, and the viewer reports through it. A TURN server lets
    in whom it was told of: the viewer must be in ``viewer_networks``."""
    try:
        async with coturn(RELAY) as turn:
            ours = {"turn_url": turn.url, "turn_user": USER, "turn_password": PASSWORD, "relay_only": True}
            viewers = [f"{address}/32" for address in own_addresses() if ":" not in address]
            async with live(tmp_path, clips, streaming={**ours, "viewer_networks": viewers}) as town:
                async with peer() as viewer:
                    ticket = await town.ticket()
                    answered = await town.whep("POST", "/whep/camera-0", ticket, await viewer.offer())
                    told = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) \d+ typ (\w+)", answered.body.decode())
                    assert told == [(RELAY, "relay")]
                    await town.whep("DELETE", answered.headers["location"], ticket)
                seen = await in_aiortc(town, MAIN, LEAVING_BY_COTURN)
                assert seen.faults == (), seen
    except peers.PeerMissing as reason:
        peers.missing(str(reason))
