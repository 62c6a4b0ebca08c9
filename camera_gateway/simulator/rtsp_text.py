"""Pure: what a virtual camera writes over RTSP: descriptions (RFC 8866), transports, challenges."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from camera_gateway.access_unit import Codec
from camera_gateway.rtsp.digest import Challenge
from camera_gateway.simulator.camera import StreamShape, VirtualCamera, VirtualDevice
from camera_gateway.simulator.packetise import PAYLOAD_TYPES

PUBLIC = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"
TRACK = "trackID=1"

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request's address names; ``track`` says whether it names the track rather than the whole."""

    camera: VirtualCamera
    stream: StreamShape
    track: bool


def resolve(device: VirtualDevice, uri: str) -> Asked | None:
    """``/ch<number>/<main|sub>[/trackID=1]`` of this device; the host in the address does not matter."""
    path = uri.split("://", 1)[-1]
    path = path[path.find("/") :] if "/" in path and "://" in uri else path
    parts = [p for p in path.split("?", 1)[0].split("/") if p][:4]
    if len(parts) < 2 or len(parts) > 3 or not parts[0].startswith("ch"):
        return None
    number = parts[0][2:]
    if (
        not (number.isascii() and number.isdigit())
        or number.startswith("0")
        or not 1 <= int(number[:6]) <= len(device.channels)
    ):
        return None
    camera = device.channels[int(number) - 1]
    stream = next((s for s in device.streams if s.name == parts[1]), None)
    if stream is None or (len(parts) == 3 and parts[2] != TRACK):
        return None
    return Asked(camera, stream, len(parts) == 3)


def challenges(device: VirtualDevice, nonce: str) -> list[Challenge]:
    return [
        Challenge("digest", realm=f"{device.identity.model} {device.identity.serial}", nonce=nonce, algorithm=name)
        for name in device.algorithms
    ]


def description(device: VirtualDevice, stream: StreamShape, sets: tuple[bytes, ...]) -> str:
    """SDP with one video track; ``sets`` are the parameter sets as they are in the stream."""
    kind = PAYLOAD_TYPES[stream.codec]
    lines = [
        "v=0",
        f"o=- {1 if stream.name == 'main' else 2} 1 IN IP4 {device.host}",
        f"s={device.identity.model}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {kind}",
        f"a=framerate:{stream.fps}",
        f"a=control:{TRACK}",
    ]
    if stream.codec is Codec.H264:
        profile = sets[0][1:4].hex().upper() if sets else "4D401F"
        coded = ",".join(base64.b64encode(s).decode() for s in sets)
        lines.append(f"a=rtpmap:{kind} H264/90000")
        lines.append(f"a=fmtp:{kind} packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={coded}")
    elif stream.codec is Codec.H265:
        names = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}
        coded = ";".join(f"{names[s[0] >> 1 & 0x3F]}={base64.b64encode(s).decode()}" for s in sets)
        lines.append(f"a=rtpmap:{kind} H265/90000")
        lines.append(f"a=fmtp:{kind} {coded}")
    else:
        lines.append(f"a=rtpmap:{kind} JPEG/90000")
    return "\r\n".join(lines) + "\r\n"
