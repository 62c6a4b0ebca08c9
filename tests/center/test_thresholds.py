"""The thresholds people can set are the ones pictures are judged by, with the same defaults."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from pydantic import ValidationError

from config.settings import Settings
from config.thresholds import Thresholds


def test_settings_and_health_agree() -> None:
    assert Settings().thresholds.model_dump() == asdict(Thresholds())


def test_a_changed_setting_reaches_the_judging() -> None:
    changed = Settings.model_validate({"thresholds": {"black_mean": 12.5}}).thresholds.model_dump()
    assert Thresholds.of(changed).changes() == {"black_mean": 12.5}


@pytest.mark.parametrize("wrong", [{"black_mean": 256}, {"match_light": -1.1}, {"blackmean": 3.0}])
def test_what_its_unit_cannot_be_and_what_is_no_threshold_are_mistakes(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"thresholds": wrong})
