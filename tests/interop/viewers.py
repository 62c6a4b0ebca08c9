"""Edge: somebody else's viewer of our relay; what it decoded, and everything about it that is not as it must be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.async_api import TimeoutError as PageTimeout

from tests.peers.setup import KNOWN
from tests.support.chromium import Browser
from tests.support.live_rig import LiveRig
from tests.support.peers import ROOT, SYSTEM_PYTHON, PeerMissing
from tests.support.relay_rig import peer

CHROMIUM = "Chromium"
CLIENT = "whip-whep (npm) in Chromium"
WEBRTCBIN = "GStreamer webrtcbin"
AIORTC = "aiortc"

FLEET, GST = "our virtual fleet", "gst-rtsp-server"
DIRECTLY, BY_COTURN, LEAVING_BY_COTURN = "directly", "viewer relayed by coturn", "service relayed by coturn"
BEHIND_SNAT, ONE_TO_ONE = "viewer behind SNAT", "service behind 1:1 NAT"
HINT_WEBRTCBIN = (
    "the system's Python has no webrtcbin (Debian: gir1.2-gst-plugins-bad-1.0, gstreamer1.0-plugins-bad, "
    "gstreamer1.0-nice)"
)
#: RFC 6184 section 8.1: profile_idc of what is sent, whatever the answer calls it.
_PROFILES = {66: "Baseline", 77: "Main", 100: "High"}
_SPS, _STAP_A = 7, 24


@dataclass(frozen=True, slots=True)
class Expected:
    """A picture to be seen: ``camera`` is its number in the rig."""

    source: str
    camera: int
    profile: str
    width: int
    height: int


MAIN = Expected(FLEET, 0, "Main", 640, 360)
MAIN_GST = Expected(GST, 1, "Main", 1280, 720)


@dataclass(frozen=True, slots=True)
class View:
    """Who looks at whose picture, and by what way; ``part`` is what has to be there for it."""

    who: str
    source: str
    how: str
    part: str


VIEWS = (
    View(CHROMIUM, FLEET, DIRECTLY, "browser"),
    View(CHROMIUM, GST, DIRECTLY, "browser"),
    View(CHROMIUM, FLEET, BY_COTURN, "browser"),
    View(CLIENT, FLEET, DIRECTLY, "browser"),
    View(WEBRTCBIN, FLEET, DIRECTLY, "programs"),
    View(AIORTC, FLEET, DIRECTLY, "programs"),
    View(AIORTC, FLEET, LEAVING_BY_COTURN, "relayed"),
    View(AIORTC, FLEET, BEHIND_SNAT, "routers"),
    View(AIORTC, FLEET, ONE_TO_ONE, "routers"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One row of the page: ``faults`` is empty when all is as it must be."""

    who: str
    source: str
    how: str
    outcome: str
    faults: tuple[str, ...] = ()


def profile(town: LiveRig, camera: int) -> str:
    """Of the parameter sets that went out with the last keyframe."""
    for stream in town.views.relay.streams():
        keyframe = stream.ring.keyframe
        if stream.key.startswith(f"camera-{camera}/") and keyframe is not None:
            for payload, _ in keyframe.packets:
                unit = payload[3:] if payload[0] & 31 == _STAP_A else payload
                if unit[0] & 31 == _SPS:
                    return _PROFILES.get(unit[1], str(unit[1]))
    return "unknown"


async def in_chromium(page: Browser, town: LiveRig, wanted: Expected, how: str = DIRECTLY, **more: Any) -> Seen:
    """Through ``video``: fifteen frames shown, the page's own counters asked. ``more`` as in ``Browser.open``."""
    tile = f"tile{wanted.camera}{'relayed' if more else ''}"
    ticket = await town.ticket(wanted.camera)
    status = await page.open(tile, f"/whep/camera-{wanted.camera}", ticket, **more)
    if status != 201:
        return Seen(CHROMIUM, wanted.source, how, f"answered {status}", ("no picture",))
    if said := await _late(page, town, tile, f"tiles.{tile}.frames > 15"):
        return Seen(CHROMIUM, wanted.source, how, said, ("no picture",))
    facts, before = await page.facts(tile), await page.decoded(tile)
    if said := await _late(page, town, tile, f"tiles.{tile}.frames > {facts['frames'] + 5}"):
        return Seen(CHROMIUM, wanted.source, how, said, ("frames stand still",))
    after = await page.decoded(tile)
    found = _size(wanted, facts["width"], facts["height"]) + _profile(town, wanted)
    if after["framesDecoded"] <= before["framesDecoded"]:
        found.append("decoded frames stand still")
    if after.get("keyFramesDecoded", 0) < 1:
        found.append("no keyframe decoded")
    if more.get("iceTransportPolicy") == "relay" and await pair(page, tile) != "relay":
        found.append(f"came by {await pair(page, tile)}")
    found += await _ended(town, facts["place"], ticket)
    outcome = f"h264 {profile(town, wanted.camera)} {facts['width']}x{facts['height']}, frames advance"
    return Seen(CHROMIUM, wanted.source, how, outcome, tuple(found))


async def in_client(page: Browser, town: LiveRig, wanted: Expected) -> Seen:
    """An independent WHEP client: opened with our ticket as bearer, trickled, switched to the sub-stream, stopped."""
    ticket, name = await town.ticket(wanted.camera), f"client{wanted.camera}"
    said = await page.page.evaluate("([a, b, c]) => openWith(a, b, c)", [name, f"/whep/camera-{wanted.camera}", ticket])
    if said is not None:
        return Seen(CLIENT, wanted.source, DIRECTLY, str(said), ("no picture",))
    if late := await _late(page, town, name, f"tiles.{name}.frames > 15"):
        return Seen(CLIENT, wanted.source, DIRECTLY, late, ("no picture",))
    facts = await page.facts(name)
    found = _size(wanted, facts["width"], facts["height"]) + _profile(town, wanted)
    await page.page.evaluate("name => tiles[name].whep.selectLayer({encodingId: 'sub'})", name)
    if late := await _late(page, town, name, f"tiles.{name}.width < {wanted.width}"):
        found.append(f"no sub-stream: {late}")
    await page.page.evaluate("name => tiles[name].whep.stop()", name)
    calls = [tuple(call) for call in await page.page.evaluate("() => window.calls")]
    # It closes its connection before it sends DELETE: a view that is over by then is not there any more.
    ended = ("DELETE", 404) if ("DELETE", 404) in calls else ("DELETE", 200)
    if {("POST", 201), ("PATCH", 204), ("POST", 204), ended} != set(calls):
        found.append(f"its requests were answered {calls}")
    found += await _gone(town)
    outcome = f"h264 {profile(town, wanted.camera)} {facts['width']}x{facts['height']}, candidates trickled, "
    return Seen(CLIENT, wanted.source, DIRECTLY, outcome + "main to sub by its layer call, ended", tuple(found))


#: Their module under ``/peer/whep.js``, and each of its requests noted with what it was answered.
CLIENT_SCRIPT = """async ([file]) => {
  const {WHEPClient} = await import(file);
  const asked = window.fetch;
  window.calls = [];
  window.openWith = async (name, path, ticket) => {
    window.fetch = async (place, options) => {
      const answered = await asked(place, options);
      window.calls.push([options.method, answered.status]);
      return answered;
    };
    const pc = new RTCPeerConnection({iceServers: [], bundlePolicy: 'max-bundle'});
    const made = tile(name, pc);
    pc.addTransceiver('video', {direction: 'recvonly'});
    pc.addTransceiver('audio', {direction: 'recvonly'});
    const whep = new WHEPClient();
    Object.defineProperty(made, 'whep', {value: whep, enumerable: false});
    try { await whep.view(pc, new URL(path, location.href).href, ticket); } catch (error) { return String(error); }
    return null;
  };
}"""


async def load_client(page: Browser, source: str) -> None:
    """``source`` is the text of the client's module."""
    await page.page.route("**/peer/whep.js", lambda route: route.fulfill(body=source, content_type="text/javascript"))
    await page.page.evaluate(CLIENT_SCRIPT, ["/peer/whep.js"])


def client_version() -> str:
    return KNOWN["whip-whep"].requirement.rpartition("@")[2]


async def pair(page: Browser, tile: str) -> str:
    """The type of the page's own candidate in the pair that is used."""
    found: str = await page.page.evaluate(
        """async name => {
          const all = await tiles[name].pc.getStats(), pairs = [...all.values()].filter(one =>
            one.type === 'candidate-pair' && one.nominated && one.state === 'succeeded');
          return pairs.length ? all.get(pairs[0].localCandidateId).candidateType : 'none';
        }""",
        tile,
    )
    return found


async def _late(page: Browser, town: LiveRig, tile: str, condition: str) -> str:
    """Empty when the condition came true in time, else what the page and the service know of the view."""
    try:
        await page.until(condition)
    except PageTimeout:
        facts = await page.facts(tile)
        counted = await page.decoded(tile)
        ours = [f"{one.state}, {one.frames} frames sent" for one in town.views.relay.shown()] or await town.ends()
        theirs = f"{facts['state']}, {facts['frames']} frames shown, {counted.get('packetsReceived', 0)} packets"
        return f"too late: the page: {theirs}, {counted.get('framesDecoded', 0)} decoded; the service: {ours}"
    return ""


def _size(wanted: Expected, width: int, height: int) -> list[str]:
    return [] if (width, height) == (wanted.width, wanted.height) else [f"a picture of {width}x{height}"]


def _profile(town: LiveRig, wanted: Expected) -> list[str]:
    found = profile(town, wanted.camera)
    return [] if found == wanted.profile else [f"profile {found}"]


async def _ended(town: LiveRig, place: str, ticket: str) -> list[str]:
    status = (await town.whep("DELETE", place, ticket)).status
    return ([] if status == 200 else [f"DELETE was answered {status}"]) + await _gone(town)


async def _gone(town: LiveRig) -> list[str]:
    return await _within(lambda: not town.views.relay.shown(), town, "the view did not end")


async def _within(condition: Callable[[], bool], town: LiveRig, otherwise: str) -> list[str]:
    try:
        await town.until(condition)
    except TimeoutError:
        return [otherwise]
    return []


async def in_webrtcbin(town: LiveRig, wanted: Expected) -> tuple[Seen, str]:
    """A program of its own, with the capabilities that people give GStreamer's WHEP source; and its version.

    Raises :class:`PeerMissing` with the last it said where it shows nothing.
    """
    ticket = await town.ticket(wanted.camera)
    url = f"{town.rig.url}/whep/camera-{wanted.camera}"
    command = [SYSTEM_PYTHON, str(ROOT / "tests" / "support" / "gst_webrtc_viewer.py"), url, ticket, "20"]
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    except OSError as error:
        raise PeerMissing(f"{HINT_WEBRTCBIN}: {error}") from error
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        if not line:
            _, said = await process.communicate()
            raise PeerMissing(f"{HINT_WEBRTCBIN}: {said.decode('utf-8', 'replace').strip()[-300:]}")
        told: dict[str, Any] = json.loads(line)
        found = _size(wanted, told["width"], told["height"]) + _profile(town, wanted)
        if told["frames"] < 20 or not told["reported"]:
            found.append(f"saw {told}")
        found += await _within(lambda: town.views.relay.shown()[0].round_trip is not None, town, "it never reported")
        shown = profile(town, wanted.camera)
        process.stdin.close()  # which ends it
        rest, _ = await process.communicate()
        if b'{"ended": 200}' not in rest or process.returncode:
            found.append(f"ended with {process.returncode} and {rest!r}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    found += await _gone(town)
    outcome = f"h264 {shown} {told['width']}x{told['height']}, frames decoded, reports both ways, DELETE"
    return Seen(WEBRTCBIN, wanted.source, DIRECTLY, outcome, tuple(found)), told["version"]


async def in_aiortc(town: LiveRig, wanted: Expected, how: str = DIRECTLY) -> Seen:
    """Twenty decoded pictures, reports both ways, DELETE. ``how`` is what the rig's network makes of it."""
    found = []
    async with peer() as viewer:
        place, ticket = await town.watch(viewer, wanted.camera)
        first = last = await viewer.frame()
        for _ in range(20):
            last = await viewer.frame()
        if last.pts <= first.pts:
            found.append("pictures stand still")
        found += _size(wanted, last.width, last.height) + _profile(town, wanted)
        found += await _within(lambda: town.views.relay.shown()[0].round_trip is not None, town, "it never reported")
        stats = await viewer.transceiver.receiver.getStats()
        if not any(one.type == "remote-outbound-rtp" and one.packetsSent > 0 for one in stats.values()):
            found.append("no sender's report came")
        shown = profile(town, wanted.camera)
        found += await _ended(town, place, ticket)
    outcome = f"h264 {shown} {last.width}x{last.height}, frames decoded, reports both ways, DELETE"
    return Seen(AIORTC, wanted.source, how, outcome, tuple(found))
