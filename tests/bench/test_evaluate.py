"""The harness of real footage: file names as times, the bound of few alarms, a camera of some drawn days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.evaluate import bound, evaluate, main, pictures


@pytest.mark.parametrize(("alarms", "days", "rate"), [(0, 1500, 0.0020), (3, 1500, 0.0052), (0, 15, 0.2)])
def test_what_few_alarms_prove(alarms: int, days: float, rate: float) -> None:
    assert bound(alarms, days) == pytest.approx(rate, rel=0.03)


def draw(folder: Path, days: int) -> None:
    """The same street every two hours, in other noise each time."""
    rng = np.random.default_rng(7)
    street = cv2.resize(rng.integers(30, 220, (36, 64), dtype=np.uint8), (640, 360), interpolation=cv2.INTER_NEAREST)
    folder.mkdir()
    for step in range(days * 12):
        at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(hours=2 * step)
        noisy = np.clip(street + rng.normal(0, 4, street.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{at:%Y-%m-%dT%H_%M_%S}.jpg"), cv2.cvtColor(noisy, cv2.COLOR_GRAY2BGR))


def test_healthy_days_give_no_alarm(tmp_path: Path) -> None:
    draw(tmp_path / "camera", 3)
    (tmp_path / "camera" / "notes.jpg").write_bytes(b"no picture")
    assert len(list(pictures(tmp_path / "camera"))) == 36
    tally = evaluate(tmp_path / "camera", tmp_path / "bank", 1.0, None)
    assert tally.alarms == []
    assert sum(tally.samples.values()) == 24
    assert tally.samples["bad"] == 0
    assert tally.days == pytest.approx(35 * 2 / 24 - 1)


def test_a_damaged_file_is_a_sample_that_could_not_be_decoded(tmp_path: Path) -> None:
    draw(tmp_path / "camera", 1)
    next(iter(sorted((tmp_path / "camera").glob("*.jpg")))).write_bytes(b"\xff\xd8 broken")
    tally = evaluate(tmp_path / "camera", tmp_path / "bank", 0.0, None)
    assert tally.samples["undecodable"] == 1


def test_without_footage_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("XUELIANG_FOOTAGE", raising=False)
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("skipped: no footage")


def test_real_days_raise_no_alarm(footage: Path, tmp_path: Path) -> None:
    """Days 1-4 teach, the others count; the target is none on real days."""
    for camera in sorted(path for path in footage.iterdir() if path.is_dir()):
        tally = evaluate(camera, tmp_path / camera.name, 4.0, None)
        assert tally.alarms == []
        judged = tally.samples["good"] + tally.samples["bad"] + tally.samples["cannot_judge"]
        assert judged > 100
        assert tally.samples["cannot_judge"] <= 0.1 * judged
