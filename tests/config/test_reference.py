"""The reference page is the models' own words, and not stale."""

from __future__ import annotations

from config.mistakes import model_of
from config.reference import page
from config.settings import Settings
from tests.support.tree import ROOT


def test_the_page_is_fresh() -> None:
    assert (ROOT / "docs/ref/settings.md").read_text("utf-8") == page(), "run `make docs`"


def test_every_setting_says_what_it_means() -> None:
    silent = []
    for name, field in Settings.model_fields.items():
        model = model_of(field)
        assert model is not None
        silent += [f"{name}.{key}" for key, inner in model.model_fields.items() if not inner.description]
    assert silent == []


def test_numbers_have_units() -> None:
    without = []
    for name, field in Settings.model_fields.items():
        model = model_of(field)
        assert model is not None
        for key, inner in model.model_fields.items():
            number = inner.annotation in (int, float)
            if number and "in " not in page().split(f"| `{key}` |", 1)[1].split("\n", 1)[0]:
                without.append(f"{name}.{key}")
    assert without == []
