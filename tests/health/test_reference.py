"""Pure: what is learned, what is not, who agrees to it, and the file it is kept in."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import Kind, XueliangError
from health import bank_file
from health.features import features
from health.match import find_shift, fit
from health.reference import (
    MAX_REFERENCES,
    RING,
    SCALARS,
    TRANSITIONS,
    Bank,
    Learning,
    ReferenceState,
    Sample,
    approve,
    learn_matched,
    learn_new,
    moved_on,
    start,
)
from health.sun import SunBand
from health.views import views
from tests.support.pictures import blocks, noisy, picture

FAST = Learning(write_every=0.0, warm_up=0.0)
SCENE, ELSEWHERE = blocks(1), blocks(2)


def sample(scene: np.typing.NDArray[np.uint8], at: float, band: SunBand = SunBand.UNKNOWN) -> Sample:
    view = views(picture(noisy(scene, int(at))))
    scalars = tuple(float(i) for i in range(len(SCALARS) - 1))
    return Sample(features(view.small), view.tiny, scalars, at, band)


def grown(bank: Bank, scene: np.typing.NDArray[np.uint8], at: float, agrees: int = -1, **how: bool) -> Bank:
    changed = learn_new(bank, sample(scene, at), agrees, 0.8, FAST, trusted=how.get("trusted", True))
    assert changed is not None
    return changed


@pytest.fixture(scope="module")
def learned() -> Bank:
    bank = grown(Bank(0.0), SCENE, 0)
    for i in range(1, 6):
        assert bank.in_use == ()
        bank = grown(bank, SCENE, i, 0)
    return bank


def test_six_agreeing_samples_make_the_first_reference(learned: Bank) -> None:
    assert [r.state for r in learned.references] == [ReferenceState.ACCEPTED]
    assert learned.references[0].samples == 6


def test_structure_is_recognised_and_its_loss_placed(learned: Bank) -> None:
    seen = sample(SCENE, 99)
    whole = fit(seen.features, seen.tiny, learned.references[0])
    assert whole.score > 0.7
    assert whole.lost == 0.0
    half = SCENE.copy()
    half[:, :320] = 60
    seen = sample(half, 100)
    covered = fit(seen.features, seen.tiny, learned.references[0])
    left = sum(1 << (row * 8 + column) for row in range(6) for column in range(4))
    assert covered.lost_blocks & ~left == 0
    assert covered.patch > 0.4
    away = sample(ELSEWHERE, 101)
    assert fit(away.features, away.tiny, learned.references[0]).score < 0.15


@pytest.mark.parametrize(("dx", "dy"), [(20, 0), (-64, 10), (0, 40), (128, -36)])
def test_a_shift_is_found_to_a_pixel(learned: Bank, dx: int, dy: int) -> None:
    away = sample(np.roll(SCENE, (dy, dx), (0, 1)), 50)
    shift = find_shift(away.features, learned.references[0])
    assert shift.x * 640 == pytest.approx(dx, abs=3)
    assert shift.y * 360 == pytest.approx(dy, abs=3)
    assert shift.score > 0.5


def test_after_the_warm_up_a_new_normal_waits_for_a_person(learned: Bank) -> None:
    bank = grown(learned, ELSEWHERE, 10)
    for i in range(11, 17):
        bank = grown(bank, ELSEWHERE, i, 1)
    assert [r.state for r in bank.references] == [ReferenceState.ACCEPTED, ReferenceState.PROPOSED]
    assert len(bank.in_use) == 1
    assert [r.state for r in approve(bank, 20).references] == [ReferenceState.ACCEPTED, ReferenceState.APPROVED]


def test_a_light_not_seen_before_is_accepted_by_rule_and_a_fault_in_it_is_not(learned: Bank) -> None:
    for trusted, wanted in ((True, ReferenceState.ACCEPTED), (False, ReferenceState.PROPOSED)):
        bank = learned
        for i in range(6):
            night = sample(ELSEWHERE, 10 + i, SunBand.NIGHT)
            changed = learn_new(bank, night, -1 if i == 0 else 1, 0.8, FAST, trusted=trusted)
            assert changed is not None
            bank = changed
        assert bank.references[1].state is wanted


def test_new_references_a_day_are_limited(learned: Bank) -> None:
    limited = replace(FAST, new_per_day=2)
    bank = replace(learned, added=0)
    for scene in range(4):
        agrees = -1
        for i in range(6):
            at = 100.0 + 10 * scene + i
            bank = learn_new(bank, sample(blocks(10 + scene), at), agrees, 0.8, limited, trusted=True) or bank
            agrees = max(i for i, r in enumerate(bank.references) if r.updated == at)
    states = [r.state for r in bank.references]
    assert states.count(ReferenceState.PROPOSED) == 2
    assert states.count(ReferenceState.CANDIDATE) == 2


def test_what_is_passing_takes_no_more_than_one_place(learned: Bank) -> None:
    bank = learned
    for i in range(20):
        bank = learn_new(bank, sample(blocks(10 + i), 100 + i), -1, 0.0, FAST, trusted=True) or bank
    assert [r.state for r in bank.references] == [ReferenceState.ACCEPTED] + [ReferenceState.CANDIDATE] * 2


def test_nothing_is_learned_when_the_service_says_so(learned: Bank) -> None:
    forbidden = replace(FAST, allowed=False)
    assert learn_new(learned, sample(ELSEWHERE, 9), -1, 0.0, forbidden, trusted=True) is None
    assert learn_matched(learned, 0, sample(SCENE, 9), 0.8, forbidden) is None


def test_an_old_reference_is_written_at_most_hourly(learned: Bank) -> None:
    hourly = replace(FAST, write_every=3600.0, memory=6)
    assert learn_new(learned, sample(ELSEWHERE, 200), -1, 0.0, hourly, trusted=True) is None
    assert learn_matched(learned, 0, sample(SCENE, 1000), 0.8, hourly) is None
    later = learn_matched(learned, 0, sample(SCENE, 3700), 0.8, hourly)
    assert later is not None
    assert later.references[0].samples == 7


def test_only_listed_transitions_happen() -> None:
    reference = start(sample(SCENE, 0))
    for before in ReferenceState:
        for then in ReferenceState:
            if (before, then) in TRANSITIONS:
                assert moved_on(replace(reference, state=before), then).state is then
            else:
                with pytest.raises(ValueError, match="does not go"):
                    moved_on(replace(reference, state=before), then)


def test_the_file_gives_back_what_was_written_and_stays_small(tmp_path: Path, learned: Bank) -> None:
    path = tmp_path / "folder" / "camera.bank"
    assert bank_file.read(path) is None
    full = replace(learned, references=learned.references * MAX_REFERENCES, day=20_000, added=3)
    bank_file.write(path, full)
    size = path.stat().st_size
    assert size <= 1024 * 1024
    assert size // MAX_REFERENCES <= 120_000
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["camera.bank"]
    again = bank_file.read(path)
    assert again is not None
    assert (again.created, again.written, again.day, again.added) == (full.created, full.written, 20_000, 3)
    for one, two in zip(again.references, full.references, strict=True):
        assert np.array_equal(one.mean, two.mean)
        assert np.array_equal(one.light, two.light)
        assert np.array_equal(one.ring, two.ring)
        assert (one.state, one.samples, one.bands) == (two.state, two.samples, two.bands)


def test_the_ring_is_bounded_and_its_median_is_the_normal(learned: Bank) -> None:
    bank = learned
    for i in range(RING + 5):
        changed = learn_matched(bank, 0, sample(SCENE, 10 + i), 0.75, FAST)
        assert changed is not None
        bank = changed
    normal = bank.references[0].normal()
    assert len(bank.references[0].ring) == RING
    assert normal["score"] == pytest.approx(0.75)
    assert normal["noise"] == 1.0


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_damaged_file_is_told_and_never_more(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("bank") / "camera.bank"
    whole = bytearray(bank_file.pack(Bank(1.0, references=(start(sample(SCENE, 0)),))))
    if data.draw(st.booleans()):
        whole = whole[: data.draw(st.integers(0, len(whole)))]
    for _ in range(data.draw(st.integers(0, 4))):
        if whole:
            whole[data.draw(st.integers(0, min(len(whole), 140) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    with contextlib.suppress(XueliangError):  # any other exception fails
        bank = bank_file.read(path)
        assert bank is not None
        assert len(bank.references) <= MAX_REFERENCES
        assert all(np.isfinite(r.ring).all() for r in bank.references)


@pytest.mark.parametrize(("at", "value"), [(0, 0), (4, 9), (6, 200), (64, 77), (66, 99)])
def test_a_file_that_is_not_ours_says_what_to_do(tmp_path: Path, at: int, value: int) -> None:
    whole = bytearray(bank_file.pack(Bank(1.0, references=(start(sample(SCENE, 0)),))))
    whole[at] = value
    path = tmp_path / "camera.bank"
    path.write_bytes(whole)
    with pytest.raises(XueliangError) as caught:
        bank_file.read(path)
    assert caught.value.kind is Kind.INVALID
    assert "learned anew" in caught.value.fix
