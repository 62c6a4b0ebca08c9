"""Pure: session descriptions (RFC 8866) as cameras write them: tracks, codecs, parameter sets, control addresses."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from camera_gateway.access_unit import Codec, ParameterSets
from camera_gateway.rtsp import annexb
from config.errors import Kind, XueliangError
from config.text import printable

MAX_BYTES = 256 * 1024
MAX_LINES = 2000
MAX_TRACKS = 64
MAX_SETS = 16
#: Media parts up to this size are kept read; those of cameras are under 2 KiB.
MAX_KEPT = 4096

_CODECS = {"H264": Codec.H264, "H265": Codec.H265, "HEVC": Codec.H265, "JPEG": Codec.MJPEG}
_STATIC = {0: ("PCMU", 8000), 8: ("PCMA", 8000), 14: ("MPA", 90000), 26: ("JPEG", 90000), 33: ("MP2T", 90000)}
_MEDIA = re.compile(rb"(?:^|[\r\n])[ \t]*m=")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_AUTHORITY = re.compile(r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):\d{1,5}(/|$)")


@dataclass(frozen=True, slots=True)
class Track:
    """``codec`` is ``None`` for anything that is not a picture we decode; ``control`` is as the camera wrote it."""

    media: str  # video, audio, application ...
    payload_type: int
    encoding: str  # as in rtpmap, upper case: H264, PCMA, VND.ONVIF.METADATA ...
    clock_rate: int
    codec: Codec | None
    control: str = ""
    fmtp: dict[str, str] = field(default_factory=dict)
    parameter_sets: ParameterSets | None = None
    framerate: float | None = None
    dimensions: tuple[int, int] | None = None
    bandwidth: int | None = None  # kbit/s


@dataclass(frozen=True, slots=True)
class Description:
    name: str = ""
    tool: str = ""
    control: str = ""
    tracks: tuple[Track, ...] = ()

    def video(self) -> Track | None:
        """The first video track of a codec we know."""
        return next((t for t in self.tracks if t.media == "video" and t.codec is not None), None)


def parse(body: bytes) -> Description:
    """Raises ``PROTOCOL`` where there is no description at all and ``TOO_LARGE`` beyond the caps."""
    if len(body) > MAX_BYTES:
        raise XueliangError(Kind.TOO_LARGE, f"a description of {len(body)} bytes, more than {MAX_BYTES}")
    found = _MEDIA.search(body)
    at = found.start() if found else len(body)
    head: dict[str, str] = {}
    seen = found is not None
    lines = _lines(body[:at])
    for line in lines:
        key, equals, value = line.lstrip().partition("=")
        if equals and len(key) == 1:
            seen = True
            _attribute(key, value.strip(), head, {}, {})
    if not seen:
        raise XueliangError(Kind.PROTOCOL, "an answer without a session description", facts={"position": 0})
    media = body[at:]
    tracks = _kept_tracks(media) if len(media) <= MAX_KEPT else _read_tracks(media)
    return Description(printable(head.get("s", "")), printable(head.get("tool", "")), head.get("control", ""), tracks)


def _lines(text: bytes) -> list[str]:
    lines = text.decode("utf-8", "replace").replace("\r", "\n").split("\n", MAX_LINES)
    if len(lines) > MAX_LINES:
        raise XueliangError(Kind.TOO_LARGE, f"a description of more than {MAX_LINES} lines")
    return lines


def _read_tracks(media: bytes) -> tuple[Track, ...]:
    sections: list[list[str]] = []
    for line in _lines(media):
        key, equals, value = line.lstrip().partition("=")
        if not equals or len(key) != 1:
            continue
        if key == "m":
            if len(sections) >= MAX_TRACKS:
                raise XueliangError(Kind.TOO_LARGE, f"a description of more than {MAX_TRACKS} tracks")
            sections.append([value.strip()])
        elif sections:
            sections[-1].append(line.strip())
    return tuple(_section(tuple(lines)) for lines in sections)


#: The media part stays the same from session to session, other than the head with its session number.
_kept_tracks = lru_cache(maxsize=2048)(_read_tracks)


def base_url(request_url: str, content_base: str = "", content_location: str = "") -> str:
    """What relative control addresses hang on: Content-Base, Content-Location, else the address asked for.

    Host and port are always those that were dialled; a value that is no RTSP address is passed over.
    """
    for value in (content_base.strip(), content_location.strip()):
        if not value or len(value) > 2048 or not value.isprintable() or " " in value:
            continue
        if _AUTHORITY.match(value):  # seen as 192.168.1.10:554/stream0/, without a scheme
            value = "rtsp://" + value
        if _SCHEME.match(value):
            dialled = on_dialled_host(request_url, value)
            if dialled:
                return dialled
        elif value.startswith("/") and not value.startswith("//"):
            return _authority(urlsplit(request_url)) + value
    return request_url


def control_url(request_url: str, base: str, control: str) -> str:
    """The address to SETUP or PLAY. Cameras expect the control to be appended to the whole base, query and all
    (what players have always done), not resolved as RFC 3986 would."""
    control = control.strip()
    if control in ("", "*") or len(control) > 2048 or not control.isprintable() or " " in control:
        return base
    if _SCHEME.match(control):
        return on_dialled_host(request_url, control) or base
    if control.startswith("?") or base.endswith("/"):
        return base + control.lstrip("/")
    return f"{base}/{control.lstrip('/')}"


def aggregate_url(request_url: str, base: str, description: Description) -> str:
    """The address to PLAY, keep alive and TEARDOWN the whole session."""
    return control_url(request_url, base, description.control)


def track_url(request_url: str, base: str, description: Description, track: Track) -> str:
    """A relative track hangs on the session's own control where that is absolute (RFC 2326 section C.1.1)."""
    if _SCHEME.match(description.control) and "?" not in description.control:
        base = aggregate_url(request_url, base, description)
    return control_url(request_url, base, track.control)


def on_dialled_host(request_url: str, url: str) -> str:
    """``url`` with scheme, host and port of ``request_url`` and without user information; "" if it is no RTSP URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("rtsp", "rtspt", "rtspu", "rtsps"):
        return ""
    query = f"?{parts.query}" if parts.query else ""
    return _authority(urlsplit(request_url)) + parts.path + query


def _authority(dialled: SplitResult) -> str:
    return f"{dialled.scheme}://{dialled.netloc.rpartition('@')[2]}"


def _section(lines: tuple[str, ...]) -> Track:
    """One medium."""
    plain: dict[str, str] = {}
    maps: dict[int, str] = {}
    formats: dict[int, str] = {}
    for line in lines[1:]:
        key, _, value = line.partition("=")
        _attribute(key, value.strip(), plain, maps, formats)
    return _track(lines[0], plain, maps, formats)


def _attribute(key: str, value: str, plain: dict[str, str], maps: dict[int, str], formats: dict[int, str]) -> None:
    if key != "a":
        if key in "sb":
            plain.setdefault(key, value)
        return
    name, _, text = value.partition(":")
    name, text = name.strip().lower(), text.strip()
    if name in ("rtpmap", "fmtp"):
        number, _, rest = text.partition(" ")
        payload_type = _number(number)
        if payload_type is not None and payload_type < 128:
            (maps if name == "rtpmap" else formats).setdefault(payload_type, rest.strip())
    elif name in ("framerate", "x-framerate"):
        # Written twice by some firmwares, first as "0S": the later usable one counts.
        if _decimal(text):
            plain["framerate"] = text
    else:
        plain.setdefault(name, text)


def _track(line: str, plain: dict[str, str], maps: dict[int, str], formats: dict[int, str]) -> Track:
    parts = line.split()
    offered = [n for n in (_number(p) for p in parts[3:19]) if n is not None and n < 128]
    payload_type = next((n for n in offered if n in maps), None)
    if payload_type is None:
        payload_type = offered[0] if offered else next(iter(maps), 0)
    encoding, rate = _STATIC.get(payload_type, ("", 90000))
    if payload_type in maps:
        name, _, rest = maps[payload_type].partition("/")
        encoding = printable(name.strip(), 40).upper()
        rate = _number(rest.split("/")[0].strip()) or rate
    media = printable(parts[0], 40).lower() if parts else ""
    codec = _CODECS.get(encoding) if media == "video" else None
    fmtp = _fmtp(formats.get(payload_type, ""))
    return Track(
        media,
        payload_type,
        encoding,
        rate,
        codec,
        plain.get("control", ""),
        fmtp,
        _parameter_sets(codec, fmtp),
        _decimal(plain.get("framerate", "")),
        _dimensions(plain.get("x-dimensions", "")),
        _number(plain.get("b", "").removeprefix("AS:")),
    )


def _fmtp(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for part in text[:16384].split(";")[:64]:
        key, _, value = part.partition("=")
        if key.strip():
            fields.setdefault(key.strip().lower(), value.strip())
    return fields


def _parameter_sets(codec: Codec | None, fmtp: dict[str, str]) -> ParameterSets | None:
    if codec is Codec.H264:
        raw = [_base64(part) for part in fmtp.get("sprop-parameter-sets", "").split(",")[:MAX_SETS]]
        wanted = {7, 8}
    elif codec is Codec.H265:
        names = ("sprop-vps", "sprop-sps", "sprop-pps")
        raw = [_base64(part) for name in names for part in fmtp.get(name, "").split(",")[:MAX_SETS]]
        wanted = {32, 33, 34}
    else:
        return None
    if not any(raw) and "config" in fmtp:
        raw = [_hex(fmtp["config"])]
    nals = [nal for part in raw for nal in annexb.split(part)]
    kept = tuple(n for n in nals if (n[0] & 31 if codec is Codec.H264 else n[0] >> 1 & 63) in wanted)
    return ParameterSets(codec, kept[:MAX_SETS]) if kept else None


def _base64(text: str) -> bytes:
    """Padding is often missing or doubled."""
    clean = text.strip().rstrip("=")
    try:
        return base64.b64decode(clean + "=" * (-len(clean) % 4))
    except (binascii.Error, ValueError):
        return b""


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _decimal(text: str) -> float | None:
    match = re.fullmatch(r"(\d{1,4})(\.\d{1,9})?", text.strip())
    value = float(match.group()) if match else 0.0
    return value if 0 < value <= 1000 else None


def _dimensions(text: str) -> tuple[int, int] | None:
    width, _, height = text.partition(",")
    w, h = _number(width), _number(height)
    return (w, h) if w and h else None
