"""What a viewer sends: offers, later candidates, and reports with what they ask for."""

from __future__ import annotations

from streaming import answer, candidate, feedback, offer, trickle

_PRINT = ":".join(["AB"] * 32).encode()
SEEDS = [
    b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:x1yZ\r\n"
    b"a=ice-pwd:Zm9vYmFyZm9vYmFyZm9vYmFy\r\na=fingerprint:sha-256 "
    + _PRINT
    + b"\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    b"a=mid:0\r\na=rtpmap:111 opus/48000/2\r\nm=video 9 UDP/TLS/RTP/SAVPF 106 107\r\n"
    b"a=mid:1\r\na=recvonly\r\na=rtcp-mux\r\n"
    b"a=setup:actpass\r\na=rtpmap:106 H264/90000\r\na=rtcp-fb:106 nack pli\r\na=rtcp-fb:* ccm fir\r\n"
    b"a=fmtp:106 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:107 rtx/90000\r\na=fmtp:107 apt=106\r\n"
    b"a=candidate:3 1 udp 1686052607 10.1.2.3 51001 typ srflx raddr 0.0.0.0 rport 0\r\n",
    b"a=ice-ufrag:x1yZ\r\na=ice-pwd:Zm9vYmFyZm9vYmFyZm9vYmFy\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
    b"a=candidate:1 1 UDP 2122260223 ::ffff:10.1.2.3 5000 typ host\r\na=end-of-candidates\r\n",
    b"\x81\xcd\x00\x03\x00\x00\x00\x01\x00\x00\x00\x05\xff\xff\x00\x05\x81\xce\x00\x02\x00\x00\x00\x01\x00\x00\x00\x05",
    b"\x81\xc9\x00\x07\x00\x00\x00\x01\x00\x00\x00\x05\x40\x00\x00\x09\x00\x01\x11\x70\x00\x00\x00\x03\x00\x00\x00\x01"
    b"\x00\x00\x80\x00\x8f\xce\x00\x05\x00\x00\x00\x01\x00\x00\x00\x00REMB\x01\x05\xb7\x1b\x00\x00\x00\x05",
    b"\x84\xce\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05\x09\x00\x00\x00\x81\xcb\x00\x01\x00\x00\x00\x01",
]
_LOCAL = answer.Local("ours", "p" * 22, "CD", (), 1, 2, 3)
_RULES = candidate.PeerRules()


def one(data: bytes) -> None:
    pieces = feedback.parse(data)
    assert sum(len(p.sequences) for p in pieces if isinstance(p, feedback.Nack)) <= feedback.MAX_NACKS
    text = data.decode("utf-8", "replace")
    for line in text.splitlines()[:50]:
        found = candidate.parse(line)
        if found is not None:
            assert candidate.admitted([found], _RULES) == [], "contacted without viewer_networks"
            assert candidate.parse(found.line()) == found
    if "a=candidate" in text and not text.startswith("v="):
        trickle.fragment(text)
        return
    offered = offer.parse(text)
    answered = answer.text(offered, _LOCAL)
    media = [line for line in answered.split("\r\n") if line.startswith("m=")]
    assert len(media) == len(offered.sections), "a section was made up or lost"
    assert sum(line.split()[1] != "0" for line in media) == 1
    assert all(line[1:2] == "=" for line in answered.split("\r\n")[:-1]), "a line of the offer's making"
