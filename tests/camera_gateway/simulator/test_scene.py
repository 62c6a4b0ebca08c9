"""Sites: the same for the same seed, structure everywhere, and what changes from look to look."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from camera_gateway.simulator.canvas import chroma, luma
from camera_gateway.simulator.font import render
from camera_gateway.simulator.picture import Site
from camera_gateway.simulator.scene import Light

WIDTH, HEIGHT = 640, 360


def edges(plane: NDArray[np.uint8]) -> NDArray[np.float32]:
    work = plane.astype(np.float32)
    return np.abs(np.diff(work, axis=1))[:-1] + np.abs(np.diff(work, axis=0))[:, :-1]


@pytest.mark.parametrize("light", list(Light))
def test_the_same_seed_gives_the_same_bytes_and_another_another(light: Light) -> None:
    first = Site(2, light, WIDTH, HEIGHT, seed=5).picture(40.0, look=3)
    assert np.array_equal(first, Site(2, light, WIDTH, HEIGHT, seed=5).picture(40.0, look=3))
    assert not np.array_equal(first, Site(2, light, WIDTH, HEIGHT, seed=6).picture(40.0, look=3))
    assert not np.array_equal(first, Site(3, light, WIDTH, HEIGHT, seed=5).picture(40.0, look=3))


@pytest.mark.parametrize("site", range(6))
def test_stable_edges_lie_over_the_whole_picture(site: int) -> None:
    scene = Site(site, Light.DAY, WIDTH, HEIGHT)
    pictures = [luma(scene.picture(137.7 * look, look=look)) for look in range(8)]
    lasting = np.min([edges(p) for p in pictures], axis=0)
    blocks = lasting[: HEIGHT // 6 * 6 - 6, : WIDTH // 8 * 8 - 8]
    strong = [(b > 8).mean() for row in np.array_split(blocks, 6) for b in np.array_split(row, 8, axis=1)]
    assert min(strong) > 0.01
    assert float(np.mean(strong)) > 0.05


def test_brightness_follows_the_light_and_infrared_has_no_colour() -> None:
    means = {light: float(luma(Site(1, light, WIDTH, HEIGHT).picture(0, look=0)).mean()) for light in Light}
    assert means[Light.DAY] > means[Light.DUSK] > means[Light.NIGHT] > 40
    for plane in chroma(Site(1, Light.IR, WIDTH, HEIGHT).picture(0, look=0)):
        assert plane.min() >= 127
        assert plane.max() <= 129


@pytest.mark.parametrize("light", list(Light))
def test_sensor_noise_is_two_to_four_grey_levels(light: Light) -> None:
    site = Site(0, light, WIDTH, HEIGHT)
    looks = [luma(site.picture(0.0, look=look)).astype(np.float32) for look in range(10)]
    spread = float(np.median(np.std(looks, axis=0)))
    assert 1.5 < spread < 5


def test_traffic_and_the_clip_clock_move_within_a_look() -> None:
    site = Site(0, Light.DAY, WIDTH, HEIGHT)
    before, after = (luma(site.picture(s, look=0)).astype(int) for s in (10.0, 12.0))
    changed = np.abs(after - before) > 30
    assert changed[: HEIGHT // 12].any(), "the clock overlay"
    assert changed[HEIGHT // 2 :].mean() > 0.001, "traffic"
    assert changed.mean() < 0.2


def test_the_font_tells_every_digit_from_every_other() -> None:
    masks = {render(d, 2).tobytes() for d in "0123456789"}
    assert len(masks) == 10
    with pytest.raises(KeyError):
        render("?", 2)


def test_sub_stream_shows_the_same_place() -> None:
    large = luma(Site(4, Light.DAY, 1280, 720).picture(5.0, look=1)).astype(np.float32)
    small = luma(Site(4, Light.DAY, 320, 180).picture(5.0, look=1)).astype(np.float32)
    shrunk = large.reshape(180, 4, 320, 4).mean((1, 3))
    assert np.corrcoef(shrunk.ravel(), small.ravel())[0, 1] > 0.85
