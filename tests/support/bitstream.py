"""Pure: small H.264 and H.265 bitstreams that hold together, written bit by bit, and their RTP packets."""

from __future__ import annotations

import base64
import random
import struct


class BitWriter:
    def __init__(self) -> None:
        self.bits: list[int] = []

    def u(self, count: int, value: int) -> BitWriter:
        self.bits += [(value >> (count - 1 - i)) & 1 for i in range(count)]
        return self

    def ue(self, value: int) -> BitWriter:
        length = (value + 1).bit_length()
        return self.u(length - 1, 0).u(length, value + 1)

    def done(self) -> bytes:
        self.u(1, 1)
        self.bits += [0] * (-len(self.bits) % 8)
        raw = bytes(int("".join(map(str, self.bits[i : i + 8])), 2) for i in range(0, len(self.bits), 8))
        return escape(raw)


def escape(raw: bytes) -> bytes:
    out = bytearray()
    zeros = 0
    for byte in raw:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def h264_sps(width: int, height: int, *, fps: int = 25, reorder: int | None = 0, profile: int = 77) -> bytes:
    """Width and height must be even; cropping is written where they are no multiples of 16."""
    across, down = -(-width // 16), -(-height // 16)
    w = BitWriter().u(8, profile).u(8, 0).u(8, 40).ue(0)
    if profile >= 100:
        w.ue(1).ue(0).ue(0).u(1, 0).u(1, 0)
    w.ue(0).ue(2).ue(1).u(1, 0).ue(across - 1).ue(down - 1).u(1, 1).u(1, 1)
    right, bottom = (across * 16 - width) // 2, (down * 16 - height) // 2
    if right or bottom:
        w.u(1, 1).ue(0).ue(right).ue(0).ue(bottom)
    else:
        w.u(1, 0)
    w.u(1, 1).u(1, 0).u(1, 0).u(1, 0).u(1, 0)
    w.u(1, 1).u(32, 1).u(32, 2 * fps).u(1, 1)
    w.u(1, 0).u(1, 0).u(1, 0)
    if reorder is None:
        w.u(1, 0)
    else:
        w.u(1, 1).u(1, 1).ue(0).ue(0).ue(10).ue(10).ue(reorder).ue(4)
    return b"\x67" + w.done()


def h265_sps(width: int, height: int, *, reorder: int = 0) -> bytes:
    w = BitWriter().u(4, 0).u(3, 0).u(1, 1)
    w.u(3, 0).u(5, 1).u(32, 0x60000000).u(48, 0).u(8, 120)
    w.ue(0).ue(1).ue(width).ue(height).u(1, 0).ue(0).ue(0).ue(4)
    w.u(1, 1).ue(4).ue(reorder).ue(0)
    for _ in range(6):
        w.ue(0)
    w.u(1, 0).u(2, 0).u(1, 0).ue(0).u(1, 0).u(2, 0).u(1, 0).u(1, 0)
    return b"\x42\x01" + w.done()


H264_PPS = b"\x68\xce\x3c\x80"
H265_VPS = b"\x40\x01\x0c\x01\xff\xff\x01\x60\x00\x00\x03\x00\xb0"
H265_PPS = b"\x44\x01\xc0\xf2\xc6\x8d"


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that never form a start code."""
    return random.Random(seed).randbytes(size).translate(bytes([0x55, *range(1, 256)]))


def h264_slice(size: int, *, idr: bool, kind: int = 7, first: bool = True, seed: int = 1) -> bytes:
    """``kind`` is slice_type: 5 P, 6 B, 7 I. Only the head is true; the rest is noise."""
    head = BitWriter().ue(0 if first else 40).ue(kind).ue(0).done()
    return bytes((0x65 if idr else 0x41,)) + head + noise(max(0, size - 1 - len(head)), seed)


def h265_slice(size: int, *, irap: bool, seed: int = 1) -> bytes:
    return bytes((19 << 1 if irap else 1 << 1, 1, 0xAF)) + noise(max(0, size - 3), seed)


def payloads_h264(nal: bytes, limit: int = 1400) -> list[bytes]:
    """Single NAL unit or FU-A."""
    if len(nal) <= limit:
        return [nal]
    parts = [nal[i : i + limit - 2] for i in range(1, len(nal), limit - 2)]
    last = len(parts) - 1
    return [
        bytes((nal[0] & 0xE0 | 28, nal[0] & 0x1F | (0x80 if i == 0 else 0) | (0x40 if i == last else 0))) + part
        for i, part in enumerate(parts)
    ]


def payloads_h265(nal: bytes, limit: int = 1400) -> list[bytes]:
    if len(nal) <= limit:
        return [nal]
    parts = [nal[i : i + limit - 3] for i in range(2, len(nal), limit - 3)]
    last, kind = len(parts) - 1, nal[0] >> 1 & 0x3F
    return [
        bytes((nal[0] & 0x81 | 49 << 1, nal[1], kind | (0x80 if i == 0 else 0) | (0x40 if i == last else 0))) + part
        for i, part in enumerate(parts)
    ]


def rtp(sequence: int, timestamp: int, payload: bytes, *, marker: bool = False, kind: int = 96, ssrc: int = 7) -> bytes:
    head = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + payload


def packets(units: list[list[bytes]], *, sequence: int = 100, timestamp: int = 9000, step: int = 3600) -> list[bytes]:
    """RTP packets of H.264 units (lists of NAL units); the marker closes each."""
    made: list[bytes] = []
    for unit in units:
        bodies = [body for nal in unit for body in payloads_h264(nal)]
        for index, body in enumerate(bodies):
            made.append(rtp(sequence, timestamp, body, marker=index == len(bodies) - 1))
            sequence += 1
        timestamp += step
    return made


def h264_sdp(*, sps: bytes | None = None, control: str = "trackID=1", extra: str = "") -> bytes:
    sets = ""
    if sps is not None:
        both = ",".join(base64.b64encode(n).decode() for n in (sps, H264_PPS))
        sets = f";sprop-parameter-sets={both}"
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\na=control:*\r\n"
        "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:trackID=0\r\n"
        f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1{sets}\r\n"
        f"a=control:{control}\r\n"
        "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:trackID=4\r\n"
        f"{extra}"
    ).encode()
