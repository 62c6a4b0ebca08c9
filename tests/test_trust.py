"""The page of promises names tests that are there, and what must never be loaded is not."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache

from tests.support.tree import ROOT

PAGE = ROOT / "docs/design/trust.md"
_NAMED = re.compile(r"`(tests/[\w/]+\.py)?::(test_\w+)`")


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def named(text: str) -> list[tuple[str, str]]:
    """File and test of every mention; a name without a file is of the one before it."""
    found, path = [], ""
    for given, test in _NAMED.findall(text):
        path = given or path
        found.append((path, test))
    return found


def test_every_test_that_the_page_names_is_there() -> None:
    mentions = named(PAGE.read_text("utf-8"))
    assert len(mentions) > 100
    missing = [(path, test) for path, test in mentions if not (ROOT / path).is_file() or test not in functions_of(path)]
    assert missing == []


def test_a_promise_without_a_test_is_seen() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ") and "---" not in line]
    bare = [row for row in rows if row.split("|")[2].strip() not in ("held by", "") and not named(row)]
    assert len(rows) > 60
    assert bare == []
    assert named("| x | `tests/test_trust.py::test_a`, `::test_b` |") == [
        ("tests/test_trust.py", "test_a"),
        ("tests/test_trust.py", "test_b"),
    ]


def test_serve_cannot_start_a_simulator() -> None:
    """What the command loads has no virtual camera in it."""
    program = (
        "import sys, center.commands.serve, center.serving\n"
        "print([name for name in sys.modules if name.startswith('camera_gateway.simulator')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[]"
