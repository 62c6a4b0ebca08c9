"""Pure: a diagnosis as lines for a technician's terminal, in Chinese or English."""

from __future__ import annotations

from collections.abc import Iterator

from health.diagnosis import Acceptance, Diagnosis, Seen, name_of
from health.observation import Picture


def lines(diagnosis: Diagnosis, accept: Acceptance, zh: bool) -> Iterator[str]:
    seen = diagnosis.seen
    yield f"{seen.url}  {_verdict(diagnosis, zh)}"
    yield from _timings(seen, accept, zh)
    yield from _stream(seen, zh)
    yield from _picture(seen, zh)
    for finding in diagnosis.findings:
        mark = "✗" if finding.bad else "!"
        measure = finding.measure
        number = ""
        if measure is not None and measure.value is not None and measure.threshold is not None:
            number = f" ({measure.value:.4g} > {measure.threshold:g})"
        yield f"  {mark} {name_of(finding.name).in_language(zh)}{number}: {finding.words.in_language(zh)}"


def cause_line(diagnosis: Diagnosis, zh: bool) -> str:
    """Why the stream is not usable, in one line for standard error."""
    name = name_of(diagnosis.cause).in_language(zh)
    failure = diagnosis.seen.failure
    what = f": {failure.what}" if failure is not None else ""
    advice = next((f.words.in_language(zh) for f in diagnosis.findings if f.bad), "")
    return f"{name}{what}. {advice}" if not zh else f"{name}{what}。{advice}"


def _verdict(diagnosis: Diagnosis, zh: bool) -> str:
    if diagnosis.usable:
        return "可用" if zh else "usable"
    return f"{'不可用：' if zh else 'NOT usable: '}{name_of(diagnosis.cause).in_language(zh)}"


def _timings(seen: Seen, accept: Acceptance, zh: bool) -> Iterator[str]:
    t = seen.timings
    steps = (
        ("连接" if zh else "connect", t.connect),
        ("认证" if zh else "auth", t.auth),
        ("描述" if zh else "describe", t.describe),
        ("建立" if zh else "setup", t.setup),
    )
    shown = "  ".join(f"{name} {value * 1000:.1f} ms" for name, value in steps if value is not None)
    if shown:
        yield f"  {shown}"
    delays = (
        ("信令时延" if zh else "signalling", t.signalling, accept.signalling),
        ("视频流时延" if zh else "stream", t.stream, accept.stream),
        ("关键帧时延" if zh else "key frame", t.keyframe, accept.keyframe),
    )
    shown = "  ".join(f"{n} {v * 1000:.1f} ms (≤ {limit * 1000:g})" for n, v, limit in delays if v is not None)
    if shown:
        yield f"  {shown}"


def _stream(seen: Seen, zh: bool) -> Iterator[str]:
    form, facts = seen.format, seen.facts
    if form is not None:
        parts = [form.codec.value.upper(), form.profile, f"{form.level / 10:g}" if form.level else ""]
        parts.append(f"{form.width}x{form.height}")
        yield "  " + " ".join(part for part in parts if part) + f"  {seen.transport}"
    if facts is None:
        return
    items = []
    if facts.fps is not None:
        items.append(f"{facts.fps:.1f} fps")
    if facts.bitrate is not None:
        items.append(f"{facts.bitrate / 1e6:.2f} Mbit/s")
    if facts.gop_seconds is not None:
        items.append(f"GOP {facts.gop_frames} ({facts.gop_seconds:.2f} s)")
    elif facts.gop_at_least is not None:
        items.append(f"GOP > {facts.gop_at_least:.1f} s")
    words = {True: ("有B帧", "B-frames"), False: ("无B帧", "no B-frames"), None: ("B帧未知", "B-frames unknown")}
    items.append(words[facts.b_frames][0 if zh else 1])
    total = seen.packets + seen.lost
    items.append(f"{'丢包' if zh else 'loss'} {seen.lost}/{total}")
    if seen.clock_offset is not None:
        items.append(f"{'时钟偏差' if zh else 'clock'} {seen.clock_offset:+.1f} s")
    yield "  " + "  ".join(items)


def _picture(seen: Seen, zh: bool) -> Iterator[str]:
    judged = seen.judged
    if judged is None:
        return
    words = {
        Picture.GOOD: ("画面正常", "picture good"),
        Picture.BAD: ("画面异常", "picture bad"),
        Picture.CANNOT_JUDGE: ("画面无法判定", "picture cannot be judged"),
        Picture.UNKNOWN: ("画面未知", "picture unknown"),
    }
    name = f": {name_of(judged.cause).in_language(zh)}" if judged.cause else ""
    yield f"  {words[judged.picture][0 if zh else 1]}{name}"
    for measure in judged.measures:
        if measure.reason or measure.value is None:
            continue
        limit = f" ({'阈值' if zh else 'threshold'} {measure.threshold:g})" if measure.threshold is not None else ""
        said = " ✗" if measure.verdict == Picture.BAD.value else ""
        yield f"    {name_of(measure.of).in_language(zh)}: {measure.name} {measure.value:.4g}{limit}{said}"
    for reason in dict.fromkeys(m.reason for m in judged.measures if m.reason):
        what = [name_of(m.of).in_language(zh) for m in judged.measures if m.reason == reason]
        why = name_of(reason).in_language(zh)
        yield f"    未判定：{'、'.join(what)}({why})" if zh else f"    not judged: {', '.join(what)} ({why})"
