"""Replies of real cameras: the facts each of them states. The folder comes from XUELIANG_CAPTURES."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from camera_gateway.rtsp import sdp
from camera_gateway.rtsp.h264 import parse_sps as parse_h264
from camera_gateway.rtsp.h265 import parse_sps as parse_h265
from camera_gateway.rtsp.message import Incomplete, Response, parse, parse_transport, session_id

FOLDER = os.environ.get("XUELIANG_CAPTURES", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="XUELIANG_CAPTURES names no folder")

HOST = "rtsp://10.9.8.7:5540"

#: name: (dialled path, tracks, width and height by the SPS, kinds of parameter sets, where to SETUP, where to PLAY)
DESCRIBED: dict[str, tuple[str, list[tuple[str, str]], int, int, list[int], str, str]] = {
    "anjvision_describe.txt": (
        "/stream0", [("video", "H265")], 1280, 704, [32, 33, 34], "/stream0/trackID=1", "/stream0/"),
    "bunny_describe.txt": (
        "/vod/mp4:BigBuckBunny_115k.mov", [("audio", "MPEG4-GENERIC"), ("video", "H264")], 240, 160, [7, 8],
        "/vod/mp4:BigBuckBunny_115k.mov/trackID=2", "/vod/mp4:BigBuckBunny_115k.mov/"),
    "dahua_describe_h264_aac_onvif.txt": (
        "/cam/realmonitor?channel=1&subtype=1",
        [("video", "H264"), ("audio", "MPEG4-GENERIC"), ("application", "VND.ONVIF.METADATA")], 704, 480, [7, 8],
        "/cam/realmonitor?channel=1&subtype=1&unicast=true&proto=Onvif/trackID=0",
        "/cam/realmonitor?channel=1&subtype=1&unicast=true&proto=Onvif/"),
    "dahua_describe_h265_pcma.txt": (
        "/cam/realmonitor?channel=1&subtype=2", [("video", "H265"), ("audio", "PCMA")], 704, 480, [32, 33, 34],
        "/cam/realmonitor?channel=1&subtype=2/trackID=0", "/cam/realmonitor?channel=1&subtype=2/"),
    "foscam_describe.txt": (
        "/videoMain", [("video", "H264"), ("audio", "PCMU")], 1280, 720, [7, 8],
        "/videoMain/track1", "/videoMain/"),
    "gw_main_describe.txt": (
        "/H264", [("video", "H264"), ("audio", "PCMU")], 1920, 1080, [7, 8],
        "/H264?channel=1&subtype=0&unicast=true&proto=Onvif/video",
        "/H264?channel=1&subtype=0&unicast=true&proto=Onvif"),
    "gw_sub_describe.txt": (
        "/H264", [("video", "H264")], 720, 480, [7, 8],
        "/H264?channel=1&subtype=1&unicast=true&proto=Onvif/video",
        "/H264?channel=1&subtype=1&unicast=true&proto=Onvif"),
    "hikvision_describe.txt": (
        "/Streaming/Channels/101", [("video", "H264"), ("application", "VND.ONVIF.METADATA")], 1920, 1080, [7, 8],
        "/Streaming/Channels/101/trackID=1?transportmode=unicast&profile=Profile_1",
        "/Streaming/Channels/101/?transportmode=unicast&profile=Profile_1"),
    "ipcam_describe.txt": (
        "/live", [("video", "H264")], 1280, 960, [7, 8], "/live/trackID=1", "/live"),
    "reolink_describe.txt": (
        "/h264Preview_01_main", [("video", "H264"), ("audio", "MPEG4-GENERIC")], 2560, 1440, [7, 8],
        "/h264Preview_01_main/trackID=1", "/h264Preview_01_main/"),
    "reolink_describe_control_first.txt": (
        "/h264Preview_01_main", [("video", "H264"), ("audio", "MPEG4-GENERIC")], 2560, 1440, [7, 8],
        "/h264Preview_01_main/trackID=1", "/h264Preview_01_main/"),
    "tplink_sdp.txt": (
        "/stream1", [("video", "H265"), ("audio", "PCMA"), ("application/tp-link", "TP-LINK")], 2560, 1440,
        [32, 33, 34], "/stream1/track1", "/stream1"),
}  # fmt: skip

#: name: (status, session id, time-out, channels, ssrc)
REPLIES: dict[str, tuple[int, str, float, tuple[int, int] | None, int | None]] = {
    "bad_rtptime.txt": (200, "551045787", 60, None, None),
    "bunny_play.txt": (200, "551045787", 60, None, None),
    "bunny_setup.txt": (200, "1642021126", 60, (0, 1), None),
    "dahua_options.txt": (200, "136527041864", 60, None, None),
    "dahua_play.txt": (200, "634214684047", 60, None, None),
    "dahua_setup.txt": (200, "634214675641", 60, (0, 1), 0x30A98EE7),
    "gw_main_play.txt": (200, "9a90de54", 120, None, None),
    "gw_main_setup_audio.txt": (200, "9a90de54", 60, (2, 3), None),
    "gw_main_setup_video.txt": (200, "9a90de54", 60, (0, 1), None),
    "gw_sub_play.txt": (200, "9b0d0e54", 120, None, None),
    "gw_sub_setup.txt": (200, "9b0d0e54", 60, (0, 1), None),
    "hikvision_play.txt": (200, "708345999", 60, None, None),
    "hikvision_setup.txt": (200, "708345999", 60, (0, 1), 0x4CACC3D1),
    "hikvision_setup_ssrc_space.txt": (200, "708886412", 60, (0, 1), 0x0D6D6627),
    "reolink_play.txt": (200, "F8F8E425", 60, None, None),
    "reolink_setup.txt": (200, "F8F8E425", 60, (0, 1), None),
    "reolink_teardown.txt": (200, "", 60, None, None),
}


def files() -> list[str]:
    return sorted(p.name for p in Path(FOLDER, "rtsp").glob("*.txt")) if FOLDER else []


def read(name: str) -> tuple[Response | None, bytes]:
    """The reply and its body; a bare description has no reply."""
    data = Path(FOLDER, "rtsp", name).read_bytes()
    if data.startswith(b"v=0"):
        return None, data
    parsed = parse(data)
    assert not isinstance(parsed, Incomplete), "cut short"
    message, end = parsed
    assert isinstance(message, Response)
    assert not data[end:].strip(), "bytes left over"
    return message, message.body


def test_every_file_has_its_facts() -> None:
    assert set(files()) == set(DESCRIBED) | set(REPLIES)


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_description(name: str) -> None:
    path, tracks, width, height, kinds, setup, play = DESCRIBED[name]
    reply, body = read(name)
    assert reply is None or reply.status == 200
    description = sdp.parse(body)
    assert [(t.media, t.encoding) for t in description.tracks] == tracks
    track = description.video()
    assert track is not None
    assert track.clock_rate == 90_000
    assert track.parameter_sets is not None
    nals = track.parameter_sets.nals
    h265 = track.encoding == "H265"
    assert [n[0] >> 1 & 63 if h265 else n[0] & 31 for n in nals] == kinds
    assert not any(b"\0\0\1" in n or n.endswith(b"\0\0") for n in nals)
    form: Any = parse_h265(nals[1]) if h265 else parse_h264(nals[0])
    assert (form.width, form.height) == (width, height)
    content_base = reply.headers.get("Content-Base") if reply else ""
    base = sdp.base_url(HOST + path, content_base)
    assert sdp.track_url(HOST + path, base, description, track) == HOST + setup
    assert sdp.aggregate_url(HOST + path, base, description) == HOST + play


@pytest.mark.parametrize("name", sorted(REPLIES))
def test_reply(name: str) -> None:
    status, session, timeout, channels, ssrc = REPLIES[name]
    reply, _ = read(name)
    assert reply is not None
    assert (reply.status, *session_id(reply)) == (status, session, timeout)
    transport = parse_transport(reply.headers.get("Transport"))
    assert (transport.channels, transport.ssrc) == (channels, ssrc)


@pytest.mark.parametrize("name", files())
def test_cut_at_every_byte(name: str) -> None:
    """A cut reply is incomplete or, where it has no body, whole only at its end."""
    data = Path(FOLDER, "rtsp", name).read_bytes()
    if data.startswith(b"v=0"):
        for cut in range(1, len(data)):
            sdp.parse(data[: cut + 3])
        return
    for cut in range(len(data)):
        assert isinstance(parse(data[:cut]), Incomplete)
