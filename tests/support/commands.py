"""Wiring: a command of the program on a data folder of the test's own. A room's conftest imports ``run``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from center.cli import main

#: Words of the command to its exit code, its document and its standard error.
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """With ``--json``, on ``data`` in the test's folder."""

    def command(*words: str) -> tuple[int, Any, str]:
        code = main([*words, "--data", str(tmp_path / "data"), "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return command
