"""Addresses a virtual camera answers to, and what it describes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.access_unit import Codec
from camera_gateway.rtsp import sdp
from camera_gateway.simulator.camera import VirtualDevice
from camera_gateway.simulator.fleet_spec import FleetSpec, build
from camera_gateway.simulator.rtsp_text import TRACK, description, resolve


def device(codec: Codec = Codec.H264) -> VirtualDevice:
    spec = FleetSpec(3, recorders=1, channels=3, codec=codec)
    return build(spec, lambda i: ("127.0.0.1", 554, 80), datetime(2026, 1, 1, tzinfo=UTC))[0]


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("rtsp://127.0.0.1:554/ch1/main", (1, "main", False)),
        ("rtsp://other:9/ch3/sub/", (3, "sub", False)),
        (f"rtsp://x/ch2/main/{TRACK}", (2, "main", True)),
        (f"rtsp://x/ch2/main/{TRACK}?token=1", (2, "main", True)),
        ("/ch2/sub", (2, "sub", False)),
        ("rtsp://x/ch4/main", None),
        ("rtsp://x/ch0/main", None),
        ("rtsp://x/ch01/main", None),
        ("rtsp://x/ch1/third", None),
        ("rtsp://x/ch1/main/trackID=2", None),
        ("rtsp://x/ch1/main/trackID=1/more", None),
        ("rtsp://x/ch²/main", None),
        ("rtsp://x", None),
        ("*", None),
        ("", None),
    ],
)
def test_addresses(uri: str, found: tuple[int, str, bool] | None) -> None:
    asked = resolve(device(), uri)
    assert (None if asked is None else (asked.camera.number, asked.stream.name, asked.track)) == found


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.from_regex(r"\A(rtsp://x)?/ch[0-9]{0,9}/(main|sub)(/.{0,12})?\Z"))
def test_any_address_is_a_stream_or_none(uri: str) -> None:
    box = device()
    asked = resolve(box, uri)
    if asked is not None:
        assert asked.camera in box.channels
        assert asked.stream in box.streams
        parts = [part.partition("?")[0] for part in uri.split("/")]
        assert f"ch{asked.camera.number}" in parts
        assert asked.stream.name in parts


@pytest.mark.parametrize("codec", list(Codec))
def test_descriptions_read_back(codec: Codec) -> None:
    box = device(codec)
    sets = {
        Codec.H264: (b"\x67\x4d\x40\x1f\x01", b"\x68\x02"),
        Codec.H265: (b"\x40\x01v", b"\x42\x01s", b"\x44\x01p"),
        Codec.MJPEG: (),
    }[codec]
    track = sdp.parse(description(box, box.streams[0], sets).encode()).video()
    assert track is not None
    assert track.codec is codec
    assert track.control == TRACK
    assert (track.parameter_sets.nals if track.parameter_sets else ()) == sets
