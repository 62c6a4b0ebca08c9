"""Pure: the closed list of what can go wrong with a virtual camera, and what a watcher should conclude from each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    HANGS = "hangs"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a fault
    SESSION_LIMIT = "session_limit"
    NO_STREAM = "no_stream"
    STALL = "stall"
    NO_KEYFRAME = "no_keyframe"
    UNDECODABLE = "undecodable"
    SETS_IN_SDP = "sets_in_sdp"
    BLACK = "black"
    WHITE = "white"
    COVERED_30 = "covered_30"
    COVERED_50 = "covered_50"
    COVERED_70 = "covered_70"
    COVERED_100 = "covered_100"
    MOVED = "moved"
    BLURRED = "blurred"
    CAST = "cast"
    NOISE = "noise"
    STRIPES = "stripes"
    FROZEN = "frozen"
    SIGNAL_LOST = "signal_lost"
    CLOCK_SKEW = "clock_skew"
    REBOOT = "reboot"
    LINK_LOST = "link_lost"


class Layer(StrEnum):
    """What a fault acts on. On a recorder, device faults hold for all its channels, the others for one."""

    DEVICE = "device"
    STREAM = "stream"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Expectation:
    """``classes``: any of these words is a right conclusion; empty means the camera is to be shown as healthy.

    ``findings`` may be said beside the verdict. ``certain`` is false where a careful judge may well not see it.
    ``unit`` names what ``parameter`` counts (``low`` to ``high``), empty where the fault takes none.
    """

    layer: Layer
    classes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    certain: bool = True
    unit: str = ""
    default: float = 0.0
    low: float = 0.0
    high: float = 0.0


_D, _S, _P = Layer.DEVICE, Layer.STREAM, Layer.PICTURE

EXPECTED: dict[Fault, Expectation] = {
    Fault.LINK_LOST: Expectation(_D, ("unreachable", "timeout")),
    Fault.UNREACHABLE: Expectation(_D, ("unreachable", "timeout")),
    Fault.REFUSED: Expectation(_D, ("refused",)),
    Fault.REBOOT: Expectation(_D, ("refused",), unit="seconds", default=45.0, low=0.1, high=3600.0),
    Fault.HANGS: Expectation(_D, ("timeout",)),
    # The first refusal is "auth"; a watcher that holds back afterwards says "locked".
    Fault.WRONG_PASSWORD: Expectation(_D, ("auth", "locked")),
    Fault.SESSION_LIMIT: Expectation(_D, ("busy",), unit="sessions", default=0.0, low=0.0, high=64.0),
    Fault.NO_STREAM: Expectation(_S, ("no_stream",)),
    Fault.STALL: Expectation(_S, ("stalled", "no_stream"), unit="seconds", default=0.0, low=0.0, high=3600.0),
    Fault.NO_KEYFRAME: Expectation(_S, ("no_keyframe",)),
    Fault.UNDECODABLE: Expectation(_S, ("undecodable",)),
    Fault.SETS_IN_SDP: Expectation(_S),
    Fault.SIGNAL_LOST: Expectation(_P, ("no_signal",)),
    Fault.BLACK: Expectation(_P, ("black",)),
    Fault.WHITE: Expectation(_P, ("over_exposed",)),
    Fault.COVERED_100: Expectation(_P, ("covered",)),
    Fault.COVERED_70: Expectation(_P, ("covered",)),
    Fault.COVERED_50: Expectation(_P, ("covered",)),
    Fault.COVERED_30: Expectation(_P, ("covered",), certain=False),
    Fault.FROZEN: Expectation(_P, ("frozen",)),
    Fault.MOVED: Expectation(_P, ("moved",), unit="share of the width", default=0.08, low=0.01, high=0.5),
    Fault.BLURRED: Expectation(_P, ("blurred",), unit="pixels at 640", default=6.0, low=0.5, high=16.0),
    Fault.STRIPES: Expectation(_P, ("stripes",), unit="grey levels", default=20.0, low=2.0, high=80.0),
    Fault.NOISE: Expectation(_P, ("noise",), unit="grey levels", default=35.0, low=5.0, high=80.0),
    Fault.CAST: Expectation(_P, ("cast",), unit="gain", default=1.9, low=1.1, high=4.0),
    Fault.CLOCK_SKEW: Expectation(_D, findings=("clock",), unit="seconds", default=300.0, low=-1e8, high=1e8),
}

#: Words for people: what the fault is on a real camera.
MEANING: dict[Fault, str] = {
    Fault.REFUSED: "the host answers, its ports are closed",
    Fault.UNREACHABLE: "no route to the device, or nothing answers",
    Fault.HANGS: "connections are accepted and nothing is ever said on them",
    Fault.WRONG_PASSWORD: "somebody changed the password on the device",
    Fault.SESSION_LIMIT: "the session table is full",
    Fault.NO_STREAM: "the channel has no stream (404)",
    Fault.STALL: "packets stop some seconds after PLAY",
    Fault.NO_KEYFRAME: "only predicted pictures are sent",
    Fault.UNDECODABLE: "keyframes arrive whole and cannot be decoded",
    Fault.SETS_IN_SDP: "parameter sets are in the SDP only, never in the stream",
    Fault.BLACK: "the picture is black",
    Fault.WHITE: "the picture is over-exposed",
    Fault.COVERED_30: "30 % of the picture are covered",
    Fault.COVERED_50: "half of the picture is covered",
    Fault.COVERED_70: "70 % of the picture are covered",
    Fault.COVERED_100: "the lens is covered",
    Fault.MOVED: "the camera looks elsewhere",
    Fault.BLURRED: "out of focus, or a dirty dome",
    Fault.CAST: "colours are shifted",
    Fault.NOISE: "strong noise",
    Fault.STRIPES: "stripes, as from interference",
    Fault.FROZEN: "the encoder repeats one picture while its timestamps advance",
    Fault.SIGNAL_LOST: "the encoder has no video signal and says so in the picture",
    Fault.CLOCK_SKEW: "the device's clock is wrong",
    Fault.REBOOT: "the device restarts and is away meanwhile",
    Fault.LINK_LOST: "the link of a whole group is down",
}


def check_parameter(fault: Fault, parameter: float | None) -> float:
    """``parameter`` or the fault's default. Raises ``ValueError`` that says the unit and what is allowed."""
    rule = EXPECTED[fault]
    if parameter is None:
        return rule.default
    if not rule.unit:
        raise ValueError(f"{fault} takes no parameter")
    if not rule.low <= parameter <= rule.high:
        raise ValueError(f"{fault}: {parameter:g} {rule.unit}, allowed is {rule.low:g} to {rule.high:g}")
    return float(parameter)
