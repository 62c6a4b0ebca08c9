"""Edge: cameras that speak RTSP wrongly, each a function. A flood may take what processor time it gets."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence

from camera_gateway.rtsp.message import frame
from tests.support.bitstream import H264_PPS, h264_sdp, h264_slice, h264_sps, payloads_h264, rtp
from tests.support.hostile_talk import EVIL, SPS, Behaviour, Talk, silence


def packets(nals: Sequence[bytes], size: int = 1400) -> Iterator[bytes]:
    bodies = [body for nal in nals for body in payloads_h264(nal, size)]
    for number, body in enumerate(bodies):
        yield frame(0, rtp(number, 90_000, body, marker=number == len(bodies) - 1))


async def _sdp_garbage(talk: Talk) -> None:
    cseq = await talk.answer_until("DESCRIBE")
    body = b"v=0\r\nm=video x RTP/AVP 96\r\na=rtpmap:96 \xff\xfe/-1\r\na=control:\x00\x1b[2J\r\nm=\r\n=\r\n" + bytes(
        range(256)
    )
    await talk.reply(cseq, headers="Content-Type: application/sdp\r\n", body=body)
    await talk.silence()


async def _sdp_endless(talk: Talk) -> None:
    cseq = await talk.answer_until("DESCRIBE")
    head = f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nContent-Type: application/sdp\r\nContent-Length: 2000000000\r\n\r\n"
    await talk.send(head.encode())
    await talk.for_ever(lambda: b"a=x-evil:1\r\n" * 1000)


async def _sdp_tracks(talk: Talk) -> None:
    cseq = await talk.answer_until("DESCRIBE")
    body = b"v=0\r\n" + b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" * 4000
    await talk.reply(cseq, headers="Content-Type: application/sdp\r\n", body=body)
    await talk.silence()


async def _names(talk: Talk) -> None:
    """Its description is full of escape sequences, and so is the refusal of everything else."""
    sdp = h264_sdp(sps=SPS).replace(b"s=test", f"s={EVIL}\r\ni={EVIL}".encode())
    cseq = await talk.answer_until("SETUP", sdp)
    await talk.reply(cseq, f"500 {EVIL.split(chr(13))[0]}", f"Server: {EVIL}\r\n")
    await talk.silence()


async def _rtsp_garbage(talk: Talk) -> None:
    await talk.send(random.Random(7).randbytes(200_000))
    await talk.silence()


async def _http(talk: Talk) -> None:
    await talk.request()
    await talk.send(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 5\r\n\r\nsorry")
    await talk.silence()


async def _headers_endless(talk: Talk) -> None:
    _, cseq = await talk.request()
    await talk.send(f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n".encode())
    number = itertools.count()
    await talk.for_ever(lambda: f"X-{next(number)}: {'a' * 500}\r\n".encode())


async def _drip(talk: Talk) -> None:
    """A byte of the answer now and then, for ever."""
    await talk.request()
    for byte in itertools.cycle(b"RTSP/1.0 200 OK\r\nX: y\r\n"):
        await talk.send(bytes((byte,)))
        await asyncio.sleep(0.3)


async def _flood(talk: Talk) -> None:
    await talk.for_ever(lambda: b"RTSP/1.0 200 OK\r\nCSeq: 4711\r\n\r\n" * 2000)


async def _asks(talk: Talk) -> None:
    number = itertools.count()
    await talk.for_ever(lambda: f"OPTIONS * RTSP/1.0\r\nCSeq: {next(number)}\r\n\r\n".encode() * 100)


async def _hangs_up(talk: Talk) -> None:
    await talk.request()


async def _redirects(talk: Talk) -> None:
    """To itself for ever, by way of an address that is nobody's business."""
    while True:
        _, cseq = await talk.request()
        await talk.reply(cseq, "302 Moved Temporarily", "Location: rtsp://127.0.0.1:22/etc/passwd\r\n")


async def _rtp_garbage(talk: Talk) -> None:
    await talk.play()
    dice = random.Random(11)
    while True:
        await talk.send(frame(0, rtp(dice.getrandbits(16), dice.getrandbits(32), dice.randbytes(300))))
        await asyncio.sleep(0.005)


async def _rtp_flood(talk: Talk) -> None:
    """Well-formed packets without a keyframe, as fast as they are taken."""
    await talk.play()
    number = itertools.count()
    body = h264_slice(1400, idr=False, kind=5)
    await talk.for_ever(
        lambda: b"".join(frame(0, rtp(n, n * 90, body, marker=n % 8 == 0)) for n in itertools.islice(number, 64))
    )


async def _rtp_not_rtp(talk: Talk) -> None:
    await talk.play()
    dice = random.Random(13)
    while True:
        await talk.send(frame(0, dice.randbytes(dice.randrange(0, 40))) + frame(1, dice.randbytes(80)))
        await asyncio.sleep(0.02)


async def _other_stream(talk: Talk) -> None:
    """Another channel, another payload type, another source in every packet."""
    await talk.play(transport="interleaved=0-1;ssrc=00000007")
    for number in itertools.count():
        payload = rtp(number, number * 3600, h264_slice(800, idr=True), kind=97, ssrc=number, marker=True)
        await talk.send(frame(8 + number % 2 * 2, payload))
        await asyncio.sleep(0.02)


async def _huge_keyframe(talk: Talk) -> None:
    await talk.play()
    for packet in packets([SPS, H264_PPS, h264_slice(20_000_000, idr=True)], 60_000):
        await talk.send(packet)
    await talk.silence()


async def _many_pieces(talk: Talk) -> None:
    await talk.play()
    piece = h264_slice(20, idr=True)
    for packet in packets([SPS, H264_PPS, *([piece] * 8000)]):
        await talk.send(packet)
    await talk.silence()


async def _huge_picture(talk: Talk) -> None:
    """16,000 x 16,000 pixels: 384 MB of a decoder's memory, if it believed them."""
    sps = h264_sps(16_000, 16_000)
    await talk.play(h264_sdp(sps=sps))
    await _again(talk, [sps, H264_PPS, h264_slice(50_000, idr=True)])


async def _noise_keyframe(talk: Talk) -> None:
    """Its head is true, the picture is noise."""
    await talk.play()
    await _again(talk, [SPS, H264_PPS, h264_slice(30_000, idr=True)])


async def _again(talk: Talk, nals: Sequence[bytes]) -> None:
    while True:
        for packet in packets(nals):
            await talk.send(packet)
        await asyncio.sleep(0.5)


RTSP: dict[str, Behaviour] = {
    "sdp garbage": _sdp_garbage,
    "sdp endless": _sdp_endless,
    "sdp tracks": _sdp_tracks,
    "names": _names,
    "rtsp garbage": _rtsp_garbage,
    "http": _http,
    "headers endless": _headers_endless,
    "drip": _drip,
    "flood": _flood,
    "asks": _asks,
    "hangs up": _hangs_up,
    "silence": silence,
    "redirects": _redirects,
    "rtp garbage": _rtp_garbage,
    "rtp flood": _rtp_flood,
    "rtp not rtp": _rtp_not_rtp,
    "other stream": _other_stream,
    "huge keyframe": _huge_keyframe,
    "many pieces": _many_pieces,
    "huge picture": _huge_picture,
    "noise keyframe": _noise_keyframe,
}
