"""Wiring: faults on the viewer's path, at the camera and in its stream, tried over true sockets and measured.

Each trial is one row of ``docs/ref/relay-faults.md``. Times are those of a peer that decodes (aiortc) on loopback.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from camera_gateway.access_unit import Codec
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.rtsp_player import Player
from config.errors import XueliangError
from streaming.ports import Opened
from streaming.relay import RelayRules
from tests.support.onlooker import Onlooker, onlooker
from tests.support.relay_rig import Rig, drawn, peer, rig
from tests.support.udp_proxy import Proxy, proxy

#: Pictures that are watched after the fault is over.
AFTER = 12
LIVE = "live"
#: On a machine that has no time for it even a virtual camera takes its time to open.
PATIENT = RelayRules(open=20.0)
ON_SUB = "live (sub: H.264 with B-frames)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``says``: what the tile was told, in order. ``back``: seconds from the fault to the next decoded picture that
    counts; ``still``: the longest standstill; ``None`` where there is no picture any more, or none is missing."""

    says: tuple[str, ...]
    back: float | None
    still: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """``ends``: the tile's last word; ``back`` and ``still``: the most seconds allowed. ``long`` ones run with the soak
    and for the page only."""

    what: str
    run: Callable[[Path], Coroutine[Any, Any, Outcome]]
    ends: str = LIVE
    back: float | None = None
    still: float | None = None
    long: bool = False

    def faults(self, outcome: Outcome) -> list[str]:
        """What is not as it must be."""
        found = []
        if not outcome.says or outcome.says[-1] != self.ends:
            found.append(f"the tile says {', '.join(outcome.says)}, not {self.ends} in the end")
        for name, most, took in (("next picture", self.back, outcome.back), ("standstill", self.still, outcome.still)):
            if most is not None and (took is None or took > most):
                found.append(f"{name} after {took if took is None else round(took, 1)} s, at most {most:g} s allowed")
        return found


@dataclass(frozen=True, slots=True)
class Scene:
    made: Rig
    eyes: Onlooker
    answer: str

    @property
    def player(self) -> Player:
        """The camera's side of the main stream's session."""
        players = [connection.playing for connection in self.made.fleet.rtsp.connections]
        return next(p for p in players if p is not None and p.stream.name == "main")

    async def outcome(self, since: float, note: str = "", **wanted: Any) -> Outcome:
        """Looks on for a while after the next picture."""
        back = (await self.eyes.next(since, **wanted)).at - since
        await self.eyes.more(AFTER)
        assert self.eyes.forward(), "the pictures' time went back"
        return Outcome(self.eyes.said(since), back, self.eyes.standstill(since), note)


@asynccontextmanager
async def scene(cache: Path, *, draw: bool = True, **spec: Any) -> AsyncIterator[Scene]:
    """A view that is live; ``draw`` the camera's pictures first."""
    async with rig(cache, rules=PATIENT, **spec) as made, peer() as viewer:
        if draw:
            await drawn(made.fleet)
        asked = made.asked()
        opened = await made.relay.open(asked, await viewer.offer())
        async with onlooker(made, viewer, asked.view_id) as eyes:
            await viewer.answer(opened.answer)
            await eyes.more(AFTER)
            await eyes.until(lambda: eyes.words[-1][1] == LIVE)
            yield Scene(made, eyes, opened.answer)


def port_of(answer: str) -> int:
    found = re.search(r"candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)", answer)
    assert found is not None
    return int(found[1])


@asynccontextmanager
async def path(cache: Path, loss: float = 0.0, **spec: Any) -> AsyncIterator[tuple[Rig, Onlooker, Proxy]]:
    """A view through a proxy that loses some of what comes to the viewer, from the first packet on."""
    async with rig(cache, rules=PATIENT, **spec) as made, peer() as viewer:
        await drawn(made.fleet)
        asked = made.asked()
        opened = await made.relay.open(asked, await viewer.offer())
        port = port_of(opened.answer)
        async with (
            proxy(("127.0.0.1", port), loss) as between,
            onlooker(made, viewer, asked.view_id) as eyes,
        ):
            await viewer.answer(opened.answer.replace(f" {port} typ", f" {between.port} typ"))
            await eyes.more(5)
            yield made, eyes, between
            await viewer.close()


async def losses(cache: Path, loss: float) -> Outcome:
    async with path(cache, loss) as (made, eyes, between):
        await eyes.until(lambda: eyes.words[-1][1] == LIVE)
        since, (session,) = eyes.now(), made.relay._sessions.values()
        counters = session._viewer.counters
        before, seen = counters.frames, len(eyes.pictures)
        await eyes.more(40)
        share = (len(eyes.pictures) - seen) / max(1, counters.frames - before)
        assert between.dropped <= 3 or counters.repaired > 0
        note = f"{min(1.0, share):.0%} of the pictures, {counters.repaired} packets sent again"
        return Outcome(eyes.said(since), None, eyes.standstill(since), note)


async def silence(cache: Path) -> Outcome:
    """Until the viewer's place is free."""
    async with path(cache) as (made, eyes, between):
        since, between.silent = eyes.now(), True
        over = await eyes.until(lambda: eyes.words[-1][1].startswith("over"))
        assert made.relay.capacity.total == 0
        return Outcome(eyes.said(since), None, None, f"gone after {over - since:.1f} s, its place is free")


async def too_slow(cache: Path) -> Outcome:
    """A path that carries less than half: repairs cannot keep up, and the viewer is told rather than shown ruins."""
    async with path(cache) as (made, eyes, between):
        since, between.loss = eyes.now(), 0.7
        over = await eyes.until(lambda: eyes.words[-1][1].startswith("over"), 60)
        assert made.relay.capacity.total == 0
        return Outcome(eyes.said(since), None, None, f"told so after {over - since:.0f} s, its place is free")


async def reboot(cache: Path, away: float) -> Outcome:
    async with scene(cache) as view:
        since, camera = view.eyes.now(), view.made.fleet.cameras[0]
        await view.made.fleet.set_fault(camera.id, Fault.REBOOT, True, parameter=away)
        outcome = await view.outcome(since + away)
        # Pictures that were on their way may still come; what counts is how long it stood still.
        return replace(outcome, says=view.eyes.said(since), still=view.eyes.standstill(since))


async def hang_up(cache: Path) -> Outcome:
    async with scene(cache) as view:
        since = view.eyes.now()
        for connection in list(view.made.fleet.rtsp.connections):
            connection.drop(hard=True)
        return await view.outcome(since + 0.1)


async def stall(cache: Path) -> Outcome:
    """The connection stands, packets stop; the camera goes on by itself when it is asked anew."""
    async with scene(cache) as view:
        since = view.eyes.now()
        view.player.stop()
        return await view.outcome(since + 0.1)


async def rtp_gap(cache: Path, seconds: float) -> Outcome:
    async with scene(cache, draw=False, gop=4.0) as view:
        outlet = view.player._outlet
        send, since = outlet.block, view.eyes.now()
        outlet.block = lambda block, data: None
        asyncio.get_running_loop().call_later(seconds, setattr, outlet, "block", send)
        outcome = await view.outcome(since + 0.1)
        (stream,) = view.made.relay.streams()
        keyframe = stream.ring.keyframe
        assert stream.damaged
        assert keyframe is not None
        assert keyframe.received > since
        whole = keyframe.received - since - seconds
        return replace(outcome, note=f"whole again {1000 * whole:.0f} ms after the gap: the camera was asked")


async def timestamp_jump(cache: Path) -> Outcome:
    async with scene(cache) as view:
        since = view.eyes.now()
        view.player._base += 0x70000000
        outcome = await view.outcome(since)
        assert view.made.relay.streams()[0].timeline.jumps == 1
        return outcome


async def other_ssrc(cache: Path) -> Outcome:
    """As an encoder that restarts behind a standing session: source, sequence and timestamps are new."""
    async with scene(cache) as view:
        since, player = view.eyes.now(), view.player
        player.ssrc ^= 0x5A5A5A5A
        player.sequence = (player.sequence + 30_000) & 0xFFFF
        player._base += 0x12345678
        player.request_keyframe()
        return await view.outcome(since)


async def resolution(cache: Path) -> Outcome:
    async with scene(cache) as view:
        since, player = view.eyes.now(), view.player
        player.stream = replace(player.stream, width=320, height=180)
        player.request_keyframe()
        return await view.outcome(since, width=320)


async def b_frames_begin(cache: Path) -> Outcome:
    async with scene(cache) as view:
        since, player = view.eyes.now(), view.player
        player.stream = replace(player.stream, b_frames=2)
        player.request_keyframe()
        return await view.outcome(since, width=320)


async def cannot_be_shown(cache: Path, **spec: Any) -> Outcome:
    """Both streams of the camera: seen in the first pictures at the latest, and from then on said at once."""
    async with rig(cache, rules=PATIENT, **spec) as made, peer() as viewer:
        await made.fleet.prepare()
        since, text = asyncio.get_running_loop().time(), await viewer.offer()
        how = await told(made, text)
        if isinstance(how, Opened):
            await viewer.answer(how.answer)
            await made.until(lambda: made.ended != [])
            how = f"over: {made.ended[0][1]}"
        took, again = asyncio.get_running_loop().time() - since, await told(made, text)
        assert made.relay.capacity.total == 0
        return Outcome((how,), None, None, f"after {1000 * took:.0f} ms; who asks again is told {again}")


async def told(made: Rig, text: str) -> str | Opened:
    """The view, or the refusal in words."""
    try:
        return await made.relay.open(made.asked(), text)
    except XueliangError as error:
        return f"{error.facts['code']} ({error.facts['codec']})"


async def no_sets(cache: Path) -> Outcome:
    """A viewer that comes while no parameter set is in the stream has its picture all the same."""
    async with scene(cache) as view, peer() as late:
        since = view.eyes.now()
        await view.made.fleet.set_fault(view.made.fleet.cameras[0].id, Fault.SETS_IN_SDP, True)
        outcome = await view.outcome(since)
        asked, began = view.made.asked(), view.eyes.now()
        opened = await view.made.relay.open(asked, await late.offer())
        await late.answer(opened.answer)
        await late.frame()
        return replace(outcome, note=f"a second viewer's first picture after {1000 * (view.eyes.now() - began):.0f} ms")


TRIALS = (
    *(
        Trial(f"{100 * share:g} % of the packets to the viewer lost", partial(losses, loss=share), still=2.0)
        for share in (0.0, 0.01, 0.05, 0.1)
    ),
    Trial("70 % of the packets to the viewer lost", too_slow, "over: too slow", long=True),
    Trial("the viewer falls silent", silence, "over: silent", long=True),
    Trial("the camera reboots and is away for 3 s", partial(reboot, away=3.0), back=8.0, still=11.0),
    Trial("the camera ends the connection", hang_up, back=5.0, still=5.0),
    Trial("the camera's packets stop, its connection stands", stall, back=12.0, still=12.0, long=True),
    Trial("half a second of the camera's packets is missing", partial(rtp_gap, seconds=0.5), back=2.0, still=2.0),
    Trial("the camera's timestamps jump by 5.8 hours", timestamp_jump, back=2.0, still=2.0),
    Trial("another SSRC, sequence and time in the same session", other_ssrc, back=2.0, still=2.0),
    Trial("another resolution in the same session", resolution, back=3.0, still=3.0),
    Trial("no SPS and PPS in the stream from now on", no_sets, back=2.0, still=2.0),
    Trial("B-frames from now on, none in the sub-stream", b_frames_begin, ON_SUB, back=5.0, still=5.0),
    Trial("B-frames in both streams", partial(cannot_be_shown, b_frames=2), "over: codec"),
    Trial("H.265 in both streams", partial(cannot_be_shown, codec=Codec.H265), "codec (H.265)"),
    Trial("JPEG in both streams", partial(cannot_be_shown, codec=Codec.MJPEG), "codec (JPEG)"),
)
