"""Wiring: every viewer of our relay that can be had here, looked through once; for the table of the page."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from streaming.webrtc.ice import own_addresses
from tests.interop import viewers
from tests.interop.matrix import PASSWORD, USER
from tests.interop.viewers import MAIN, MAIN_GST, VIEWS, Seen, View
from tests.peers.setup import page_file
from tests.support import coturn, nat_world, peers
from tests.support.chromium import chromium, page_at
from tests.support.live_rig import LiveRig, live

#: What coturn sends from; nothing else here has this address.
RELAY = "127.0.0.7"


async def rows(folder: Path) -> tuple[list[Seen], dict[str, str]]:
    """In the order of ``VIEWS``, failures and absences included; and the versions of what took part."""
    found: dict[View, Seen] = {}
    versions = {viewers.AIORTC: version("aiortc")}
    clips = folder / "clips"
    clips.mkdir()
    for part in (_browser, _programs, _relayed, _routers):
        own = folder / part.__name__
        own.mkdir()
        try:
            await part(own, clips, found, versions)
        except (peers.PeerMissing, pytest.skip.Exception, pytest.fail.Exception) as reason:
            told = f"not tried: {reason}"
            for view in VIEWS:
                if view.part == part.__name__.removeprefix("_") and view not in found:
                    found[view] = Seen(view.who, view.source, view.how, told, (told,))
    for package in ("coturn", "nftables"):
        versions[package] = peers.version_of(["dpkg-query", "-W", "-f", "${Version}", package])
    return [found[view] for view in VIEWS], versions


def _keep(found: dict[View, Seen], seen: Seen) -> None:
    view = next(one for one in VIEWS if (one.who, one.source, one.how) == (seen.who, seen.source, seen.how))
    found[view] = seen


async def _tried(found: dict[View, Seen], view: View, look: Callable[[], Awaitable[Seen]]) -> None:
    """A picture that never came is a row, not the end of the page."""
    try:
        _keep(found, await look())
    except Exception as error:  # whatever a browser's driver raises is what came of it
        told = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no picture'}"
        found[view] = Seen(view.who, view.source, view.how, told, (told,))


def _view(who: str, source: str, how: str) -> View:
    return next(one for one in VIEWS if (one.who, one.source, one.how) == (who, source, how))


async def _browser(folder: Path, clips: Path, found: dict[View, Seen], versions: dict[str, str]) -> None:
    client = page_file("whip-whep")
    with peers.running(peers.gst_rtsp({}, USER, PASSWORD), hint=peers.HINTS["gst"]) as server:
        async with live(folder, clips, gop=2.0) as town, chromium() as browser:
            await town.add("camera-1", f"rtsp://127.0.0.1:{server['open']}/h264-main")
            versions[viewers.CHROMIUM] = browser.version
            page = await page_at(browser, town.rig.url)
            for wanted in (MAIN, MAIN_GST):
                view = _view(viewers.CHROMIUM, wanted.source, viewers.DIRECTLY)
                await _tried(found, view, lambda wanted=wanted: viewers.in_chromium(page, town, wanted))  # type: ignore[misc]
            async with coturn.coturn(RELAY) as turn, _behind(turn, folder, clips) as inside:
                other = await page_at(browser, inside.rig.url)
                view = _view(viewers.CHROMIUM, viewers.FLEET, viewers.BY_COTURN)
                more: dict[str, Any] = turn.for_a_page
                await _tried(found, view, lambda: viewers.in_chromium(other, inside, MAIN, viewers.BY_COTURN, **more))
            if not client.exists():
                raise peers.PeerMissing("no whip-whep in .peers (python -m tests.peers.setup whip-whep)")
            versions["whip-whep"] = viewers.client_version()
            await viewers.load_client(page, client.read_text("utf-8"))
            view = _view(viewers.CLIENT, viewers.FLEET, viewers.DIRECTLY)
            await _tried(found, view, lambda: viewers.in_client(page, town, MAIN))


@asynccontextmanager
async def _behind(turn: coturn.Turnserver, folder: Path, clips: Path) -> AsyncIterator[LiveRig]:
    """A service that lets in nobody but the relay."""
    own = folder / "relayed"
    own.mkdir()
    async with live(own, clips, streaming={"viewer_networks": [f"{turn.relay}/32"]}) as town:
        yield town


async def _programs(folder: Path, clips: Path, found: dict[View, Seen], versions: dict[str, str]) -> None:
    async with live(folder, clips) as town:
        view = _view(viewers.AIORTC, viewers.FLEET, viewers.DIRECTLY)
        await _tried(found, view, lambda: viewers.in_aiortc(town, MAIN))
        seen, said = await viewers.in_webrtcbin(town, MAIN)
        _keep(found, seen)
        versions[viewers.WEBRTCBIN] = said


async def _relayed(folder: Path, clips: Path, found: dict[View, Seen], versions: dict[str, str]) -> None:
    async with coturn.coturn(RELAY) as turn:
        networks = [f"{address}/32" for address in own_addresses() if ":" not in address]
        ours = {"turn_url": turn.url, "turn_user": coturn.USER, "turn_password": coturn.PASSWORD, "relay_only": True}
        async with live(folder, clips, streaming={**ours, "viewer_networks": networks}) as town:
            view = _view(viewers.AIORTC, viewers.FLEET, viewers.LEAVING_BY_COTURN)
            await _tried(found, view, lambda: viewers.in_aiortc(town, MAIN, viewers.LEAVING_BY_COTURN))


async def _routers(folder: Path, clips: Path, found: dict[View, Seen], versions: dict[str, str]) -> None:
    command = nat_world.command(str(clips))
    done = await asyncio.to_thread(subprocess.run, command, cwd=peers.ROOT, capture_output=True, timeout=120)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise peers.PeerMissing(said[-1] if said else "no networks of one's own")
    told: dict[str, dict[str, Any]] = json.loads(done.stdout)
    for scenario, how in (("snat", viewers.BEHIND_SNAT), ("one-to-one", viewers.ONE_TO_ONE)):
        viewer, ports = told[scenario]["viewer"], told[scenario]["ports"]
        low, high = nat_world.PORTS
        held = bool(ports) and all(low <= port <= high for port in ports)
        outcome = f"{viewer['width']}x{viewer['height']}, {viewer['frames']} frames decoded, ports within {low}-{high}"
        wrong = () if held and viewer["ended"] == 200 else (f"ports {ports}, DELETE {viewer['ended']}",)
        _keep(found, Seen(viewers.AIORTC, viewers.FLEET, how, outcome, wrong))
