"""Every message that a guide has as a heading is one that the program really says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from center.api.problem_texts import TYPES
from tests.support.tree import ROOMS, ROOT

#: What changes in a message.
HOLE = "…"
PAGES = [ROOT / "docs/guide/what-to-do.md", ROOT / "docs/guide/zh/what-to-do.md"]
SOURCES = [*(path for room in ROOMS for path in (ROOT / room).rglob("*.py")), ROOT / "hatch_build.py"]


def spoken(node: ast.AST) -> str | None:
    """A literal text, with a hole for each value that is put in; ``None`` for what is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%(?:\.\d+)?[sdgf]|\{[\w.:]*\}", HOLE, node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else HOLE for part in node.values]
        return "".join(str(part) for part in parts)
    return None


def plain(text: str) -> str:
    """As a heading has it: one line, no mark-up of its own, one hole for several in a row."""
    return re.sub(f"{HOLE}+", HOLE, " ".join(text.replace("`", "").split()))


def literals(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        text = spoken(node)
        if text is not None and len(text) > 3:
            yield plain(text)


@cache
def said() -> frozenset[str]:
    """All that the program and the console can say."""
    found = {text for path in SOURCES for text in literals(path.read_text("utf-8"))}
    for problem in TYPES.values():
        found |= {plain(re.sub(r"\{\w+\}", HOLE, text)) for text in (*problem.zh, *problem.en)}
    for path in (ROOT / "console/src/i18n").rglob("*.ts"):
        for text in re.findall(r'"((?:[^"\\]|\\.)*)"', path.read_text("utf-8")):
            found.add(plain(re.sub(r"\{\w+\}", HOLE, text)))
    return frozenset(found)


def is_said(text: str) -> bool:
    """As it stands, or with something put into the holes of a message that is mostly its own words."""
    if text in said():
        return True
    mostly = (one for one in said() if HOLE in one and 2 * len(one.replace(HOLE, "")) > len(text))
    return any(re.fullmatch(re.escape(one).replace(re.escape(HOLE), ".+"), text) for one in mostly)


def headings(page: Path) -> list[str]:
    return re.findall(r"^## `(.+)`$", page.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_heading_is_a_message_of_ours(page: Path) -> None:
    found = headings(page)
    assert len(found) >= 15
    assert [text for text in found if not is_said(text)] == []
    every = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)
    assert [text for text in every if text.strip("`") not in found] == []


def test_a_heading_that_nobody_says_is_seen() -> None:
    assert not is_said("no such message of ours")
    assert is_said("pg_dump is not installed, and a PostgreSQL database is copied with nothing else")
    assert f"cannot do {HOLE} of {HOLE}!" in literals('raise E(f"cannot do {what:g} " f"of {most}" "!")')
    assert list(literals('log.warning("x %s of %d")')) == [f"x {HOLE} of {HOLE}"]
