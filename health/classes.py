"""Pure: the two closed lists of what can be concluded of a camera, and why a picture cannot be judged.

API, metrics and console are generated from these. The names are ours and finer than the codes they map to:
inspection codes 0..10 of domestic practice, and the status and alarm words of GB/T 28181 (Catalog OFF, VLOST,
DEFECT; alarm method/type 2/1 video loss, 5/11 video abnormal).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from config.errors import Kind


class VerdictClass(StrEnum):
    """What a picture can be found to be."""

    OK = "ok"
    NO_SIGNAL = "no_signal"
    BLACK = "black"
    OVER_EXPOSED = "over_exposed"
    COVERED = "covered"
    MOVED = "moved"
    BLURRED = "blurred"
    FROZEN = "frozen"
    CAST = "cast"
    NOISE = "noise"
    STRIPES = "stripes"


class Cause(StrEnum):
    """Why no picture could be had."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    AUTH = "auth"
    LOCKED = "locked"
    BUSY = "busy"
    NO_STREAM = "no_stream"
    NO_KEYFRAME = "no_keyframe"
    STALLED = "stalled"
    UNDECODABLE = "undecodable"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"
    NOT_ALLOWED = "not_allowed"


class CannotJudge(StrEnum):
    """Why a picture was neither found good nor bad. Never counted as good, never ends an incident."""

    LEARNING = "learning"
    NEW_LIGHT = "new_light"
    DUSK = "dusk"
    GLARE = "glare"
    LOW_CONTRAST = "low_contrast"
    DARK_AT_NIGHT = "dark_at_night"
    EVIDENCE_DESTROYED = "evidence_destroyed"
    NO_EARLIER_PICTURE = "no_earlier_picture"
    CLOCK_STANDS = "clock_stands"
    GREY_PICTURE = "grey_picture"


class CatalogStatus(StrEnum):
    """GB/T 28181 Catalog event words; ``ON`` is not sent for a fault."""

    ON = "ON"
    OFF = "OFF"
    VLOST = "VLOST"
    DEFECT = "DEFECT"


@dataclass(frozen=True, slots=True)
class Name:
    """``inspection`` is the code 0..10; ``alarm`` is GB/T 28181 alarm method/type, empty where there is none."""

    zh: str
    en: str
    inspection: int
    catalog: CatalogStatus
    alarm: str = ""


_OFF, _VLOST, _DEFECT = CatalogStatus.OFF, CatalogStatus.VLOST, CatalogStatus.DEFECT

VERDICT_NAMES: Mapping[VerdictClass, Name] = {
    VerdictClass.OK: Name("正常", "ok", 0, CatalogStatus.ON),
    VerdictClass.NO_SIGNAL: Name("信号丢失", "no signal", 1, _VLOST, "2/1"),
    VerdictClass.BLACK: Name("黑屏", "black", 1, _DEFECT, "5/11"),
    VerdictClass.OVER_EXPOSED: Name("过曝", "over-exposed", 4, _DEFECT, "5/11"),
    VerdictClass.COVERED: Name("遮挡", "covered", 9, _DEFECT, "5/11"),
    # The codes know no scene change; a view that is not the set one is nearest to a lost PTZ.
    VerdictClass.MOVED: Name("场景偏移", "moved", 10, _DEFECT, "5/11"),
    VerdictClass.BLURRED: Name("模糊", "blurred", 5, _DEFECT, "5/11"),
    VerdictClass.FROZEN: Name("画面冻结", "frozen", 2, _DEFECT, "5/11"),
    VerdictClass.CAST: Name("偏色", "colour cast", 6, _DEFECT, "5/11"),
    VerdictClass.NOISE: Name("噪声", "noise", 7, _DEFECT, "5/11"),
    VerdictClass.STRIPES: Name("条纹", "stripes", 7, _DEFECT, "5/11"),
}

CAUSE_NAMES: Mapping[Cause, Name] = {
    Cause.UNREACHABLE: Name("网络不可达", "unreachable", 3, _OFF),
    Cause.REFUSED: Name("连接被拒绝", "connection refused", 3, _OFF),
    Cause.TIMEOUT: Name("超时无应答", "no answer in time", 3, _OFF),
    Cause.AUTH: Name("认证失败", "credentials refused", 3, _OFF),
    Cause.LOCKED: Name("暂停认证（防锁定）", "authentication held back", 3, _OFF),
    Cause.BUSY: Name("会话已满", "session table full", 3, _OFF),
    Cause.NO_STREAM: Name("无视频流", "no stream", 3, _VLOST, "2/1"),
    Cause.NO_KEYFRAME: Name("无关键帧", "no keyframe", 3, _VLOST, "2/1"),
    Cause.STALLED: Name("码流中断", "stream stalled", 3, _VLOST, "2/1"),
    Cause.UNDECODABLE: Name("无法解码", "undecodable", 3, _DEFECT, "5/11"),
    Cause.TOO_LARGE: Name("画面超出上限", "picture beyond the cap", 3, _DEFECT, "5/11"),
    Cause.PROTOCOL: Name("协议错误", "protocol error", 3, _OFF),
    Cause.NOT_ALLOWED: Name("地址不在许可范围", "address not allowed", 3, _OFF),
}

CANNOT_JUDGE_NAMES: Mapping[CannotJudge, tuple[str, str]] = {
    CannotJudge.LEARNING: ("正在学习基准画面", "the reference is still being learned"),
    CannotJudge.NEW_LIGHT: ("该光照下尚无基准画面", "no reference for this light yet"),
    CannotJudge.DUSK: ("晨昏时段", "the sun is near the horizon"),
    CannotJudge.GLARE: ("强光直射", "the sun or a lamp shines into the lens"),
    CannotJudge.LOW_CONTRAST: ("对比度过低（雾、雨、沙尘）", "too little contrast (fog, rain, dust)"),
    CannotJudge.DARK_AT_NIGHT: ("夜间无光，尚无夜间基准", "dark at night, and no night reference yet"),
    CannotJudge.EVIDENCE_DESTROYED: ("被其他故障掩盖", "another fault hides it"),
    CannotJudge.NO_EARLIER_PICTURE: ("尚无上一张画面", "no earlier picture to compare with"),
    CannotJudge.CLOCK_STANDS: ("源时间戳未前进", "the source's time did not advance"),
    CannotJudge.GREY_PICTURE: ("黑白画面", "a grey picture has no colour to judge"),
}

#: What the gateway's errors say about the camera. Kinds that are our own fault are not here.
CAUSE_OF_KIND: Mapping[Kind, Cause] = {
    Kind.UNREACHABLE: Cause.UNREACHABLE,
    Kind.REFUSED: Cause.REFUSED,
    Kind.TIMEOUT: Cause.TIMEOUT,
    Kind.AUTH: Cause.AUTH,
    Kind.LOCKED: Cause.LOCKED,
    Kind.BUSY: Cause.BUSY,
    Kind.NO_STREAM: Cause.NO_STREAM,
    Kind.NO_KEYFRAME: Cause.NO_KEYFRAME,
    Kind.STALLED: Cause.STALLED,
    Kind.UNDECODABLE: Cause.UNDECODABLE,
    Kind.TOO_LARGE: Cause.TOO_LARGE,
    Kind.PROTOCOL: Cause.PROTOCOL,
    Kind.NOT_ALLOWED: Cause.NOT_ALLOWED,
}


def cause_of(kind: Kind) -> Cause | None:
    """``None``: the failure is ours (no capacity, a defect), and the camera's state stays unknown."""
    return CAUSE_OF_KIND.get(kind)
