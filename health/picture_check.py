"""Edge: the dear tier. One fresh keyframe, decoded and judged in a worker, as an observation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from camera_gateway.access_unit import AccessUnit
from camera_gateway.job import Answer, Job
from camera_gateway.rtsp.timing import Timings
from camera_gateway.source_state import SourceState
from camera_gateway.target import StreamTarget
from config.clock import Clock
from config.errors import Kind, XueliangError
from config.thresholds import Thresholds
from health.classes import Cause, cause_of
from health.detectors import Value
from health.observation import Delays, Layer, Link, Measure, Observation, Picture, Tier
from health.reference import Learning
from health.request import Command, JudgeRequest
from health.signature import mark
from health.verdict import Verdicts, conclude
from registry.watched_camera import WatchedCamera

_PICTURE = {Value.GOOD: Picture.GOOD, Value.BAD: Picture.BAD, Value.CANNOT_JUDGE: Picture.CANNOT_JUDGE}
#: These are said of the picture; every other cause of the stream.
_AT_PICTURE = frozenset({Cause.NO_KEYFRAME, Cause.STALLED, Cause.UNDECODABLE, Cause.TOO_LARGE})


class KeyframeSource(Protocol):
    @property
    def timings(self) -> Timings: ...

    @property
    def state(self) -> SourceState: ...

    async def newest_keyframe(self, max_age: float = 0.0, deadline: float | None = None) -> AccessUnit: ...


class Sources(Protocol):
    """The hub of :mod:`camera_gateway.source`: one session a stream, whoever wants it."""

    def source(self, key: str, target: StreamTarget) -> KeyframeSource: ...

    async def forget(self, key: str) -> None: ...


class Judges(Protocol):
    async def run(self, job: Job, deadline: float) -> Answer: ...


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """Seconds. ``total`` bounds one check from connecting to the keyframe, ``judge`` waiting and judging in a worker.

    ``references`` is the folder of the cameras' reference files.
    """

    references: Path
    thresholds: Thresholds = field(default_factory=Thresholds)
    learning: Learning = field(default_factory=Learning)
    total: float = 30.0
    judge: float = 30.0


@dataclass(slots=True)
class _Last:
    signature: bytes = b""
    sender_time: float | None = None

    def facts(self) -> dict[str, str | int | float | bool]:
        """The little of it that is kept with the check: enough to know the very same picture after a restart."""
        kept: dict[str, str | int | float | bool] = {"mark": mark(self.signature).hex()}
        return kept if self.sender_time is None else {**kept, "sender_time": self.sender_time}


class PictureCheck:
    """Keeps, for each camera, the signature of its last picture: what *frozen* compares with."""

    def __init__(self, sources: Sources, pool: Judges, clock: Clock, settings: PictureSettings) -> None:
        settings.references.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings = settings
        self._sources = sources
        self._pool = pool
        self._clock = clock
        self._last: dict[str, _Last] = {}
        self._commands: dict[str, Command] = {}

    def command(self, camera_id: str, command: Command) -> None:
        """A person approves or resets a camera's references: done with its next picture."""
        self._commands[camera_id] = command

    def resume(self, camera_id: str, facts: Mapping[str, Any]) -> None:
        """The facts of the last check before a restart: a frozen camera must not seem to show something new."""
        if facts.get("mark"):
            self._last.setdefault(camera_id, _Last(bytes.fromhex(facts["mark"]), facts.get("sender_time")))

    def forget(self, camera_id: str) -> None:
        self._last.pop(camera_id, None)
        self._commands.pop(camera_id, None)

    async def run(
        self, camera: WatchedCamera, target: StreamTarget | None, probe_id: str, *, learn: bool = True
    ) -> Observation:
        """Never raises for what the camera does. ``learn`` is false while somebody works on it."""
        if target is None:
            return self._seen(camera, probe_id, None, Layer.NONE, "", "no address of a stream is known")
        try:
            unit, delays = await self._keyframe(f"{camera.camera_id}/main", target)
        except XueliangError as error:
            return self._failed(camera, probe_id, error)
        at = self._clock.now()
        request = self._request(camera, unit, at, learn=learn)
        job = Job(
            camera.camera_id,
            unit,
            camera.mask if camera.mask_by_service else (),
            str(self.settings.references / f"{camera.camera_id}.bank"),
            request.to_parameters(),
        )
        try:
            answer = await self._pool.run(job, self.settings.judge)
            verdicts = conclude(answer.numbers, self.settings.thresholds)
        except XueliangError as error:
            return self._not_judged(camera, probe_id, error, delays)
        self._commands.pop(camera.camera_id, None)
        last = _Last(answer.numbers.get("signature", b""), unit.sender_time)
        self._last[camera.camera_id] = last
        seen = self._judged(camera, probe_id, at, verdicts, answer, delays)
        return replace(seen, facts={**seen.facts, "codec": unit.codec.value, **last.facts()})

    async def _keyframe(self, key: str, target: StreamTarget) -> tuple[AccessUnit, Delays]:
        source = self._sources.source(key, target)
        try:
            unit = await source.newest_keyframe(max_age=0.0, deadline=self.settings.total)
            return unit, _delays(source.timings)
        finally:
            # A source remembers its newest keyframe, 100 kB and more: too much to keep for every camera of a fleet.
            if source.state is SourceState.IDLE:
                await self._sources.forget(key)

    def _request(self, camera: WatchedCamera, unit: AccessUnit, at: datetime, *, learn: bool) -> JudgeRequest:
        last = self._last.get(camera.camera_id, _Last())
        advanced = None
        if last.sender_time is not None and unit.sender_time is not None:
            advanced = unit.sender_time > last.sender_time
        return JudgeRequest(
            at=at.timestamp(),
            signature=last.signature,
            advanced=advanced,
            latitude=camera.latitude,
            longitude=camera.longitude,
            learning=replace(self.settings.learning, allowed=learn and self.settings.learning.allowed),
            thresholds=self.settings.thresholds,
            command=self._commands.get(camera.camera_id, Command.NONE),
        )

    def _judged(
        self,
        camera: WatchedCamera,
        probe_id: str,
        at: datetime,
        verdicts: Verdicts,
        answer: Answer,
        delays: Delays,
    ) -> Observation:
        return Observation(
            camera.camera_id,
            probe_id,
            Tier.PICTURE,
            at,
            Link.UP,
            Layer.PICTURE,
            _PICTURE[verdicts.value],
            verdicts.cause.value if verdicts.cause is not None else "",
            tuple(c.value for c in verdicts.also),
            delays=delays,
            measures=_measures(verdicts),
            facts=_facts(answer.numbers),
            evidence=answer.evidence,
            thumbnail=answer.thumbnail,
        )

    def _failed(
        self, camera: WatchedCamera, probe_id: str, error: XueliangError, delays: Delays | None = None
    ) -> Observation:
        cause = cause_of(error.kind)
        layer = Layer.PICTURE if cause in _AT_PICTURE else Layer.STREAM
        link = None if cause is None else Link.DOWN
        return self._seen(camera, probe_id, link, layer, cause or "", error.what, delays)

    def _not_judged(self, camera: WatchedCamera, probe_id: str, error: XueliangError, delays: Delays) -> Observation:
        """The keyframe came. A decoder that cannot make a picture of it is the camera's; the rest is ours."""
        if error.kind in (Kind.UNDECODABLE, Kind.TOO_LARGE):
            return self._failed(camera, probe_id, error, delays)
        return self._seen(camera, probe_id, Link.UP, Layer.PICTURE, "", f"not judged: {error.what}", delays)

    def _seen(
        self,
        camera: WatchedCamera,
        probe_id: str,
        link: Link | None,
        layer: Layer,
        cause: str,
        detail: str,
        delays: Delays | None = None,
    ) -> Observation:
        return Observation(
            camera.camera_id,
            probe_id,
            Tier.PICTURE,
            self._clock.now(),
            link,
            layer,
            cause=str(cause),
            detail=detail,
            delays=delays or Delays(),
        )


def _delays(timings: Timings) -> Delays:
    def ms(seconds: float | None) -> float | None:
        return None if seconds is None else round(seconds * 1000.0, 1)

    return Delays(ms(timings.signalling), ms(timings.stream), ms(timings.keyframe))


def _measures(verdicts: Verdicts) -> tuple[Measure, ...]:
    return tuple(
        Measure(
            v.measure,
            v.measured,
            v.threshold,
            v.verdict_class.value,
            v.value.value,
            v.reason.value if v.reason is not None else "",
        )
        for v in verdicts.items
    )


def _facts(numbers: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """Picture size and how the references stand, for the status of the camera."""
    bank = numbers.get("bank", {})
    shown = {name: bank[name] for name in ("in_use", "approved", "proposed", "samples", "broken") if name in bank}
    return {"width": numbers.get("width", 0), "height": numbers.get("height", 0), **shown}
