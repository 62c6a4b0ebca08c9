"""Pure: which streams of which servers are tried, how, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass

USER, PASSWORD = "viewer", "look here"
#: MediaMTX knows no spaces in a password.
PLAIN_PASSWORD = "look-here"

GST = "gst-rtsp-server"
IPYCAM = "ipycam"
PERL = "RTSP::Server"
MEDIAMTX = "MediaMTX"
GO2RTC = "go2rtc"


@dataclass(frozen=True, slots=True)
class Case:
    """``login`` is ``none`` or ``digest``; ``transport`` as in ``StreamTarget``. ``gop_seconds`` is what is known of
    the stream beforehand. ``defect`` names what is wrong with the server here; then the error in words is expected."""

    server: str
    stream: str
    codec: str
    profile: str
    width: int
    height: int
    transport: str = "tcp"
    login: str = "none"
    arrives_by: str = ""  # where the transport is left open
    b_frames: bool = False
    gop_seconds: float = 1.0
    defect: str = ""
    password: str = PASSWORD

    @property
    def name(self) -> str:
        return f"{self.server} {self.stream} {self.transport} {self.login}"


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a case: ``outcome`` in words; ``passed`` says that it is what must come of it."""

    case: Case
    passed: bool
    outcome: str
    milliseconds: float = 0.0


_GST_STREAMS = (
    ("h264-baseline", "h264", "baseline", (640, 360), False, 1.0),
    ("h264-main", "h264", "main", (1280, 720), False, 1.0),
    ("h264-high", "h264", "high", (640, 360), False, 1.0),
    ("h264-high-bframes", "h264", "high", (640, 360), True, 1.0),
    ("h264-long-gop", "h264", "main", (640, 360), False, 10.0),
    ("h264-late-keyframe", "h264", "main", (640, 360), False, 4.0),
    ("h264-two-profiles", "h264", "main", (640, 360), False, 1.0),
    ("h264-sets-in-sdp", "h264", "main", (640, 360), False, 1.0),
    ("h264-high-ffmpeg", "h264", "high", (640, 360), True, 10.0),
    ("h265-main", "h265", "main", (640, 360), False, 1.0),
    ("h265-main-ffmpeg", "h265", "main", (640, 360), True, 10.0),
    ("mjpeg", "mjpeg", "", (640, 360), False, 0.05),
)
#: One stream of each codec is tried over every transport with every login, the others without a login.
_EVERY_WAY = ("h264-main", "h265-main", "mjpeg")


def _gst_cases() -> list[Case]:
    cases = []
    for stream, codec, profile, (width, height), b_frames, gop in _GST_STREAMS:
        for login in ("none", "digest") if stream in _EVERY_WAY else ("none",):
            cases += [
                Case(GST, stream, codec, profile, width, height, transport, login, transport, b_frames, gop)
                for transport in ("tcp", "udp")
            ]
    for login in ("none", "digest"):
        cases.append(Case(GST, "h264-udp-only", "h264", "main", 640, 360, "auto", login, "udp"))
    return cases


def _ipycam_cases() -> list[Case]:
    """Its RTSP side knows no login at all."""
    silent = "answers SETUP and PLAY over UDP and sends nothing"
    return [
        Case(IPYCAM, "video_main", "h264", "baseline", 640, 360, "tcp", arrives_by="tcp"),
        Case(IPYCAM, "video_sub", "h264", "baseline", 320, 180, "tcp", arrives_by="tcp"),
        Case(IPYCAM, "video_main", "h264", "baseline", 640, 360, "udp", defect=silent),
    ]


def _perl_cases() -> list[Case]:
    """It passes RTP on over UDP alone, from whatever place of the GOP its source is at."""
    refuses = "answers 400, not 461, when asked for TCP"
    return [
        Case(PERL, "h264-pushed", "h264", "baseline", 640, 360, "udp", arrives_by="udp", gop_seconds=3.0),
        Case(PERL, "h265-pushed", "h265", "main", 640, 360, "udp", arrives_by="udp", gop_seconds=3.0),
        Case(PERL, "h264-pushed", "h264", "baseline", 640, 360, "auto", arrives_by="udp", gop_seconds=3.0),
        Case(PERL, "h264-pushed", "h264", "baseline", 640, 360, "tcp", defect=refuses),
    ]


def _mediamtx_cases() -> list[Case]:
    """``h264-locked`` is ``h264-pushed`` once more, pulled by the server itself."""
    ways = (
        ("h264-pushed", "none", "tcp", "tcp"),
        ("h264-pushed", "none", "udp", "udp"),
        ("h264-pushed", "none", "auto", "tcp"),
        ("h264-locked", "digest", "tcp", "tcp"),
        ("h264-locked", "digest", "udp", "udp"),
    )
    h264 = [
        Case(MEDIAMTX, stream, "h264", "baseline", 640, 360, how, login, by, gop_seconds=3.0, password=PLAIN_PASSWORD)
        for stream, login, how, by in ways
    ]
    return [*h264, Case(MEDIAMTX, "h265-pushed", "h265", "main", 640, 360, arrives_by="tcp", gop_seconds=3.0)]


def _go2rtc_cases() -> list[Case]:
    """It serves TCP alone."""
    return [
        Case(GO2RTC, stream, codec, profile, 640, 360, arrives_by="tcp", gop_seconds=3.0)
        for stream, codec, profile in (("h264-pushed", "h264", "baseline"), ("h265-pushed", "h265", "main"))
    ]


GST_CASES: tuple[Case, ...] = tuple(_gst_cases())
IPYCAM_CASES: tuple[Case, ...] = tuple(_ipycam_cases())
PERL_CASES: tuple[Case, ...] = tuple(_perl_cases())
MEDIAMTX_CASES: tuple[Case, ...] = tuple(_mediamtx_cases())
GO2RTC_CASES: tuple[Case, ...] = tuple(_go2rtc_cases())
CASES: tuple[Case, ...] = GST_CASES + PERL_CASES + IPYCAM_CASES + MEDIAMTX_CASES + GO2RTC_CASES
