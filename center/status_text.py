"""Pure: states of cameras as lines for a terminal, in Chinese or English."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from health.advice import advice
from health.diagnosis import name_of

STATES: Mapping[str, tuple[str, str]] = {
    "ok": ("正常", "ok"),
    "fault": ("故障", "fault"),
    "offline": ("离线", "offline"),
    "cannot_judge": ("无法判定", "cannot judge"),
    "unknown": ("未知", "unknown"),
    "maintenance": ("检修", "maintenance"),
}
#: Reasons of our own for not knowing.
OWN: Mapping[str, tuple[str, str]] = {
    "never_checked": ("尚未检查", "never checked"),
    "not_watched": ("未在检查", "not watched"),
    "link_lost": ("链路中断", "link lost"),
    "own_uplink": ("本端网络故障", "our own uplink"),
    "maintenance": ("检修", "maintenance"),
}


def state_name(state: str, zh: bool) -> str:
    return STATES.get(state, (state, state))[0 if zh else 1]


def cause_name(cause: str, zh: bool) -> str:
    if cause in OWN:
        return OWN[cause][0 if zh else 1]
    return name_of(cause).in_language(zh) if cause else ""


def seconds_text(seconds: float | None) -> str:
    """``8s``, ``5m``, ``3h``, ``2d``; ``-`` for none."""
    if seconds is None:
        return "-"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size * 2:
            return f"{seconds / size:.0f}{unit}"
    return f"{max(0.0, seconds):.0f}s"


def pad(text: str, width: int) -> str:
    """Filled up to so many terminal columns; Chinese characters take two."""
    used = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
    return text + " " * max(0, width - used)


def table(answer: Mapping[str, Any], zh: bool) -> Iterator[str]:
    """Those that are not well first, the longest in trouble on top; then a line of counts."""
    rows = sorted(answer["cameras"], key=lambda c: (c["state"] == "ok", c["since"]))
    heads = ("名称", "状态", "原因", "起始", "样本龄") if zh else ("name", "state", "cause", "since", "age")
    yield "  ".join(pad(head, width) for head, width in zip(heads, _WIDTHS, strict=True)).rstrip()
    for row in rows:
        yield row_text(row, zh)
    counts = answer.get("counts", {})
    yield "  ".join(f"{state_name(state, zh)} {number}" for state, number in counts.items() if number)


_WIDTHS = (32, 12, 28, 19, 6)


def row_text(row: Mapping[str, Any], zh: bool) -> str:
    cells = (
        str(row["name"])[:32],
        state_name(row["state"], zh),
        cause_name(row["cause"], zh) if row["state"] != "ok" else "",
        _time(row["since"]),
        seconds_text(row["age"]),
    )
    return "  ".join(pad(cell, width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def one_camera(row: Mapping[str, Any], zh: bool) -> Iterator[str]:
    """Everything known of one camera, with what to do about it."""
    cause = cause_name(row["cause"], zh)
    head = f"{row['name']}  {state_name(row['state'], zh)}" + (f": {cause}" if cause and row["state"] != "ok" else "")
    yield head
    words = ("起始", "链路", "画面", "依据", "最近样本", "最近正常", "下次检查") if zh else _WORDS
    yield f"  {pad(words[0], 12)} {_time(row['since'])}"
    yield f"  {pad(words[1], 12)} {row['link']} {cause_name(row['link_cause'], zh)} {_time(row['link_since'])}"
    yield f"  {pad(words[2], 12)} {row['picture']} {cause_name(row['picture_cause'], zh)} {_time(row['picture_since'])}"
    yield f"  {pad(words[3], 12)} {row['layer']}"
    yield f"  {pad(words[4], 12)} {_time(row['last_at'])} ({seconds_text(row['age'])})"
    yield f"  {pad(words[5], 12)} {_time(row['last_good_at'])}"
    yield f"  {pad(words[6], 12)} {_time(row['next_check_at'])}"
    for name, number in ((row.get("last_picture") or {}).get("delays") or {}).items():
        if number is not None:
            yield f"  {pad(name, 12)} {number:.0f} ms"
    for finding in row.get("findings") or ():
        yield f"  ! {finding['zh' if zh else 'en']}"
    found = advice(row["cause"]) if row["state"] != "ok" else None
    if found is not None:
        yield f"  → {found.in_language(zh)}"
    yield f"  id {row['camera_id']}"


_WORDS = ("since", "link", "picture", "rests on", "last sample", "last good", "next check")


def _time(text: str | None) -> str:
    if not text:
        return "-"
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
