"""Session descriptions and control addresses."""

from __future__ import annotations

from urllib.parse import urlsplit

from camera_gateway.rtsp import sdp
from camera_gateway.rtsp.receiver import make_assembler
from tests.support.bitstream import h264_sdp, h264_sps

SEEDS = [
    h264_sdp(sps=h264_sps(1920, 1080)),
    h264_sdp(control="rtsp://u:p@203.0.113.1:99/a/trackID=1?x=y"),
    b"v=0\r\ns=x\r\na=control:rtsp://192.0.2.1/s/\r\nm=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\n"
    b"a=fmtp:98 sprop-vps=QAEMAf//AWAAAAMAsAAAAw==;sprop-sps=QgEBAWAAAAMAsA==;sprop-pps=RAHA8saN\r\na=control:/t1\r\n",
    b"v=0\nm=video 0 RTP/AVP 26\na=x-dimensions:2560,1440\na=framerate:0S\na=framerate:25\na=control:?track=1\n",
    b"v=0\r\nm=application/TP-LINK 0 RTP/AVP smart/1/90000\r\na=rtpmap:95 TP-LINK/90000\r\nb=AS:50\r\n",
]
REQUEST = "rtsp://10.0.0.1:5540/live?ch=1"


def one(data: bytes) -> None:
    description = sdp.parse(data)
    name = description.control or description.name
    base = sdp.base_url(REQUEST, name, description.tool)
    urls = {sdp.track_url(REQUEST, base, description, track) for track in description.tracks}
    for url in urls | {base, sdp.aggregate_url(REQUEST, base, description)}:
        parts = urlsplit(url)
        assert (parts.hostname, parts.port, parts.username) == ("10.0.0.1", 5540, None), "left the dialled host"
        assert "\r" not in url
        assert "\n" not in url
    track_or_none = description.video()
    if track_or_none is not None:
        make_assembler(track_or_none, lambda unit: None)
