"""Pure: the answer to a viewer's offer: one H.264 stream out, everything else refused, all candidates in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from streaming.candidate import Candidate
from streaming.offer import Offer, Section

#: What we do something about, of what is offered.
_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")


@dataclass(frozen=True, slots=True)
class Local:
    """Our side. ``bases`` are the addresses that reflexive and relayed candidates stand for."""

    ufrag: str
    password: str
    fingerprint: str
    candidates: Sequence[Candidate]
    ssrc: int
    rtx_ssrc: int
    session: int
    cname: str = "xueliang"


def text(offer: Offer, local: Local) -> str:
    """The SDP. The profile is the one offered: decoders go by the parameter sets in the stream."""
    lines = ["v=0", f"o=- {local.session} 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-options:trickle"]
    if offer.bundle:
        lines.append(f"a=group:BUNDLE {' '.join(offer.bundle)}")
    lines += ["a=msid-semantic: WMS *"]
    for index, section in enumerate(offer.sections):
        lines += _video(offer, local, section) if index == offer.video else _refused(section)
    return "\r\n".join(lines) + "\r\n"


def _refused(section: Section) -> list[str]:
    lines = [f"m={section.kind} 0 {section.protocol} {section.formats}", "c=IN IP4 0.0.0.0"]
    if section.mid:
        lines.append(f"a=mid:{section.mid}")
    return [*lines, "a=inactive"]


def _video(offer: Offer, local: Local, section: Section) -> list[str]:
    h264 = offer.h264
    formats = f"{h264.payload}" if h264.rtx is None else f"{h264.payload} {h264.rtx}"
    first = local.candidates[0] if local.candidates else None
    address, port = (first.address, first.port) if first else ("0.0.0.0", 9)  # noqa: S104 - a place to write, RFC 8840
    lines = [
        f"m=video {port} {section.protocol} {formats}",
        f"c=IN IP{ip_address(address).version} {address}",
        "a=rtcp:9 IN IP4 0.0.0.0",
        *(["a=mid:" + section.mid] if section.mid else []),
        "a=sendonly",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=rtpmap:{h264.payload} H264/90000",
        f"a=fmtp:{h264.payload} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={h264.profile}",
    ]
    lines += [f"a=rtcp-fb:{h264.payload} {kind}" for kind in _FEEDBACK if kind in h264.feedback]
    if h264.rtx is not None:
        lines += [f"a=rtpmap:{h264.rtx} rtx/90000", f"a=fmtp:{h264.rtx} apt={h264.payload}"]
        lines.append(f"a=ssrc-group:FID {local.ssrc} {local.rtx_ssrc}")
    for ssrc in (local.ssrc, *((local.rtx_ssrc,) if h264.rtx is not None else ())):
        lines.append(f"a=ssrc:{ssrc} cname:{local.cname}")
        lines.append(f"a=ssrc:{ssrc} msid:{local.cname} video")
    lines += [
        f"a=msid:{local.cname} video",
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        f"a=fingerprint:sha-256 {local.fingerprint}",
        f"a=setup:{'active' if offer.dtls == 'passive' else 'passive'}",
        *("a=" + candidate.line() for candidate in local.candidates),
        "a=end-of-candidates",
    ]
    return lines
