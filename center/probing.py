"""Wiring: one look at one stream: session, two seconds of it, a decoded picture, a judgement."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from camera_gateway.access_unit import AccessUnit
from camera_gateway.job import Job
from camera_gateway.media.pool import DecodePool
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.session import RtspSession
from camera_gateway.rtsp.timing import Timings
from camera_gateway.target import StreamTarget
from config.clock import Clock
from config.errors import Kind, XueliangError
from health.classes import cause_of
from health.diagnosis import Seen, judged_once
from health.request import JudgeRequest
from health.still import FUNCTION as STILL
from health.stream_facts import measure
from health.verdict import conclude

JUDGE = "health.judge:judge"
#: A keyframe may be this much later than the stream's expected keyframe distance.
KEYFRAME_EXTRA = 5.0
#: The commonest GOP is as long as the time watched: a moment more, and it is known.
GOP_GRACE = 1.0
DECODE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Look:
    """``seconds`` of stream are watched from the first picture on; ``picture`` asks for a JPEG of it."""

    target: StreamTarget
    seconds: float = 2.0
    picture: bool = False


async def look(client: RtspClient, clock: Clock, wanted: Look) -> tuple[Seen, bytes]:
    """What was seen, and the JPEG (empty when none was asked for or could be made). Never raises for the camera's
    faults: they are in ``Seen.failure``."""
    seen = Seen(wanted.target.url, Timings())
    judge = DecodePool(JUDGE, 1, clock)
    try:
        units, seen = await _watch(client, judge, wanted, seen)
        keyframe = next((u for u in units if u.keyframe and not u.damaged), None)
        keyframe = keyframe or next((u for u in units if u.keyframe), None)
        if keyframe is None:
            return seen, b""
        return await _judge(judge, clock, wanted, seen, keyframe)
    finally:
        await judge.close()


async def _watch(client: RtspClient, judge: DecodePool, wanted: Look, seen: Seen) -> tuple[list[AccessUnit], Seen]:
    units: list[AccessUnit] = []
    try:
        session = await client.open(wanted.target, seen.timings)
    except XueliangError as error:
        return units, replace(seen, failure=_ours_or_its(error))
    failure: XueliangError | None = None
    try:
        await _collect(session, judge, units, wanted)
    except XueliangError as error:
        failure = _ours_or_its(error)
    finally:
        await session.close()
    stats = session.stats
    form = session.format
    return units, replace(
        seen,
        timings=session.timings,
        failure=failure,
        format=form,
        facts=measure(units, form.reorder if form else None) if units else None,
        packets=stats.packets,
        lost=stats.lost,
        clock_offset=stats.clock_offset,
        transport=session.transport,
    )


async def _collect(session: RtspSession, judge: DecodePool, units: list[AccessUnit], wanted: Look) -> None:
    """Units for ``seconds`` after the first one, a little on for a second keyframe, and on until there is one."""
    limit = wanted.target.gop_seconds + KEYFRAME_EXTRA
    try:
        async with asyncio.timeout(max(limit, wanted.seconds + 2 * GOP_GRACE)):
            while True:
                unit = await session.next_unit()
                units.append(unit)
                if unit.keyframe:
                    # Not earlier: a process that starts costs some ms, which would be told as the camera's delays.
                    await judge.start()
                watched = unit.received - units[0].received
                keyframes = sum(u.keyframe for u in units)
                if keyframes >= 2 and watched >= wanted.seconds:
                    return
                if keyframes and watched >= wanted.seconds + GOP_GRACE:
                    return
    except TimeoutError:
        if any(unit.keyframe for unit in units):
            return  # a slow stream: one picture every few seconds
        facts = {"packets": session.stats.packets, "units": len(units)}
        raise XueliangError(
            Kind.NO_KEYFRAME if session.stats.packets else Kind.NO_STREAM,
            f"no keyframe within {limit:g} s ({session.stats.packets} packets came)",
            where=wanted.target.host,
            fix="Set the I-frame interval to 2 s or less and switch smart coding off",
            facts=facts,
        ) from None


async def _judge(pool: DecodePool, clock: Clock, wanted: Look, seen: Seen, keyframe: AccessUnit) -> tuple[Seen, bytes]:
    request = JudgeRequest(at=clock.now().timestamp(), thumbnail=False, evidence=False)
    try:
        answer = await pool.run(Job("probe", keyframe, parameters=request.to_parameters()), DECODE_SECONDS)
    except XueliangError as error:
        return replace(seen, failure=seen.failure or _ours_or_its(error)), b""
    seen = replace(seen, judged=judged_once(conclude(answer.numbers, request.thresholds)))
    return seen, await _still(clock, keyframe) if wanted.picture else b""


async def _still(clock: Clock, keyframe: AccessUnit) -> bytes:
    pool = DecodePool(STILL, 1, clock)
    try:
        answer = await pool.run(Job("probe", keyframe), DECODE_SECONDS)
    finally:
        await pool.close()
    return answer.thumbnail


def _ours_or_its(error: XueliangError) -> XueliangError:
    """A failure of ours (no socket left, a defect) is not a diagnosis of the camera."""
    if cause_of(error.kind) is None:
        raise error
    return error
