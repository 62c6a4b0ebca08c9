"""Edge: the cheap tier. Is the device, or the channel, there at all?

An ONVIF camera is asked for its clock, without credentials. What sits behind a recorder, and what speaks no ONVIF,
has its stream described: a recorder that answers proves nothing about its channels. Where the clock is not told, the
stream is asked before anything is said against the camera: ONVIF may just be switched off.
"""

from __future__ import annotations

from typing import Protocol

from camera_gateway.onvif.report import ClockAnswer
from camera_gateway.rtsp.client import Described
from camera_gateway.target import StreamTarget
from config.clock import Clock
from config.errors import XueliangError
from health.classes import Cause, cause_of
from health.observation import Layer, Link, Observation, Tier
from registry.device import DeviceKind
from registry.watched_camera import WatchedCamera


class AsksClock(Protocol):
    async def clock(self, xaddr: str) -> ClockAnswer: ...


class Describes(Protocol):
    async def describe(self, target: StreamTarget) -> Described: ...


class LivenessCheck:
    def __init__(self, rtsp: Describes, onvif: AsksClock | None, clock: Clock) -> None:
        self._rtsp = rtsp
        self._onvif = onvif
        self._clock = clock

    async def run(self, camera: WatchedCamera, target: StreamTarget | None, probe_id: str) -> Observation:
        """Never raises for what the camera does; what is our own fault says nothing about it."""
        direct = camera.device_kind is not DeviceKind.RECORDER and camera.onvif_xaddr is not None
        silent = ""
        if self._onvif is not None and direct and camera.onvif_xaddr is not None:
            try:
                answer = await self._onvif.clock(camera.onvif_xaddr)
            except XueliangError as error:
                if target is None:
                    return self._failed(camera, probe_id, error, Layer.DEVICE)
                silent = f"its ONVIF clock is not told ({error.what})"
            else:
                return self._clock_told(camera, probe_id, answer)
        if target is None:
            return self._nothing(camera, probe_id)
        try:
            described = await self._rtsp.describe(target)
        except XueliangError as error:
            return self._failed(camera, probe_id, error, Layer.STREAM)
        if described.track is None:
            return self._seen(
                camera, probe_id, Link.DOWN, Layer.STREAM, Cause.NO_STREAM, "its description has no picture"
            )
        return self._seen(camera, probe_id, Link.UP, Layer.STREAM, "", silent)

    def _clock_told(self, camera: WatchedCamera, probe_id: str, answer: ClockAnswer) -> Observation:
        facts: dict[str, str | int | float | bool] = {"seconds": round(answer.seconds, 4)}
        if answer.offset is not None:
            facts["clock_offset"] = answer.offset
        return Observation(
            camera.camera_id, probe_id, Tier.LIVENESS, self._clock.now(), Link.UP, Layer.DEVICE, facts=facts
        )

    def _failed(self, camera: WatchedCamera, probe_id: str, error: XueliangError, layer: Layer) -> Observation:
        cause = cause_of(error.kind)
        return self._seen(camera, probe_id, None if cause is None else Link.DOWN, layer, cause or "", error.what)

    def _nothing(self, camera: WatchedCamera, probe_id: str) -> Observation:
        return self._seen(camera, probe_id, None, Layer.NONE, "", "no address of a stream is known")

    def _seen(
        self, camera: WatchedCamera, probe_id: str, link: Link | None, layer: Layer, cause: str, detail: str
    ) -> Observation:
        return Observation(
            camera.camera_id, probe_id, Tier.LIVENESS, self._clock.now(), link, layer, cause=str(cause), detail=detail
        )
