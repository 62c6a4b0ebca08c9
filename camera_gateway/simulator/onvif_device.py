"""Edge: the ONVIF side of every virtual device, behind one HTTP server.

ONVIF Core Specification section 5.9 (who may call what) and the operations of :mod:`onvif_messages`. The address a
connection came in on names the device.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from camera_gateway.access_unit import Codec
from camera_gateway.onvif import xml
from camera_gateway.onvif.envelope import DEVICE, MEDIA1, MEDIA2, SOAP11, SOAP12
from camera_gateway.simulator import onvif_messages as messages
from camera_gateway.simulator.camera import StreamShape, VirtualCamera, VirtualDevice
from camera_gateway.simulator.http_server import Request, Response
from camera_gateway.simulator.onvif_auth import Caller, OnvifAuth
from config.clock import Clock
from config.errors import XueliangError

Find = Callable[[str, int], VirtualDevice | None]
Snapshot = Callable[[VirtualCamera], Awaitable[bytes]]
SyncPoint = Callable[[VirtualCamera, StreamShape], None]

#: The access class PRE_AUTH: what every device must answer to a stranger.
OPEN = frozenset({"GetSystemDateAndTime", "GetServices", "GetCapabilities", "GetHostname"})

_NO_PROFILE = ("InvalidArgVal", "the profile does not exist", "NoProfile")


@dataclass(frozen=True, slots=True)
class _Asked:
    device: VirtualDevice
    operation: xml.Element
    soap: str

    def token(self) -> str:
        return xml.text(self.operation, "ProfileToken") or xml.text(self.operation, "Token")


class _FaultAnswer(Exception):
    def __init__(self, subcode: str, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.subcode, self.reason, self.detail = subcode, reason, detail


class OnvifDevices:
    """The handler for :class:`HttpServer`. ``find`` names the device of a local address and port.

    ``snapshot`` makes a JPEG of a camera's present picture; ``sync_point`` is told that a keyframe was asked for.
    """

    def __init__(
        self,
        find: Find,
        clock: Clock,
        *,
        snapshot: Snapshot | None = None,
        sync_point: SyncPoint | None = None,
    ) -> None:
        self._find = find
        self._clock = clock
        self._snapshot = snapshot
        self._sync_point = sync_point
        self.auth = OnvifAuth()
        self.calls = 0

    async def __call__(self, request: Request) -> Response:
        device = self._find(request.local_host, request.local_port)
        if device is None:
            return Response(404, close=True)
        path = urlsplit(request.target).path
        if path.startswith(messages.SNAPSHOT_PATH):
            return await self._picture(device, request, path.removeprefix(messages.SNAPSHOT_PATH))
        if path not in messages.PATHS.values():
            return Response(404)
        if request.method != "POST":
            return Response(405, {"Allow": "POST"})
        self.calls += 1
        try:
            root = xml.parse(request.body)
        except XueliangError as error:
            return _soap(400, messages.fault("WellFormed", error.what))
        soap = SOAP11 if root.tag == f"{{{SOAP11}}}Envelope" else SOAP12
        body = xml.child(root, "Body")
        if body is None or len(body) == 0:
            return _soap(400, messages.fault("WellFormed", "no operation in the body", soap))
        return self._answer(_Asked(device, body[0], soap), xml.child(root, "Header"), request)

    def _answer(self, asked: _Asked, header: xml.Element | None, request: Request) -> Response:
        name = xml.name(asked.operation)
        if name not in OPEN and (refusal := self._refusal(asked, header, request)) is not None:
            return refusal
        namespace = str(asked.operation.tag)[1:].partition("}")[0]
        try:
            return _soap(200, messages.envelope(self._perform(namespace, name, asked), asked.soap))
        except _FaultAnswer as f:
            return _soap(
                500 if f.subcode == "ActionNotSupported" else 400,
                messages.fault(
                    f.subcode, f.reason, asked.soap, detail=f.detail, receiver=f.subcode == "ActionNotSupported"
                ),
            )

    def _refusal(self, asked: _Asked, header: xml.Element | None, request: Request) -> Response | None:
        device, now = asked.device, self._clock.now()
        caller = self.auth.wsse(device, header, now)
        if caller is Caller.NONE:
            caller = self.auth.digest(device, request.headers.get("authorization", ""), request.method, request.target)
        if caller is Caller.KNOWN:
            return None
        challenges = self.auth.challenges(device)
        if device.auth_mode == "digest":
            return Response(401, tuple(challenges))
        fault = messages.fault("NotAuthorized", "Sender not Authorized", asked.soap)
        if caller is Caller.NONE and challenges:
            return _soap(401, fault, challenges)
        return _soap(400, fault)

    def _perform(self, namespace: str, name: str, asked: _Asked) -> str:
        if namespace == DEVICE:
            return self._device(name, asked.device)
        if namespace == MEDIA1:
            return self._media1(name, asked)
        if namespace == MEDIA2:
            return self._media2(name, asked)
        raise _unsupported(name)

    def _device(self, name: str, device: VirtualDevice) -> str:
        if name == "GetSystemDateAndTime":
            return messages.clock(device, self._clock.now())
        answers: dict[str, Callable[[VirtualDevice], str]] = {
            "GetDeviceInformation": messages.information,
            "GetCapabilities": messages.capabilities,
            "GetServices": messages.services,
            "GetScopes": messages.scopes,
            "GetHostname": messages.hostname,
            "GetNetworkInterfaces": messages.network_interfaces,
            "GetNetworkDefaultGateway": messages.default_gateway,
            "GetDNS": messages.dns,
            "GetNTP": messages.ntp,
        }
        if name not in answers:
            raise _unsupported(name)
        return answers[name](device)

    def _media1(self, name: str, asked: _Asked) -> str:
        device = asked.device
        every = _every(device)
        tag = "trt:Configurations"
        if name == "GetProfiles":
            inner = messages.profiles1((c, s) for c, s in every if s.codec is not Codec.H265)
        elif name == "GetProfile":
            inner = messages.profiles1([self._profile(asked)], "trt:Profile")
        elif name == "GetVideoSources":
            return messages.video_sources(device)
        elif name == "GetVideoSourceConfigurations":
            inner = "".join(messages.source_configuration(c, tag) for c in device.channels)
        elif name == "GetVideoEncoderConfigurations":
            inner = "".join(messages.encoder1(c, s, tag) for c, s in every)
        elif name == "GetVideoEncoderConfigurationOptions":
            return messages.encoder_options1(device)
        elif name == "GetStreamUri":
            return messages.media1_uri(name, messages.stream_url(*self._profile(asked)))
        elif name == "GetSnapshotUri":
            return messages.media1_uri(name, messages.snapshot_url(self._profile(asked)[0]))
        elif name == "SetSynchronizationPoint":
            inner = self._keyframe(asked)
        else:
            raise _unsupported(name)
        return f"<trt:{name}Response>{inner}</trt:{name}Response>"

    def _media2(self, name: str, asked: _Asked) -> str:
        device = asked.device
        if name == "GetProfiles":
            parts = frozenset((e.text or "").strip() for e in xml.children(asked.operation, "Type"))
            chosen = [self._profile(asked)] if asked.token() else _every(device)
            inner = messages.profiles2(chosen, parts)
        elif name == "GetVideoSourceConfigurations":
            inner = "".join(messages.source_configuration(c, "tr2:Configurations") for c in device.channels)
        elif name == "GetVideoEncoderConfigurations":
            inner = "".join(messages.encoder2(c, s, "tr2:Configurations") for c, s in _every(device))
        elif name == "GetStreamUri":
            return messages.media2_uri(name, messages.stream_url(*self._profile(asked)))
        elif name == "GetSnapshotUri":
            return messages.media2_uri(name, messages.snapshot_url(self._profile(asked)[0]))
        elif name == "SetSynchronizationPoint":
            inner = self._keyframe(asked)
        else:
            raise _unsupported(name)
        return f"<tr2:{name}Response>{inner}</tr2:{name}Response>"

    def _profile(self, asked: _Asked) -> tuple[VirtualCamera, StreamShape]:
        found = messages.find_profile(asked.device, asked.token())
        if found is None:
            raise _FaultAnswer(*_NO_PROFILE)
        return found

    def _keyframe(self, asked: _Asked) -> str:
        camera, stream = self._profile(asked)
        if self._sync_point is not None:
            self._sync_point(camera, stream)
        return ""

    async def _picture(self, device: VirtualDevice, request: Request, number: str) -> Response:
        camera = next((c for c in device.channels if str(c.number) == number), None)
        if camera is None or self._snapshot is None or request.method != "GET":
            return Response(404)
        authorization = request.headers.get("authorization", "")
        # A device whose SOAP side takes tokens only still asks for HTTP Digest here: a GET has no envelope.
        if self.auth.digest(device, authorization, "GET", request.target, picture=True) is not Caller.KNOWN:
            return Response(401, tuple(self.auth.challenges(device, picture=True)))
        return Response(200, {"Content-Type": "image/jpeg"}, await self._snapshot(camera))


def _every(device: VirtualDevice) -> Iterable[tuple[VirtualCamera, StreamShape]]:
    return [(c, s) for c in device.channels for s in device.streams]


def _unsupported(name: str) -> _FaultAnswer:
    return _FaultAnswer("ActionNotSupported", f"{name} is not supported")


def _soap(status: int, body: bytes, extra: Iterable[tuple[str, str]] = ()) -> Response:
    return Response(status, (("Content-Type", "application/soap+xml; charset=utf-8"), *extra), body)
