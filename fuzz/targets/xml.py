"""Pure: XML, SOAP envelopes and faults as devices send them."""

from __future__ import annotations

from datetime import UTC, datetime

from camera_gateway.onvif import envelope, facts, media
from camera_gateway.onvif.clock import clock_answer
from camera_gateway.onvif.faults import fault_of
from camera_gateway.simulator import onvif_messages as messages
from camera_gateway.simulator.camera import Identity, StreamShape, VirtualCamera, VirtualDevice
from config.errors import XueliangError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def virtual() -> VirtualDevice:
    who = Identity("Virtual", "VC-1", "1.0", "SN1", "02:00:00:00:00:01", "rev")
    streams = (StreamShape("main", 1920, 1080, 25, 2.0), StreamShape("sub", 640, 360, 15, 2.0))
    device = VirtualDevice("d", "127.0.0.9", 554, 80, "u", "p", who, streams)
    device.channels = [VirtualCamera("d-1", device, 1, site=1)]
    return device


_DEVICE = virtual()
_EVERY = [(c, s) for c in _DEVICE.channels for s in _DEVICE.streams]
_ALL = frozenset({"All"})
SEEDS = [
    messages.envelope(messages.clock(_DEVICE, NOW)),
    messages.envelope(messages.information(_DEVICE)),
    messages.envelope(f"<trt:GetProfilesResponse>{messages.profiles1(_EVERY)}</trt:GetProfilesResponse>"),
    messages.envelope(f"<tr2:GetProfilesResponse>{messages.profiles2(_EVERY, _ALL)}</tr2:GetProfilesResponse>"),
    messages.envelope(messages.media2_uri("GetStreamUri", "rtsp://127.0.0.9/a")),
    messages.fault("NotAuthorized", "Sender not Authorized"),
    messages.fault("NotAuthorized", "Sender not Authorized", envelope.SOAP11),
]


def one(data: bytes) -> None:
    try:
        body = envelope.body_of(data)
    except XueliangError:
        return
    if (fault := fault_of(body)) is not None:
        assert fault.reason.isprintable()
    assert facts.identity(body).model.isprintable()
    clock_answer("h", body, NOW, 0.1)
    for kind in ("media1", "media2"):
        found, _ = media.profiles(body, kind)
        assert len(found) <= media.MAX_PROFILES
        assert all(p.name.isprintable() and 0 <= p.width <= 1e6 for p in found)
    media.uri2(body, "GetStreamUri")
