"""RTSP text as cameras send it, cut and broken."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.rtsp.message import (
    MAX_HEAD,
    Headers,
    Incomplete,
    Interleaved,
    Request,
    Response,
    frame,
    parse,
    parse_transport,
    session_id,
)
from config.errors import Kind, XueliangError

TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=20)


def whole(data: bytes) -> Response | Request | Interleaved:
    parsed = parse(data)
    assert not isinstance(parsed, Incomplete)
    assert parsed[1] == len(data)
    return parsed[0]


@given(st.lists(st.tuples(TEXT, TEXT), max_size=10), st.binary(max_size=60), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_is_built_is_parsed_and_cut_at_every_byte(items: list[tuple[str, str]], body: bytes, reply: bool) -> None:
    headers = Headers(tuple((k, v) for k, v in items if k.lower() not in ("content-length", "content-type")))
    message: Request | Response = (
        Response(200, "OK", headers, body) if reply else Request("DESCRIBE", "rtsp://h/x", headers, body)
    )
    if any(k.startswith(("$", "v=", "RTSP/")) for k, _ in headers.items):
        return
    data = message.encode()
    for cut in range(len(data)):
        assert isinstance(parse(data[:cut]), Incomplete)
    again = whole(data)
    assert isinstance(again, type(message))
    assert again.body == body
    assert [h for h in again.headers.items if h[0] != "Content-Length"] == list(headers.items)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes(data: bytes) -> None:
    try:
        parsed = parse(data)
    except XueliangError as error:
        position = error.facts["position"]
    else:
        position = 0 if isinstance(parsed, Incomplete) else parsed[1]
    assert isinstance(position, int)
    assert 0 <= position <= len(data)


def test_tolerances() -> None:
    body = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=control:x\r\n"
    described = b"RTSP/1.0 200 OK\r\nContent-Type: application/sdp\r\n"
    for data in (
        b"\r\n\r\nRTSP/1.0 200 OK\nCSeq: 1\nContent-Length: %d\n\n" % len(body) + body,
        described + b"\r\n" + body,
        described + b"Content-Length: %d\r\n" % len(body) + body,
    ):
        message = whole(data)
        assert isinstance(message, Response)
        assert message.body == body
    message = whole(b"RTSP/1.0 200\r\nPublic: A,\r\n\tB\r\nstray line\r\nCSeq:7\r\n\r\n")
    assert isinstance(message, Response)
    assert message.headers.get("public") == "A, B"
    assert message.headers.get("cseq") == "7"


def test_frame_and_a_reply_without_its_empty_line() -> None:
    data = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n" + frame(2, b"abc")
    parsed = parse(data)
    assert not isinstance(parsed, Incomplete)
    message, end = parsed
    assert isinstance(message, Response)
    interleaved = parse(data, end)
    assert not isinstance(interleaved, Incomplete)
    found = interleaved[0]
    assert isinstance(found, Interleaved)
    assert (found.channel, data[found.start : found.end]) == (2, b"abc")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"RTSP/1.0 abc\r\n\r\n", Kind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\n\r\n", Kind.PROTOCOL),
        (b"hello\r\n\r\n", Kind.PROTOCOL),
        (b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", Kind.PROTOCOL),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 999999999999\r\n\r\n", Kind.TOO_LARGE),
        (b"RTSP/1.0 200 OK\r\n" + b"a: b\r\n" * 200, Kind.TOO_LARGE),
        (b"RTSP/1.0 200 OK\r\na: " + b"b" * MAX_HEAD, Kind.TOO_LARGE),
        (b"\r\n" * MAX_HEAD, Kind.PROTOCOL),
    ],
)
def test_refused(data: bytes, kind: Kind) -> None:
    with pytest.raises(XueliangError) as refused:
        parse(data)
    assert refused.value.kind is kind


def test_transport_and_session() -> None:
    assert parse_transport("RTP/AVP/TCP;unicast;interleaved=4 - 5;ssrc= d6").channels == (4, 5)
    assert parse_transport("RTP/AVP;unicast;client_port=5000-5001;server_port=6000").server_ports == (6000, 6001)
    for broken in ("", ";;;", "interleaved=999-1000", "RTP/AVP/TCP;interleaved=x", "RTP/AVP;ssrc=zz;client_port=-1"):
        assert parse_transport(broken).ssrc is None
        assert parse_transport(broken).channels is None
    reply = Response(200, "OK", Headers((("Session", "  ab12 ; timeout=0"),)))
    assert session_id(reply) == ("ab12", 60.0)
