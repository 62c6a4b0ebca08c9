"""Wiring: N virtual cameras in one process: listeners, clips, faults, and the truth about each of them."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Iterable
from datetime import datetime

from camera_gateway.simulator.camera import StreamShape, VirtualCamera, VirtualDevice, set_fault, truth
from camera_gateway.simulator.clip import clip_of
from camera_gateway.simulator.clips import Clips
from camera_gateway.simulator.control import Control
from camera_gateway.simulator.faults import EXPECTED, Fault, Layer
from camera_gateway.simulator.fleet_spec import FleetSpec, build
from camera_gateway.simulator.gate import Gate
from camera_gateway.simulator.http_server import HttpServer
from camera_gateway.simulator.onvif_device import OnvifDevices
from camera_gateway.simulator.onvif_discovery import DiscoveryResponder
from camera_gateway.simulator.own_network import OwnNetwork
from camera_gateway.simulator.plan import Step
from camera_gateway.simulator.routes import Routes
from camera_gateway.simulator.rtsp_server import RtspServer
from config.clock import Clock, SystemClock
from config.errors import Kind, XueliangError

log = logging.getLogger(__name__)


class Fleet:
    """``await start()``, use, ``await stop()``. Deterministic by the spec's seed but for ports, the addresses where no
    port is given, and the token."""

    def __init__(self, spec: FleetSpec, clock: Clock | None = None) -> None:
        spec.check()
        self.spec = spec
        self.clock = clock or SystemClock()
        self.devices: list[VirtualDevice] = []
        self.cameras: list[VirtualCamera] = []
        self.groups: dict[str, list[VirtualDevice]] = {}
        self.control_token = secrets.token_urlsafe(24)
        self.control_port = 0
        self.clips = Clips(spec.cache)
        self.routes = Routes()
        self.network = OwnNetwork()
        self._by_id: dict[str, VirtualCamera] = {}
        self._by_place: dict[str | int, VirtualDevice] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._plan: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        dice = random.Random(f"{spec.seed}/server")
        self.rtsp = RtspServer(
            self.find,
            self.clips,
            self.clock,
            random=dice,
            seed=spec.seed,
            session_timeout=spec.session_timeout,
            wait_for_gop=spec.wait_for_gop,
        )
        self.onvif = OnvifDevices(self.find, self.clock, snapshot=self.snapshot, sync_point=self._sync_point)
        self.http = HttpServer(self.onvif, gate=self._gate, max_connections=8192)
        self.control = HttpServer(Control(self), max_connections=64, max_body=256 * 1024)
        self.discovery: DiscoveryResponder | None = None

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.control_port}"

    async def start(self) -> None:
        """Listen. Raises ``UNAVAILABLE`` where a port is taken; whatever was begun is let go again."""
        try:
            await self.clips.start()
            await self._listen()
            if self.spec.unroutable and self.spec.listen != "port":
                self.routes.take_back({device.host for device in self.devices})
            self.control_port = await self.control.start("127.0.0.1", self.spec.control_port)
            if self.spec.discovery_port is not None:
                responder = DiscoveryResponder(
                    lambda host: self.find(host, 0), lambda: self.devices, self.clock, random.Random(self.spec.seed)
                )
                await responder.start(self.spec.discovery_port)
                self.discovery = responder
        except OSError as error:
            await self.stop()
            raise XueliangError(
                Kind.UNAVAILABLE, f"the virtual fleet cannot listen: {error.strerror}", fix="Choose another --port"
            ) from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        timers = [*self._timers.values(), *([self._plan] if self._plan is not None else [])]
        for timer in timers:
            timer.cancel()
        await asyncio.gather(*timers, return_exceptions=True)
        if self.discovery is not None:
            await self.discovery.stop()
        await self.control.stop()
        await self.http.stop()
        await self.rtsp.stop()
        await self.clips.stop()
        self.routes.close()
        self.network.close()

    def find(self, host: str, port: int) -> VirtualDevice | None:
        """The device that listens there. With one address for each, the address alone names it."""
        return self._by_place.get(port if self.spec.listen == "port" else host)

    def camera(self, camera_id: str) -> VirtualCamera:
        """Raises ``NOT_FOUND``."""
        found = self._by_id.get(camera_id)
        if found is None:
            raise XueliangError(Kind.NOT_FOUND, "no such virtual camera", where=camera_id[:64])
        return found

    def document(self) -> dict[str, object]:
        """What ``xueliang simulate`` prints once ready."""
        strangers = [device.channels[0] for device in self.devices if device.stranger]
        return {
            "cameras": [_login(camera) for camera in self.cameras],
            **({"strangers": [_login(camera) for camera in strangers]} if strangers else {}),
            "control": {"url": self.control_url, "token": self.control_token},
        }

    def truth(self, camera_id: str, *, history: bool = False) -> dict[str, object]:
        return truth(self.camera(camera_id), self.clock.now(), history=history)

    async def set_fault(
        self,
        camera_id: str,
        fault: Fault,
        on: bool,
        at: datetime | None = None,
        *,
        parameter: float | None = None,
        by: str = "code",
    ) -> bool:
        """Switch one fault; returns whether anything changed. Raises ``NOT_FOUND``, or ``INVALID`` for a parameter."""
        camera = self.camera(camera_id)
        async with self._lock:
            return await self._set(camera, fault, on, at or self.clock.now(), parameter, by)

    async def set_group_fault(
        self, group: str, fault: Fault, on: bool, *, parameter: float | None = None, by: str = "code"
    ) -> int:
        """The same for every device of a group (and every channel, for faults of streams and pictures)."""
        devices = self.groups.get(group)
        if devices is None:
            raise XueliangError(Kind.NOT_FOUND, "no such group", where=group[:64])
        at = self.clock.now()
        whole_device = EXPECTED[fault].layer is Layer.DEVICE
        async with self._lock:
            changed = 0
            for device in devices:
                for camera in device.channels[:1] if whole_device else device.channels:
                    changed += await self._set(camera, fault, on, at, parameter, by)
            return changed

    def follow(self, steps: Iterable[Step]) -> None:
        """Do what a plan says from now on, in place of an earlier plan; ends with the fleet."""
        if self._plan is not None:
            self._plan.cancel()
        self._plan = asyncio.get_running_loop().create_task(self._follow(steps))

    async def _follow(self, steps: Iterable[Step]) -> None:
        begun = self.clock.monotonic()
        for step in steps:
            rest = begun + step.at - self.clock.monotonic()
            if rest > 0:
                await self.clock.sleep(rest)
            if step.group:
                await self.set_group_fault(step.group, step.fault, step.on, parameter=step.parameter, by="plan")
            for camera_id in step.cameras:
                await self.set_fault(camera_id, step.fault, step.on, parameter=step.parameter, by="plan")

    async def snapshot(self, camera: VirtualCamera) -> bytes:
        """A JPEG of what the camera shows now."""
        key = clip_of(camera, camera.device.streams[0], self.spec.seed)
        return await self.clips.snapshot(key, camera.step)

    async def prepare(self, *, looks: int = 17) -> None:
        """Encode the first ``looks`` keyframes of every healthy main stream, so that no first look waits."""
        keys = {clip_of(c, c.device.streams[0], self.spec.seed) for c in self.cameras}
        for key in sorted(keys, key=lambda k: (k.site, k.light)):
            for look in range(looks):
                await self.clips.gop(key, look)

    async def _set(
        self, camera: VirtualCamera, fault: Fault, on: bool, at: datetime, parameter: float | None, by: str
    ) -> bool:
        device = camera.device
        try:
            changed = set_fault(camera, fault, on, at, parameter=parameter, by=by)
        except ValueError as error:
            raise XueliangError(Kind.INVALID, str(error), where=camera.id) from error
        if changed and EXPECTED[fault].layer is Layer.DEVICE:
            log.info("- %s: %s %s", device.id, fault, "on" if on else "off")
            await self._apply(device)
            if fault is Fault.REBOOT:
                self._time_reboot(camera, on)
        return changed

    async def _apply(self, device: VirtualDevice) -> None:
        """Make the network look as the device's faults say, for new and for standing connections."""
        if self.spec.unroutable and self.spec.listen != "port":
            if device.cut_off and not device.unroutable:
                device.unroutable = self.routes.cut_off(device.host)
            elif not device.cut_off and device.unroutable:
                self.routes.restore(device.host)
                device.unroutable = False
        self.rtsp.faults_changed(device)
        if self.spec.listen != "wildcard":
            closed = device.gate() is Gate.RESET
            for server, port in ((self.rtsp, device.rtsp_port), (self.http, device.onvif_port)):
                if closed:
                    await server.stop_listening(device.host, port)
                elif not server.listens(device.host, port):
                    await server.start(device.host, port)

    def _time_reboot(self, camera: VirtualCamera, on: bool) -> None:
        device = camera.device
        running = self._timers.pop(device.id, None)
        if running is not None and running is not asyncio.current_task():
            running.cancel()
        if on:
            seconds = device.faults[Fault.REBOOT].parameter
            self._timers[device.id] = asyncio.get_running_loop().create_task(self._come_back(camera, seconds))

    async def _come_back(self, camera: VirtualCamera, seconds: float) -> None:
        await self.clock.sleep(seconds)
        await self.set_fault(camera.id, Fault.REBOOT, False, by="device")

    def _gate(self, host: str, port: int) -> Gate:
        device = self.find(host, port)
        return Gate.RESET if device is None else device.gate()

    def _sync_point(self, camera: VirtualCamera, stream: StreamShape) -> None:
        self.rtsp.sync_point(camera, stream.name)

    async def _listen(self) -> None:
        spec = self.spec
        if spec.listen == "port":
            self._adopt(build(spec, lambda index: ("127.0.0.1", 0, 0), self.clock.now()))
            for device in self.devices:
                device.rtsp_port = await self.rtsp.start(device.host)
                device.onvif_port = await self.http.start(device.host)
                self._by_place[device.rtsp_port] = self._by_place[device.onvif_port] = device
            return
        rtsp_port, onvif_port = spec.port, spec.onvif_port
        self.network.take(rtsp_port, random.SystemRandom())
        place = self.network.address
        if spec.listen == "wildcard":
            rtsp_port = await self.rtsp.start("0.0.0.0", rtsp_port)  # noqa: S104 - closed unread outside 127/8
            onvif_port = await self.http.start("0.0.0.0", onvif_port)  # noqa: S104 - the same
        else:
            first = place(0)
            rtsp_port = await self.rtsp.start(first, rtsp_port)
            onvif_port = await self.http.start(first, onvif_port)
            await self.rtsp.stop_listening(first, rtsp_port)
            await self.http.stop_listening(first, onvif_port)
        self._adopt(build(spec, lambda index: (place(index), rtsp_port, onvif_port), self.clock.now()))
        for device in self.devices:
            self._by_place[device.host] = device
            if spec.listen == "address":
                await self.rtsp.start(device.host, rtsp_port)
                await self.http.start(device.host, onvif_port)

    def _adopt(self, devices: list[VirtualDevice]) -> None:
        self.devices = devices
        self.cameras = [camera for device in devices if not device.stranger for camera in device.channels]
        self._by_id = {camera.id: camera for camera in self.cameras}
        for device in devices:
            device.closes_ports = self.spec.listen != "wildcard"
            if not device.stranger:
                self.groups.setdefault(device.group, []).append(device)


def _login(camera: VirtualCamera) -> dict[str, object]:
    """How it is reached."""
    names = "id", "rtsp", "onvif", "user", "password"
    return {name: getattr(camera, name) for name in names}
