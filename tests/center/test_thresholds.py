"""The thresholds people can set are the ones pictures are judged by, with the same defaults."""

from __future__ import annotations

from dataclasses import asdict

from config.settings import Settings
from health.thresholds import Thresholds


def test_settings_and_health_agree() -> None:
    assert Settings().thresholds.model_dump() == asdict(Thresholds())


def test_a_changed_setting_reaches_the_judging() -> None:
    changed = Settings.model_validate({"thresholds": {"black_mean": 12.5}}).thresholds.model_dump()
    assert Thresholds.of(changed).changes() == {"black_mean": 12.5}
