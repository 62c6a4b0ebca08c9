"""Reports of viewers, from true peers' bytes to garbage."""

from __future__ import annotations

import struct

from aiortc.rtp import RtcpPsfbPacket, RtcpReceiverInfo, RtcpRrPacket, RtcpRtpfbPacket, pack_remb_fci
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming import feedback
from streaming.feedback import Estimate, KeyframeWanted, Nack, Report


def test_what_aiortc_writes_is_read() -> None:
    block = RtcpReceiverInfo(
        ssrc=5, fraction_lost=64, packets_lost=9, highest_sequence=70000, jitter=3, lsr=1, dlsr=32768
    )
    compound = b"".join(
        bytes(packet)
        for packet in (
            RtcpRrPacket(ssrc=1, reports=[block]),
            RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=5, lost=[3, 4, 19, 40]),
            RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=5),
            RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=pack_remb_fci(1_500_000, [5])),
        )
    )
    assert feedback.parse(compound) == [
        Report(5, 0.25, 9, 70000, 3, 1, 0.5),
        Nack(5, (3, 4, 19, 40)),
        KeyframeWanted(5),
        Estimate(1_500_000),
    ]


def test_numbers_wrap() -> None:
    nack = struct.pack("!BBHIIHH", 0x81, 205, 3, 1, 5, 65535, 0b101)
    assert feedback.parse(nack) == [Nack(5, (65535, 0, 2))]


def test_a_full_intra_request_is_a_keyframe_wanted() -> None:
    fir = struct.pack("!BBHII", 0x84, 206, 4, 1, 0) + struct.pack("!IBxxx", 5, 9)
    assert feedback.parse(fir)[0] == KeyframeWanted(5)


def test_an_attacker_asks_for_no_more_than_we_give() -> None:
    packet = struct.pack("!BBHII", 0x81, 205, 2 + 300, 1, 5) + b"\x00\x00\xff\xff" * 0
    packet += b"".join(struct.pack("!HH", n * 17 & 0xFFFF, 0xFFFF) for n in range(300))
    asked = sum(len(piece.sequences) for piece in feedback.parse(packet * 10) if isinstance(piece, Nack))
    assert asked <= feedback.MAX_NACKS


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_garbage_is_quietly_dropped(data: bytes) -> None:
    for head in (b"", b"\x81\xcd", b"\x81\xce", b"\x8f\xce", b"\x81\xc9\x00\x07"):
        found = feedback.parse(head + data)
        assert len(found) <= 16 * 31 + 500
