"""The harness of real footage: told apart what it counts, and quiet over healthy days."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.evaluate import main


def draw(folder: Path, days: int) -> None:
    """The same street every two hours, in other noise each time."""
    rng = np.random.default_rng(7)
    street = cv2.resize(rng.integers(30, 220, (36, 64), dtype=np.uint8), (640, 360), interpolation=cv2.INTER_CUBIC)
    folder.mkdir()
    for step in range(days * 12):
        at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(hours=2 * step)
        noisy = np.clip(street + rng.normal(0, 4, street.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{at:%Y-%m-%dT%H_%M_%S}.jpg"), cv2.cvtColor(noisy, cv2.COLOR_GRAY2BGR))


def test_healthy_days_give_no_alarm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path / "camera", 3)
    first = min((tmp_path / "camera").iterdir())
    first.write_bytes(b"\xff\xd8 broken")
    assert main(["--footage", str(tmp_path), "--warm-up", "1", "--every", "100", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["undecodable"] == 1
    assert report["samples"] == 23
    assert report["false_alarms"] == {}
    assert report["false_samples"] == {}
    # No alarm in 1.8 days proves at most 3.0 / 1.8 a day.
    assert report["false_alarms_per_camera_day_bound"] == pytest.approx(3.0 / report["camera_days"], rel=0.02)


def test_without_footage_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("XUELIANG_FOOTAGE", raising=False)
    assert main([]) == 0
    assert "skipped: no folder of real footage" in capsys.readouterr().err


def test_real_days_raise_no_alarm(footage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Days 1-4 teach, the others count; the target is none on real days."""
    assert main(["--footage", str(footage), "--every", "1000000", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["samples"] > 100
    assert report["false_alarms"] == {}
