"""Every picture fault changes what it must, and leaves the clock overlay alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from camera_gateway.simulator.canvas import Planes, chroma, luma
from camera_gateway.simulator.distort import DISTORTIONS
from camera_gateway.simulator.faults import EXPECTED, Fault, Layer
from camera_gateway.simulator.picture import Site
from camera_gateway.simulator.scene import Light

SITE = Site(1, Light.DAY, 640, 360)
GOOD = SITE.picture(50.0, look=4)


def with_fault(fault: Fault, parameter: float | None = None, look: int = 4) -> Planes:
    value = EXPECTED[fault].default if parameter is None else parameter
    return SITE.picture(50.0, look=look, wrong=((fault, value),))


def grey(planes: Planes) -> NDArray[np.float32]:
    return luma(planes)[24:].astype(np.float32)  # below the overlay


def sharpness(planes: Planes) -> float:
    work = grey(planes)
    return float(
        np.abs(4 * work[1:-1, 1:-1] - work[:-2, 1:-1] - work[2:, 1:-1] - work[1:-1, :-2] - work[1:-1, 2:]).mean()
    )


def lost_blocks(planes: Planes) -> float:
    """Share of 16x16 blocks whose texture is not the good picture's any more."""
    lost = []
    for a, b in zip(np.array_split(grey(GOOD), 21), np.array_split(grey(planes), 21), strict=True):
        for x, y in zip(np.array_split(a, 40, axis=1), np.array_split(b, 40, axis=1), strict=True):
            lost.append(np.corrcoef(x.ravel(), y.ravel())[0, 1] < 0.5)
    return float(np.mean(lost))


def test_every_picture_fault_is_a_distortion_but_frozen() -> None:
    assert DISTORTIONS | {Fault.FROZEN} == {f for f in Fault if EXPECTED[f].layer is Layer.PICTURE}


@pytest.mark.parametrize("fault", sorted(DISTORTIONS))
def test_is_deterministic_and_differs_from_good(fault: Fault) -> None:
    assert np.array_equal(with_fault(fault), with_fault(fault))
    assert not np.array_equal(with_fault(fault), GOOD)


def test_black_and_white() -> None:
    assert grey(with_fault(Fault.BLACK)).max() <= 20
    assert grey(with_fault(Fault.WHITE)).min() >= 225


@pytest.mark.parametrize(
    ("fault", "share"),
    [(Fault.COVERED_30, 0.3), (Fault.COVERED_50, 0.5), (Fault.COVERED_70, 0.7), (Fault.COVERED_100, 1.0)],
)
def test_covers_hide_their_share(fault: Fault, share: float) -> None:
    assert lost_blocks(with_fault(fault)) == pytest.approx(share, abs=0.12)


def test_moved_shows_the_same_place_elsewhere() -> None:
    good, moved = grey(GOOD), grey(with_fault(Fault.MOVED, 0.05))
    assert np.corrcoef(good.ravel(), moved.ravel())[0, 1] < 0.8
    best = max(
        float(
            np.corrcoef(
                good[40:-40, 60:-60].ravel(), moved[40 + dy : good.shape[0] - 40 + dy, 60 + dx : 580 + dx].ravel()
            )[0, 1]
        )
        for dx in (-32, 32)
        for dy in range(-12, 13)
    )
    assert best > 0.95


def test_blur_takes_sharpness_and_noise_brings_grain() -> None:
    assert sharpness(with_fault(Fault.BLURRED, 3.0)) < 0.75 * sharpness(GOOD)
    assert sharpness(with_fault(Fault.BLURRED, 8.0)) < sharpness(with_fault(Fault.BLURRED, 3.0))
    grain = (grey(with_fault(Fault.NOISE, 30.0)) - grey(GOOD))[(grey(GOOD) > 90) & (grey(GOOD) < 160)]
    assert float(grain.std()) == pytest.approx(30, abs=3)


def test_cast_shifts_colour_and_not_light() -> None:
    wrong = with_fault(Fault.CAST, 1.9)
    shifts = [float(b.mean()) - float(a.mean()) for a, b in zip(chroma(GOOD), chroma(wrong), strict=True)]
    assert max(map(abs, shifts)) > 25
    assert float(grey(wrong).mean()) == pytest.approx(float(grey(GOOD).mean()), rel=0.08)


def test_stripes_are_one_line_in_the_spectrum_of_the_rows() -> None:
    added = (grey(with_fault(Fault.STRIPES, 20.0)) - grey(GOOD)).mean(axis=1)
    spectrum = np.abs(np.fft.rfft(added - added.mean()))
    assert spectrum.max() > 5 * np.sort(spectrum)[-6]
    assert 10 < float(np.abs(added).max()) < 25


def test_signal_lost_is_one_colour_with_a_text_and_no_noise() -> None:
    values, counts = np.unique(grey(with_fault(Fault.SIGNAL_LOST)), return_counts=True)
    assert len(values) == 2
    assert counts.max() / counts.sum() > 0.95
    assert 0.002 < counts.min() / counts.sum() < 0.05


@pytest.mark.parametrize("fault", sorted(DISTORTIONS - {Fault.SIGNAL_LOST}))
def test_two_looks_at_a_faulty_camera_differ_all_over(fault: Fault) -> None:
    one, other = grey(with_fault(fault, look=4)), grey(with_fault(fault, look=5))
    assert (one != other).mean() > 0.3


@pytest.mark.parametrize("fault", sorted(DISTORTIONS))
def test_the_overlay_stays_in_its_place(fault: Fault) -> None:
    ink = luma(GOOD)[:24] == 235
    assert ink.sum() > 200
    assert (luma(with_fault(fault))[:24][ink] == 235).all()


def test_faults_combine() -> None:
    both = SITE.picture(50.0, look=4, wrong=((Fault.BLURRED, 6.0), (Fault.CAST, 1.9)))
    assert sharpness(both) < 0.75 * sharpness(GOOD)
    assert abs(float(chroma(both)[1].mean()) - float(chroma(GOOD)[1].mean())) > 10
