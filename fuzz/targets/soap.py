"""Pure: answers that zeep turns into values."""

from __future__ import annotations

from camera_gateway.onvif import envelope, facts
from camera_gateway.onvif.soap import Service, SoapDocuments
from camera_gateway.simulator import onvif_messages as messages
from camera_gateway.simulator.camera import Identity, StreamShape, VirtualCamera, VirtualDevice
from config.errors import XueliangError

_DOCUMENTS = SoapDocuments()


def _virtual() -> VirtualDevice:
    who = Identity("Virtual", "VC-1", "1.0", "SN1", "02:00:00:00:00:01", "rev")
    device = VirtualDevice("d", "127.0.0.9", 554, 80, "u", "p", who, (StreamShape("main", 1920, 1080, 25, 2.0),))
    device.channels = [VirtualCamera("d-1", device, 1, site=1)]
    return device


_DEVICE = _virtual()
_READ = {
    "GetServices": (Service.DEVICE, facts.services, messages.services(_DEVICE)),
    "GetCapabilities": (Service.DEVICE, facts.capabilities, messages.capabilities(_DEVICE)),
    "GetNetworkInterfaces": (Service.DEVICE, facts.mac, messages.network_interfaces(_DEVICE)),
    "GetScopes": (Service.DEVICE, facts.scopes, messages.scopes(_DEVICE)),
    "GetVideoSources": (Service.MEDIA, facts.sources, messages.video_sources(_DEVICE)),
    "GetStreamUri": (Service.MEDIA, facts.media_uri, messages.media1_uri("GetStreamUri", "rtsp://h/")),
}
SEEDS = [messages.envelope(answer) for _, _, answer in _READ.values()]


def one(data: bytes) -> None:
    for operation, (service, read, _) in _READ.items():
        if f"{operation}Response".encode() not in data:
            continue
        try:
            read(_DOCUMENTS.reply(service, operation, envelope.body_of(data)))
        except XueliangError:
            continue
