"""Offers: of a browser, of aiortc, cut at every line, and what each refusal says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import Kind, XueliangError
from streaming import answer, offer
from streaming.candidate import Candidate
from streaming.offer import Format

# As Chromium writes one for `addTransceiver("video", {direction: "recvonly"})`, shortened.
BROWSER = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 0.0.0.0
a=mid:0
a=recvonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 105 106 107 39 40
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:x1yZ
a=ice-pwd:Zm9vYmFyZm9vYmFyZm9vYmFy
a=ice-options:trickle
a=fingerprint:sha-256 {print}
a=setup:actpass
a=mid:1
a=recvonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=rtcp-fb:102 goog-remb
a=rtcp-fb:102 transport-cc
a=rtcp-fb:102 ccm fir
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:105 rtx/90000
a=fmtp:105 apt=104
a=rtpmap:106 H264/90000
a=rtcp-fb:106 nack
a=rtcp-fb:106 nack pli
a=rtcp-fb:106 transport-cc
a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:107 rtx/90000
a=fmtp:107 apt=106
a=candidate:1 1 udp 2122260223 3f1c.local 51000 typ host
a=candidate:2 1 tcp 1518280447 10.1.2.3 9 typ host tcptype active
a=candidate:3 1 udp 1686052607 10.1.2.3 51001 typ srflx raddr 0.0.0.0 rport 0
""".format(print=":".join(["AB"] * 32))


def test_a_browser_gets_constrained_baseline_with_repair() -> None:
    found = offer.parse(BROWSER)
    assert found.h264 == Format(106, "42e01f", 107, frozenset({"nack", "nack pli", "transport-cc"}))
    assert (found.video, found.bundle, found.dtls) == (1, ("1",), "actpass")
    assert [c.address for c in found.candidates] == ["10.1.2.3"]  # no names, no TCP


def test_the_answer_says_yes_to_one_section_and_no_to_the_rest() -> None:
    local = answer.Local(
        "u" * 4, "p" * 22, "CD:" * 31 + "CD", (Candidate("1", 9, "10.0.0.9", 5000, "host"),), 11, 12, 7
    )
    lines = answer.text(offer.parse(BROWSER), local).split("\r\n")
    assert [line for line in lines if line.startswith("m=")] == [
        "m=audio 0 UDP/TLS/RTP/SAVPF 111 63",
        "m=video 5000 UDP/TLS/RTP/SAVPF 106 107",
    ]
    for expected in (
        "a=group:BUNDLE 1",
        "a=sendonly",
        "a=setup:passive",
        "a=fmtp:107 apt=106",
        "a=ssrc-group:FID 11 12",
        "a=candidate:1 1 udp 9 10.0.0.9 5000 typ host",
        "a=end-of-candidates",
    ):
        assert expected in lines
    assert "a=rtcp-fb:106 transport-cc" not in lines  # nothing is done with it


@pytest.mark.parametrize(
    ("line", "instead", "words"),
    [
        ("v=0", "v=1", "no SDP"),
        ("a=mid:1", "a=mid:1\r\na=sendonly", "no video section"),
        ("a=setup:actpass", "a=setup:holdconn", "DTLS role"),
        ("a=fingerprint:sha-256", "a=fingerprint:md5", "fingerprint"),
        ("a=ice-pwd:Zm9v", "a=ice-pwd:<>", "ICE name"),
        ("a=rtcp-mux\na=rtcp-rsize", "a=rtcp-rsize", "two ports"),
        ("m=video 9", "m=video <b>", "media line"),
    ],
)
def test_what_is_wrong_is_said(line: str, instead: str, words: str) -> None:
    text = BROWSER.replace("a=recvonly", "") if "sendonly" in instead else BROWSER
    assert line in text
    with pytest.raises(XueliangError) as caught:
        offer.parse(text.replace(line, instead))
    assert caught.value.kind is Kind.INVALID
    assert words in caught.value.what
    assert caught.value.fix


def refusal(text: str) -> Kind | None:
    try:
        answer.text(offer.parse(text), answer.Local("u", "p", "f", (), 1, 2, 3))
    except XueliangError as error:
        return error.kind
    return None


def test_no_h264_is_a_matter_of_codec() -> None:
    with pytest.raises(XueliangError) as caught:
        offer.parse(BROWSER.replace("H264/90000", "AV1/90000"))
    assert caught.value.facts["code"] == "codec"


def test_a_format_that_names_no_mode_is_taken_last() -> None:
    """GStreamer's WHEP source offers it so; RFC 6184's mode 0, said in so many words, is not taken."""
    only = BROWSER.replace("packetization-mode=1;", "")
    assert offer.parse(only).h264.payload == 106
    assert offer.parse(only.replace("a=fmtp:102 level", "a=fmtp:102 packetization-mode=1;level")).h264.payload == 102
    with pytest.raises(XueliangError) as caught:
        offer.parse(BROWSER.replace("packetization-mode=1", "packetization-mode=0"))
    assert caught.value.facts["code"] == "codec"


def test_cut_anywhere_it_is_an_offer_or_a_refusal() -> None:
    for end in range(0, len(BROWSER), 7):
        assert refusal(BROWSER[:end]) in (None, Kind.INVALID)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(BROWSER.splitlines()), max_size=60), st.text(max_size=40))
def test_shuffled_lines_never_raise_anything_else(lines: list[str], garbage: str) -> None:
    assert refusal("\n".join(["v=0", *lines, garbage])) in (None, Kind.INVALID)
