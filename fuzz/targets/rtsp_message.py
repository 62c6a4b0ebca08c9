"""RTSP messages and interleaved frames."""

from __future__ import annotations

from camera_gateway.rtsp.message import Incomplete, Interleaved, Response, frame, parse, parse_transport, session_id

SEEDS = [
    b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 4711;timeout=60\r\n"
    b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc= d6d6627\r\n\r\n",
    b"RTSP/1.0 200 OK\nCSeq: 1\nContent-Type: application/sdp\nContent-Length: 10\n\nv=0\r\nm=x\r\n",
    b"RTSP/1.0 200 OK\r\nContent-Type: application/sdp\r\n\r\nv=0\r\nm=video 0 RTP/AVP 96\r\na=x\r\n",
    b'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm="x",\r\n nonce="y"\r\n\r\n',
    b"SETUP rtsp://h/a/trackID=1 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n",
    frame(0, b"\x80\x60" + b"x" * 40) + b"RTSP/1.0 200 OK\r\nCSeq: 4\r\n$\x00\x00\x04abcd",
]


def one(data: bytes) -> None:
    position = 0
    while position < len(data):
        parsed = parse(data, position)
        if isinstance(parsed, Incomplete):
            assert parsed.need == 0 or parsed.need > len(data) - position, "asks for what is already there"
            return
        message, end = parsed
        assert position < end <= len(data), "no progress"
        if isinstance(message, Interleaved):
            assert position < message.start <= message.end == end
        elif isinstance(message, Response):
            session_id(message)
            parse_transport(message.headers.get("Transport"))
        position = end
