"""Descriptions and the addresses in them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.access_unit import Codec
from camera_gateway.rtsp import sdp
from config.errors import Kind, XueliangError
from tests.support.bitstream import H264_PPS, h264_sdp, h264_sps

ASKED = "rtsp://10.0.0.5:8554/live?ch=1"
HERE = "rtsp://10.0.0.5:8554"


@pytest.mark.parametrize(
    ("content_base", "expected"),
    [
        ("", ASKED),
        ("rtsp://192.168.1.9/cam/", f"{HERE}/cam/"),
        ("rtsp://u:p@192.168.1.9:554/cam?x=1/", f"{HERE}/cam?x=1/"),
        ("192.168.1.9:554/cam/", f"{HERE}/cam/"),
        ("/cam/", f"{HERE}/cam/"),
        ("http://192.168.1.9/cam/", ASKED),
        ("//192.168.1.9/cam/", ASKED),
        ("rtsp://[bad/cam", ASKED),
        ("nonsense", ASKED),
        ("rtsp://h/a b", ASKED),
        ("rtsp://h/" + "a" * 5000, ASKED),
    ],
)
def test_base(content_base: str, expected: str) -> None:
    assert sdp.base_url(ASKED, content_base) == expected
    assert sdp.base_url(ASKED, "", content_base) == expected


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ("", f"{HERE}/cam/"),
        ("*", f"{HERE}/cam/"),
        ("trackID=1", f"{HERE}/cam/trackID=1"),
        ("/trackID=1", f"{HERE}/cam/trackID=1"),
        ("trackID=1?a=b&c=d", f"{HERE}/cam/trackID=1?a=b&c=d"),
        ("?ctype=video", f"{HERE}/cam/?ctype=video"),
        ("rtsp://203.0.113.7:99/other/track1?x=y", f"{HERE}/other/track1?x=y"),
        ("RTSP://203.0.113.7/other", f"{HERE}/other"),
        ("http://203.0.113.7/other", f"{HERE}/cam/"),
    ],
)
def test_control(control: str, expected: str) -> None:
    assert sdp.control_url(ASKED, f"{HERE}/cam/", control) == expected


def test_a_relative_track_hangs_on_an_absolute_session() -> None:
    body = h264_sdp(control="track1").replace(b"a=control:*", b"a=control:rtsp://1.2.3.4/session/")
    description = sdp.parse(body)
    track = description.video()
    assert track is not None
    assert sdp.track_url(ASKED, ASKED, description, track) == f"{HERE}/session/track1"
    assert sdp.aggregate_url(ASKED, ASKED, description) == f"{HERE}/session/"


def test_tracks() -> None:
    sps = h264_sps(640, 360)
    description = sdp.parse(h264_sdp(sps=sps).replace(b"\r\n", b"\n"))
    assert [t.media for t in description.tracks] == ["audio", "video", "application"]
    track = description.video()
    assert track is not None
    assert track.codec is Codec.H264
    assert track.parameter_sets is not None
    assert track.parameter_sets.nals == (sps, H264_PPS)
    static = sdp.parse(
        b"v=0\r\nm=video 0 RTP/AVP 26\r\na=x-dimensions:2560, 1440\r\na=framerate:0\r\na=framerate:12.5\r\n"
    )
    jpeg = static.video()
    assert jpeg is not None
    assert (jpeg.codec, jpeg.dimensions, jpeg.framerate) == (Codec.MJPEG, (2560, 1440), 12.5)
    assert sdp.parse(b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n").video() is None


def test_parameter_sets_only_as_config() -> None:
    sets = b"\0\0\0\1" + h264_sps(640, 360) + b"\0\0\0\1" + H264_PPS
    body = f"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 config={sets.hex()}\r\n".encode()
    track = sdp.parse(body).video()
    assert track is not None
    assert track.parameter_sets is not None
    assert track.parameter_sets.nals == (h264_sps(640, 360), H264_PPS)


def test_refused() -> None:
    for body, kind in (
        (b"", Kind.PROTOCOL),
        (b"<html>", Kind.PROTOCOL),
        (b"v=0\n" + b"a=x\n" * 5000, Kind.TOO_LARGE),
        (b"v=0\n" + b"m=video 0 RTP/AVP 96\n" * 100, Kind.TOO_LARGE),
        (b"v=0\n" + b"a" * 300_000, Kind.TOO_LARGE),
    ):
        with pytest.raises(XueliangError) as refused:
            sdp.parse(body)
        assert refused.value.kind is kind


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_mutated(data: st.DataObject) -> None:
    body = bytearray(h264_sdp(sps=h264_sps(640, 360), control="rtsp://1.2.3.4/a"))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    try:
        description = sdp.parse(bytes(body))
    except XueliangError as error:
        description, kind = None, error.kind
    else:
        kind = Kind.PROTOCOL
    assert kind in (Kind.PROTOCOL, Kind.TOO_LARGE, Kind.NO_STREAM)
    for track in description.tracks if description is not None else ():
        assert description is not None
        assert sdp.track_url(ASKED, ASKED, description, track).startswith(HERE)


def test_cut_at_every_byte() -> None:
    body = h264_sdp(sps=h264_sps(640, 360))
    for cut in range(3, len(body)):
        assert len(sdp.parse(body[:cut]).tracks) <= 3
