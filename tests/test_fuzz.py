"""A short run of every fuzz target; the long ones and their results are in docs/ref/fuzzing.md."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from config.errors import Kind, XueliangError

ROOT = Path(__file__).resolve().parents[1]
#: Those that parse with zeep or run a decoder cost a hundred times as much as the others.
DEAR = {"soap": 600, "decode": 600, "http": 1500, "inventory": 600, "settings": 600}
COUNT = 3000


def _runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_run", ROOT / "fuzz" / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


RUNNER = _runner()


@pytest.mark.parametrize("name", sorted(RUNNER.targets()))
def test_target(name: str) -> None:
    target = RUNNER.load(RUNNER.targets()[name])
    _, findings = RUNNER.run(target, DEAR.get(name, COUNT), seed=2)
    assert not findings, findings[0].text


def test_a_finding_is_told() -> None:
    """The runner itself can fail: a parser that breaks on one byte is found, and what refuses rightly is not."""
    broken = ModuleType("broken")
    broken.SEEDS = [b"GET /"]  # type: ignore[attr-defined]

    def one(data: bytes) -> None:
        if data[:1] == b"\x00":
            raise IndexError("broken")
        raise XueliangError(Kind.INVALID, "not what is wanted")

    broken.one = one  # type: ignore[attr-defined]
    refused, findings = RUNNER.run(broken, 20_000, seed=1)
    assert findings
    assert refused
    assert all("IndexError" in finding.text for finding in findings)


def test_every_target_is_in_the_table() -> None:
    page = (ROOT / "docs" / "ref" / "fuzzing.md").read_text("utf-8")
    missing = [name for name in RUNNER.targets() if f"`{name}`" not in page]
    assert not missing
