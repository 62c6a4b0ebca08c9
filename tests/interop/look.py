"""Edge: our own client in front of somebody else's server; what it saw, and what it said on the wire."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import SecretStr

from camera_gateway.access_unit import AccessUnit
from camera_gateway.media.decode import decode
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import KeyframeResult, RtspClient
from camera_gateway.rtsp.timing import Deadlines
from camera_gateway.target import Credentials, StreamTarget
from config.clock import SystemClock
from config.errors import XueliangError
from health.stream_facts import StreamFacts, measure
from tests.interop.matrix import USER, Case, Row
from tests.support.relay import Relay, relay

#: Pictures watched for B-frames and GOP: two seconds at 20 a second, more than the shortest reordering shows.
WATCHED = 40
#: A server that sends nothing must be told from a slow start of its encoder, which takes 1.5 s here.
DEADLINES = Deadlines(stall=4.0, keyframe=4.0)


@dataclass(frozen=True, slots=True)
class Seen:
    """``spread`` is the standard deviation of the luma: a decoded test picture is never flat."""

    width: int
    height: int
    spread: float
    result: KeyframeResult
    teardowns: int
    answers: int


def client() -> RtspClient:
    clock = SystemClock()
    return RtspClient(Reach(ReachPolicy.any()), InMemoryDeviceMemory(clock), clock, DEADLINES)


def target(port: int, case: Case, password: str = "") -> StreamTarget:
    login = Credentials(USER, SecretStr(password or case.password)) if case.login != "none" else None
    url = f"rtsp://127.0.0.1:{port}/{case.stream}"
    return StreamTarget(url, login, case.transport, case.gop_seconds)


async def look(port: int, case: Case) -> Seen:
    """One keyframe through a relay, decoded. Raises what the client raises."""
    async with relay(port) as wire:
        result = await client().keyframe(target(wire.port, case))
        picture = decode(result.unit, result.unit.parameter_sets or result.track.parameter_sets)
    return Seen(
        picture.width,
        picture.height,
        float(picture.y.std()),
        result,
        wire.requests("TEARDOWN"),
        wire.answers_to_challenges,
    )


async def watch(port: int, case: Case) -> StreamFacts:
    units: list[AccessUnit] = []
    async with await client().open(target(port, case)) as session:
        while len(units) < WATCHED:
            units.append(await session.next_unit())
        reorder = session.format.reorder if session.format else None
    return measure(units, reorder)


async def wrong_password(port: int, case: Case, tries: int = 3) -> tuple[Relay, list[XueliangError]]:
    """The same wrong password asked for ``tries`` times: what the wire saw and what was raised."""
    shared, errors = client(), []
    async with relay(port) as wire:
        for _ in range(tries):
            try:
                await shared.keyframe(target(wire.port, case, "not this one"))
            except XueliangError as error:
                errors.append(error)
    return wire, errors


def faults(case: Case, seen: Seen) -> list[str]:
    """Everything about a picture that is not as the case says."""
    found, form = [], seen.result.format
    if (seen.width, seen.height) != (case.width, case.height):
        found.append(f"a picture of {seen.width}x{seen.height}")
    if seen.spread < 5:
        found.append("a flat picture")
    if seen.result.unit.codec.value != case.codec:
        found.append(f"codec {seen.result.unit.codec.value}")
    if case.profile and case.profile not in (form.profile.lower() if form else ""):
        found.append(f"profile {form.profile if form else 'unknown'}")
    if seen.result.transport != case.arrives_by:
        found.append(f"came by {seen.result.transport}")
    if seen.teardowns != 1:
        found.append(f"{seen.teardowns} TEARDOWN requests")
    if (seen.answers > 0) != (case.login != "none"):
        found.append(f"{seen.answers} answers to challenges")
    return found


async def row(port: int, case: Case) -> Row:
    """The case as a row of the table, failures included."""
    try:
        seen = await look(port, case)
    except XueliangError as error:
        return Row(case, bool(case.defect), f"{error.kind.value}: {error.what}")
    found = faults(case, seen) + ([f"not expected: {case.defect}"] if case.defect else [])
    form = seen.result.format
    words = [case.codec, form.profile if form else "", f"{seen.width}x{seen.height}", f"by {seen.result.transport}"]
    outcome = " ".join(word for word in words if word)
    timings = seen.result.timings
    taken = ((timings.signalling or 0.0) + (timings.keyframe or 0.0)) * 1000
    return Row(case, not found, "; ".join([outcome, *found]), taken)


def over(case: Case, transport: str) -> Case:
    return replace(case, transport=transport, arrives_by=transport)
