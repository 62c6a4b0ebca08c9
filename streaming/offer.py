"""Pure: what a viewer offers (SDP, RFC 8866, RFC 8829): which of its media sections takes our picture, and how."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.errors import Kind, XueliangError
from config.text import printable
from streaming.candidate import MAX_CANDIDATES, Candidate
from streaming.candidate import parse as parse_candidate

MAX_BYTES = 64 * 1024
MAX_LINES = 2000
MAX_SECTIONS = 16
_DIGESTS = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
#: Constrained baseline first: every browser has it, and decoders go by the SPS that is sent, not by this name.
_PROFILES = ("42e0", "4200", "4d00", "640c", "6400")


@dataclass(frozen=True, slots=True)
class Format:
    """One payload type of H.264. ``rtx`` is the payload type that repairs it, if any."""

    payload: int
    profile: str
    rtx: int | None
    feedback: frozenset[str]


@dataclass(frozen=True, slots=True)
class Section:
    """One ``m=`` line, as the answer has to echo it."""

    kind: str
    protocol: str
    formats: str
    mid: str


@dataclass(frozen=True, slots=True)
class Offer:
    """``video`` is the index of the section that takes the picture, ``h264`` the format it goes in. ``dtls`` is the
    other side's role: active, passive, actpass."""

    sections: tuple[Section, ...]
    video: int
    h264: Format
    bundle: tuple[str, ...]
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    dtls: str
    candidates: tuple[Candidate, ...]
    lite: bool = False


@dataclass(slots=True)
class _Part:
    """Attributes of one section, or of the session."""

    media: str = ""
    values: dict[str, list[str]] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        found = self.values.get(name)
        return found[0] if found else None

    def all(self, name: str) -> list[str]:
        return self.values.get(name, [])


def parse(text: str) -> Offer:
    """Raises ``INVALID``: with the fact ``code`` = ``codec`` where no H.264 of packetization-mode 1 is offered.

    A format that names no mode is taken last: GStreamer's viewers offer it so, and take every kind of packet."""
    session, parts = _split(text)
    sections = tuple(_section(part) for part in parts)
    index = next((i for i, part in enumerate(parts) if _takes_video(part, session)), None)
    if index is None:
        raise _bad("no video section that receives", "Offer one recvonly video transceiver")
    part = parts[index]
    if "rtcp-mux" not in part.values:
        raise _bad("RTP and RTCP on two ports", "Offer a=rtcp-mux")
    ufrag = part.one("ice-ufrag") or session.one("ice-ufrag") or ""
    password = part.one("ice-pwd") or session.one("ice-pwd") or ""
    if not (4 <= len(ufrag) <= 256 and 22 <= len(password) <= 256 and _ice_text(ufrag) and _ice_text(password)):
        raise _bad("no ICE name and password", "Offer a=ice-ufrag and a=ice-pwd")
    dtls = part.one("setup") or session.one("setup") or "actpass"
    if dtls not in ("active", "passive", "actpass"):
        raise _bad("an unknown DTLS role", "Offer a=setup:actpass")
    found = [parse_candidate("candidate:" + line) for line in part.all("candidate")[: 4 * MAX_CANDIDATES]]
    return Offer(
        sections,
        index,
        _h264(part),
        _bundle(session, sections, index),
        ufrag,
        password,
        _fingerprints(part, session),
        dtls,
        tuple(candidate for candidate in found if candidate is not None),
        "ice-lite" in session.values,
    )


def _bad(what: str, fix: str = "Send an SDP offer as a browser makes it") -> XueliangError:
    return XueliangError(Kind.INVALID, f"the offer cannot be used: {what}", where="body", fix=fix)


def _split(text: str) -> tuple[_Part, list[_Part]]:
    if len(text) > MAX_BYTES:
        raise _bad("it is too long")
    lines = text.splitlines()
    if not lines or lines[0].strip() != "v=0" or len(lines) > MAX_LINES:
        raise _bad("it is no SDP")
    session, parts = _Part(), list[_Part]()
    part = session
    for line in lines[1:]:
        if line.startswith("m="):
            if len(parts) >= MAX_SECTIONS:
                raise _bad("it has too many media sections")
            part = _Part(line[2:].strip())
            parts.append(part)
        elif line.startswith("a="):
            name, _, value = line[2:].strip().partition(":")
            part.values.setdefault(name, []).append(value)
    return session, parts


def _section(part: _Part) -> Section:
    words = part.media.split()
    mid = part.one("mid") or ""
    if len(words) < 4 or len(mid) > 64 or not all(c.isalnum() or c in "-_.{}" for c in mid):
        raise _bad(f"a media line that is none: {printable(part.media, 80)}")
    if not all(c.isalnum() or c in "-/_." for word in words for c in word) or len(part.media) > 1000:
        raise _bad(f"a media line that is none: {printable(part.media, 80)}")
    return Section(words[0], words[2], " ".join(words[3:]), mid)


def _takes_video(part: _Part, session: _Part) -> bool:
    words = part.media.split()
    if words[0] != "video" or (words[1] == "0" and "bundle-only" not in part.values):
        return False
    direction = "sendrecv"
    for source in (session, part):
        for name in ("sendrecv", "recvonly", "sendonly", "inactive"):
            direction = name if name in source.values else direction
    return direction in ("sendrecv", "recvonly") and "SAVPF" in words[2]


def _h264(part: _Part) -> Format:
    maps = dict(_numbered(part.all("rtpmap")))
    parameters = {payload: _parameters(rest) for payload, rest in _numbered(part.all("fmtp"))}
    offered = [int(word) for word in part.media.split()[3:] if word.isdecimal() and len(word) <= 3]
    repairs = {
        parameters.get(payload, {}).get("apt"): payload
        for payload in offered
        if maps.get(payload, "").lower().startswith("rtx/")
    }
    found: list[tuple[int, int, Format]] = []
    for place, payload in enumerate(offered):
        known = parameters.get(payload, {})
        mode = known.get("packetization-mode", "")
        if maps.get(payload, "").lower() != "h264/90000" or mode not in ("1", "") or payload > 127:
            continue
        profile = known.get("profile-level-id", "42000a").lower()
        rank = next((i for i, begin in enumerate(_PROFILES) if profile.startswith(begin)), len(_PROFILES))
        rank += 0 if mode else 1 + len(_PROFILES)
        rtx = repairs.get(str(payload))
        feedback = frozenset(rest for to, rest in _feedback(part) if to in ("*", str(payload)))
        found.append((rank, place, Format(payload, profile[:6], rtx, feedback)))
    if not found:
        raise XueliangError(
            Kind.INVALID,
            "the offer has no H.264 with packetization-mode 1",
            where="body",
            fix="Use a browser with H.264",
            facts={"code": "codec", "codec": "H.264"},
        )
    return min(found, key=lambda one: one[:2])[2]


def _numbered(values: list[str]) -> list[tuple[int, str]]:
    found = []
    for value in values:
        number, _, rest = value.partition(" ")
        if number.isdecimal() and len(number) <= 3:
            found.append((int(number), rest.strip()))
    return found


def _parameters(text: str) -> dict[str, str]:
    pairs = (item.strip().partition("=") for item in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name}


def _feedback(part: _Part) -> list[tuple[str, str]]:
    found = []
    for value in part.all("rtcp-fb"):
        to, _, rest = value.partition(" ")
        found.append((to, " ".join(rest.split())))
    return found


def _fingerprints(part: _Part, session: _Part) -> tuple[tuple[str, str], ...]:
    found = []
    for value in part.all("fingerprint") or session.all("fingerprint"):
        digest, _, octets = value.strip().partition(" ")
        digest = digest.lower()
        pairs = octets.strip().split(":")
        if len(pairs) == _DIGESTS.get(digest) and all(len(p) == 2 and _is_hex(p) for p in pairs):
            found.append((digest, octets.strip().upper()))
    if not found:
        raise _bad("no fingerprint of a certificate", "Offer a=fingerprint:sha-256")
    return tuple(found)


def _bundle(session: _Part, sections: tuple[Section, ...], index: int) -> tuple[str, ...]:
    """Only the section we take stays in the group."""
    for value in session.all("group"):
        words = value.split()
        if words and words[0] == "BUNDLE" and sections[index].mid in words[1:]:
            return (sections[index].mid,)
    return ()


def _ice_text(text: str) -> bool:
    return text.isascii() and all(c.isalnum() or c in "+/" for c in text)


def _is_hex(text: str) -> bool:
    return all(c in "0123456789abcdefABCDEF" for c in text)
