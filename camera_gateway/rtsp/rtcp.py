"""Pure: RTCP (RFC 3550 section 6, RFC 4585): sender reports and goodbyes read, receiver reports and PLI built."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SR, RR, SDES, BYE, PSFB = 200, 201, 202, 203, 206
#: Seconds from 1900 (NTP) to 1970 (POSIX).
NTP_EPOCH = 2_208_988_800
MAX_PACKETS = 32

_REPORT = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class SenderReport:
    """``time`` is the sender's clock in POSIX seconds, ``middle`` the 32 bits an RR echoes (LSR)."""

    ssrc: int
    time: float
    rtp_time: int
    packets: int
    octets: int
    middle: int


@dataclass(frozen=True, slots=True)
class Goodbye:
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PictureLoss:
    sender: int
    media: int


Packet = SenderReport | Goodbye | PictureLoss


def parse(data: bytes, start: int = 0, end: int | None = None) -> list[Packet]:
    """What matters of a compound packet; stops at the first piece that does not hold together. Never raises."""
    stop = len(data) if end is None else end
    found: list[Packet] = []
    for _ in range(MAX_PACKETS):
        if stop - start < 4 or data[start] & 0xC0 != 0x80:
            break
        size = 4 + (data[start + 2] << 8 | data[start + 3]) * 4
        if start + size > stop:
            break
        packet = _one(data, start, size)
        if packet is not None:
            found.append(packet)
        start += size
    return found


def _one(data: bytes, start: int, size: int) -> Packet | None:
    kind, count = data[start + 1], data[start] & 0x1F
    if kind == SR and size >= 28:
        ssrc, seconds, fraction, rtp_time, packets, octets = _REPORT.unpack_from(data, start + 4)
        middle = (seconds & 0xFFFF) << 16 | fraction >> 16
        return SenderReport(ssrc, seconds - NTP_EPOCH + fraction / 2**32, rtp_time, packets, octets, middle)
    if kind == BYE:
        count = min(count, (size - 4) // 4)
        return Goodbye(struct.unpack_from(f"!{count}I", data, start + 4))
    if kind == PSFB and count == 1 and size >= 12:
        return PictureLoss(*struct.unpack_from("!II", data, start + 4))
    return None


@dataclass(frozen=True, slots=True)
class Block:
    """One report block (RFC 3550 section 6.4.1); ``fraction`` is lost/expected times 256."""

    ssrc: int
    fraction: int = 0
    lost: int = 0
    highest: int = 0
    jitter: int = 0
    middle: int = 0
    delay: int = 0  # since the last SR, in 1/65536 s


def receiver_report(ssrc: int, block: Block | None = None) -> bytes:
    """An RR and the SDES with a CNAME that must follow it."""
    if block is None:
        report = struct.pack("!BBHI", 0x80, RR, 1, ssrc)
    else:
        lost = max(0, min(block.lost, 0x7FFFFF))
        report = struct.pack(
            "!BBHIIIIIII",
            0x81,
            RR,
            7,
            ssrc,
            block.ssrc,
            (block.fraction & 0xFF) << 24 | lost,
            block.highest & 0xFFFFFFFF,
            block.jitter & 0xFFFFFFFF,
            block.middle & 0xFFFFFFFF,
            block.delay & 0xFFFFFFFF,
        )
    return report + source_description(ssrc)


def source_description(ssrc: int, name: bytes = b"xueliang") -> bytes:
    item = bytes((1, len(name))) + name
    item += b"\x00" * (4 - len(item) % 4)
    return struct.pack("!BBHI", 0x81, SDES, (4 + len(item)) // 4, ssrc) + item


def sender_report(ssrc: int, time: float, rtp_time: int, packets: int, octets: int) -> bytes:
    """``time`` in POSIX seconds."""
    seconds = int(time // 1)
    fraction = int((time - seconds) * 2**32) & 0xFFFFFFFF
    head = struct.pack("!BBH", 0x80, SR, 6)
    fields = (ssrc, (seconds + NTP_EPOCH) & 0xFFFFFFFF, fraction, rtp_time & 0xFFFFFFFF)
    return head + _REPORT.pack(*fields, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF) + source_description(ssrc)


def picture_loss(sender: int, media: int) -> bytes:
    """A PLI (RFC 4585 section 6.3.1) in the compound form that RFC 3550 asks for."""
    return receiver_report(sender) + struct.pack("!BBHII", 0x81, PSFB, 2, sender, media)


def goodbye(ssrc: int) -> bytes:
    return struct.pack("!BBHI", 0x81, BYE, 1, ssrc)
