"""Pure: one full diagnosis of one stream: what was measured, held against what, found to be what, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from camera_gateway.access_unit import Codec
from camera_gateway.rtsp.timing import Timings
from camera_gateway.rtsp.video_format import VideoFormat
from config.errors import XueliangError
from health.advice import Words, advice
from health.classes import CANNOT_JUDGE_NAMES, CAUSE_NAMES, VERDICT_NAMES, CannotJudge, cause_of
from health.detectors import Value
from health.observation import Measure, Picture
from health.stream_facts import StreamFacts
from health.verdict import Verdicts


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a stream must keep to pass, in seconds and shares: the delays are common acceptance values."""

    signalling: float = 0.5
    stream: float = 2.0
    keyframe: float = 6.0
    gop: float = 5.0
    loss: float = 0.001
    clock: float = 5.0


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of the picture: ``cause`` names a verdict class or why it cannot be judged, empty when good."""

    picture: Picture
    cause: str = ""
    also: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything one look at a stream brought, as far as it came; ``failure`` is where it ended early."""

    url: str
    timings: Timings
    failure: XueliangError | None = None
    format: VideoFormat | None = None
    facts: StreamFacts | None = None
    packets: int = 0
    lost: int = 0
    clock_offset: float | None = None
    transport: str = ""
    judged: Judged | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """``measure`` is set where a number was held against a threshold; ``bad`` makes the stream unusable."""

    name: str
    words: Words
    bad: bool = False
    measure: Measure | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    seen: Seen
    cause: str
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        return not any(finding.bad for finding in self.findings)


#: One picture of a stream nobody has watched before cannot say these; that is not held against the stream.
_NEEDS_TIME = frozenset({CannotJudge.LEARNING, CannotJudge.NEW_LIGHT, CannotJudge.NO_EARLIER_PICTURE})


def judged_once(verdicts: Verdicts) -> Judged:
    """What one picture alone can say: the absolute rules; what would need references is listed as not judged."""
    measures = tuple(
        Measure(
            item.measure,
            item.measured,
            item.threshold,
            item.verdict_class.value,
            item.value.value,
            item.reason.value if item.reason is not None else "",
        )
        for item in verdicts.items
    )
    cause = verdicts.cause.value if verdicts.cause is not None else ""
    if verdicts.value is Value.CANNOT_JUDGE and verdicts.cause in _NEEDS_TIME:
        return Judged(Picture.GOOD, "", (), measures)
    also = tuple(verdict.value for verdict in verdicts.also)
    return Judged(Picture(verdicts.value.value), cause, also, measures)


_NAMES: Mapping[str, Words] = {
    **{cause.value: Words(name.zh, name.en) for cause, name in CAUSE_NAMES.items()},
    **{verdict.value: Words(name.zh, name.en) for verdict, name in VERDICT_NAMES.items()},
    **{reason.value: Words(zh, en) for reason, (zh, en) in CANNOT_JUDGE_NAMES.items()},
}


def diagnose(seen: Seen, acceptance: Acceptance | None = None) -> Diagnosis:
    """The findings in the order a technician should read them: what makes it unusable first."""
    found = [*_failure(seen), *_picture(seen), *_stream(seen, acceptance or Acceptance())]
    cause = next((finding.name for finding in found if finding.bad), "")
    return Diagnosis(seen, cause, tuple(sorted(found, key=lambda finding: not finding.bad)))


def name_of(cause: str) -> Words:
    """The two names of a cause or class; a word of our own stands for itself."""
    return _NAMES.get(cause, Words(cause, cause))


def _failure(seen: Seen) -> Iterator[Finding]:
    if seen.failure is None:
        return
    cause = cause_of(seen.failure.kind)
    if cause is None:
        yield Finding(seen.failure.kind.value, Words(seen.failure.fix, seen.failure.fix), bad=True)
        return
    words = advice(cause.value) or Words("", "")
    yield Finding(cause.value, words, bad=True)


def _picture(seen: Seen) -> Iterator[Finding]:
    judged = seen.judged
    if judged is None or judged.picture is Picture.GOOD:
        return
    for cause in (judged.cause, *judged.also):
        words = advice(cause) or Words("", "")
        yield Finding(cause, words, bad=judged.picture is Picture.BAD)


def _stream(seen: Seen, accept: Acceptance) -> Iterator[Finding]:
    yield from _delays(seen.timings, accept)
    yield from _coding(seen, accept)
    total = seen.packets + seen.lost
    if total and seen.lost / total > accept.loss:
        words = Words(
            "丢包：检查线路、交换机端口和双工模式。", "Packets are lost: check line, switch port and duplex mode."
        )
        yield Finding("loss", words, measure=Measure("loss", seen.lost / total, accept.loss))
    offset = seen.clock_offset
    if offset is not None and abs(offset) >= accept.clock:
        yield Finding("clock", _clock_words(offset), measure=Measure("clock_offset", offset, accept.clock))


def _delays(timings: Timings, accept: Acceptance) -> Iterator[Finding]:
    limits = (
        ("signalling", timings.signalling, accept.signalling, "信令时延", "signalling"),
        ("stream", timings.stream, accept.stream, "视频流时延", "stream"),
        ("keyframe", timings.keyframe, accept.keyframe, "关键帧时延", "key frame"),
    )
    for name, value, limit, zh, en in limits:
        if value is not None and value > limit:
            words = Words(
                f"{zh}超过{limit:g}秒：检查设备负载、线路和I帧间隔。",
                f"The {en} delay is over {limit:g} s: look at the device's load, the line and the I-frame interval.",
            )
            yield Finding(f"slow_{name}", words, measure=Measure(name, value, limit))


def _coding(seen: Seen, accept: Acceptance) -> Iterator[Finding]:
    facts = seen.facts
    if facts is not None and facts.b_frames:
        words = Words(
            "码流含B帧，浏览器无法直接播放：在编码设置中关闭B帧。",
            "The stream has B-frames, which browsers cannot play live: switch them off in the encoder.",
        )
        yield Finding("b_frames", words)
    gop = (facts.gop_seconds or facts.gop_at_least) if facts is not None else None
    if gop is not None and gop > accept.gop:
        words = Words(
            f"I帧间隔超过{accept.gop:g}秒：关闭智能编码或缩短I帧间隔。",
            f"Keyframes are more than {accept.gop:g} s apart: switch smart coding off or shorten the interval.",
        )
        yield Finding("long_gop", words, measure=Measure("gop_seconds", gop, accept.gop))
    if seen.format is not None and seen.format.codec is Codec.H265:
        words = Words(
            "H.265：部分浏览器不能播放，建议子码流用H.264。",
            "H.265 does not play in every browser: keep the sub stream in H.264.",
        )
        yield Finding("h265", words)


def _clock_words(offset: float) -> Words:
    hours = round(offset / 3600)
    if hours and abs(offset - hours * 3600) < 60:
        return Words(
            f"设备时钟差整{hours:+d}小时：设备可能把本地时间当作UTC，核对时区设置。",
            f"The clock is off by whole hours ({hours:+d} h): it may send local time as UTC; check its time zone.",
        )
    return Words("设备时钟偏差过大：配置NTP校时。", "The device's clock is off: set it up for NTP.")


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """The whole report for machines. Times are in ms, offsets in s, bitrate in bit/s."""
    seen = diagnosis.seen
    timings = {key: _ms(value) for key, value in asdict(seen.timings).items()}
    total = seen.packets + seen.lost
    return {
        "url": seen.url,
        "usable": diagnosis.usable,
        "cause": diagnosis.cause,
        "cause_name": asdict(name_of(diagnosis.cause)) if diagnosis.cause else None,
        "detail": _detail(seen.failure),
        "transport": seen.transport,
        "timings_ms": timings,
        "format": asdict(seen.format) if seen.format else None,
        "stream": _stream_document(seen.facts),
        "packets": seen.packets,
        "lost": seen.lost,
        "loss": seen.lost / total if total else None,
        "clock_offset_s": seen.clock_offset,
        "picture": _picture_document(seen.judged),
        "findings": [_finding_document(finding) for finding in diagnosis.findings],
    }


def _stream_document(facts: StreamFacts | None) -> Mapping[str, Any] | None:
    return asdict(facts) if facts is not None else None


def _picture_document(judged: Judged | None) -> dict[str, Any] | None:
    if judged is None:
        return None
    return {
        "picture": judged.picture.value,
        "cause": judged.cause,
        "also": list(judged.also),
        "measures": [measure.as_dict() for measure in judged.measures],
    }


def _finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.name,
        "bad": finding.bad,
        "advice": asdict(finding.words),
        "measure": finding.measure.as_dict() if finding.measure else None,
    }


def _detail(failure: XueliangError | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {"kind": failure.kind.value, "what": failure.what, "fix": failure.fix, "facts": failure.facts}


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
