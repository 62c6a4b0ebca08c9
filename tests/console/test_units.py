"""The console's own tests: its texts, tokens, formats and states, run by the Node that builds it."""

from __future__ import annotations

import subprocess
import sys

from tests.support.tree import ROOT


def test_the_consoles_own_tests_pass() -> None:
    words = [sys.executable, str(ROOT / "console" / "build.py"), "npm", "run", "--silent", "test", "--", "--no-color"]
    done = subprocess.run(words, cwd=ROOT / "console", capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert "passed" in done.stdout + done.stderr
