"""Pure: the demo's view: one line a camera on a terminal, one line a change in a pipe."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from center.status_text import cause_name, pad, seconds_text, state_name
from health.state import CameraState, Change, State

_COLOURS = {
    State.OK: "32",
    State.FAULT: "31",
    State.OFFLINE: "31;1",
    State.CANNOT_JUDGE: "33",
    State.UNKNOWN: "90",
    State.MAINTENANCE: "36",
}
#: Home, clear from there on; hide and show the cursor (ECMA-48).
HOME, HIDE, SHOW = "\x1b[H\x1b[J", "\x1b[?25l", "\x1b[?25h"


@dataclass(frozen=True, slots=True)
class Line:
    """``truth`` is what the virtual camera has been told to do, for comparison; ``state`` what we concluded."""

    name: str
    state: CameraState | None
    truth: str


def greeting(url: str, logins: Sequence[tuple[str, str]], zh: bool) -> list[str]:
    """Where the console is, and who may log in."""
    width = max(len(name) for name, _ in logins)
    words = ("控制台", "登录名与密码：") if zh else ("console", "names and passwords:")
    return [f"{words[0]}  {url}", words[1], *(f"  {name:<{width}}  {password}" for name, password in logins)]


def stranger(host: str, user: str, password: str, zh: bool) -> str:
    """A device that waits for somebody to adopt it."""
    words = ("待纳管", "账号", "密码") if zh else ("to be adopted", "account", "password")
    return f"{words[0]}  {host}  {words[1]} {user}  {words[2]} {password}"


def head(url: str, logins: Sequence[tuple[str, str]], columns: int, zh: bool) -> list[str]:
    """The same in as few lines as fit, to stand above the view."""
    lines = [f"xueliang demo  {url}  Ctrl-C {'结束' if zh else 'ends it'}"]
    for name, password in logins:
        text = f"{name} {password}"
        if len(lines) > 1 and len(lines[-1]) + 3 + len(text) <= columns:
            lines[-1] += f"   {text}"
        else:
            lines.append(text)
    return lines


def screen(lines: list[Line], head: Sequence[str], now: datetime, height: int, zh: bool) -> str:
    """As many lines as fit; cameras in trouble first."""
    counts = Counter(line.state.state if line.state else State.UNKNOWN for line in lines)
    shown = sorted(lines, key=lambda line: (line.state is not None and line.state.state is State.OK, line.name))
    room = max(1, height - 4 - len(head))
    heads = ("名称", "状态", "原因", "持续", "样本龄", "实际") if zh else _HEADS
    rows = [*head, "  ".join(f"{state_name(state.value, zh)} {counts[state]}" for state in State if counts[state]), ""]
    rows.append("  ".join(pad(text, width) for text, width in zip(heads, _WIDTHS, strict=True)).rstrip())
    rows += [_row(line, now, zh) for line in shown[:room]]
    if len(shown) > room:
        rows.append(f"… {len(shown) - room}")
    return "\n".join(rows)


_HEADS = ("name", "state", "cause", "for", "age", "truth")
_WIDTHS = (44, 12, 26, 6, 6, 24)


def _row(line: Line, now: datetime, zh: bool) -> str:
    state = line.state
    if state is None:
        return f"{_cell(line.name, _WIDTHS[0])}  {state_name('unknown', zh)}"
    value = state_name(state.state.value, zh)
    age = (now - state.last_at).total_seconds() if state.last_at else None
    cells = (
        _cell(line.name, _WIDTHS[0]),
        f"\x1b[{_COLOURS[state.state]}m{pad(value, _WIDTHS[1])}\x1b[0m",
        pad(cause_name(state.cause, zh) if state.state is not State.OK else "", _WIDTHS[2]),
        pad(seconds_text((now - state.since).total_seconds()), _WIDTHS[3]),
        pad(seconds_text(age), _WIDTHS[4]),
        line.truth,
    )
    return "  ".join(cells).rstrip()


def _cell(text: str, width: int) -> str:
    """Exactly ``width`` terminal columns."""
    used = 0
    for place, letter in enumerate(text):
        used += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if used > width:
            return pad(text[:place], width)
    return pad(text, width)


def change_line(name: str, change: Change, truth: str, zh: bool) -> str:
    """``12:00:05 lane 3  ok -> fault: covered  (truth: covered_70)``"""
    cause = f": {cause_name(change.cause, zh)}" if change.cause else ""
    at = change.at.astimezone().strftime("%H:%M:%S")
    known = f"  ({'实际' if zh else 'truth'}: {truth})" if truth else ""
    return f"{at} {name}  {state_name(change.old, zh)} -> {state_name(change.new, zh)}{cause}{known}"


def ready(states: Mapping[str, CameraState], expected: int) -> bool:
    """Whether every camera is known and was found well, so that its reference is accepted and faults may begin."""
    return len(states) >= expected and all(state.last_good_at is not None for state in states.values())
