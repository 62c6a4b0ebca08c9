"""Pure: one picture of a site at a moment of its clip: still part, traffic, exposure, sensor noise, clock overlay."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from camera_gateway.simulator.canvas import Planes, chroma, luma, to_planes
from camera_gateway.simulator.distort import Wrong, before_the_lens, behind_the_sensor
from camera_gateway.simulator.font import stamp
from camera_gateway.simulator.scene import Lane, Light, Still, draw_site

#: Where every clip's own clock begins. It is drawn into the picture and says nothing about the device's clock.
CLIP_START = datetime(2026, 3, 1, 8, 0, 0, tzinfo=UTC)
#: Rows of noise kept; each picture starts at another row and column of them.
_NOISE_ROWS = 257


@dataclass(slots=True)
class Site:
    """A drawn site that gives pictures. Holds about 2 bytes a pixel; make one per (site, light, size) and keep it."""

    number: int
    light: Light
    width: int
    height: int
    seed: int = 0
    still: Still = field(init=False)
    planes: Planes = field(init=False)
    noise: NDArray[np.int8] = field(init=False)

    def __post_init__(self) -> None:
        canvas, self.still = draw_site(self.number, self.light, self.width, self.height, self.seed)
        self.planes = to_planes(canvas)
        random = np.random.default_rng([self.seed, self.number, 0x70])
        noise = random.normal(0, self.still.noise, (_NOISE_ROWS, self.width))
        self.noise = noise.round().astype(np.int8)

    def picture(self, seconds: float, *, look: int, frame: int = 0, wrong: Wrong = ()) -> Planes:
        """The picture at ``seconds`` of clip time, with what is ``wrong`` on it; the overlay stays in its place,
        as the encoder draws it.

        ``look`` numbers the ring step: exposure, clouds and noise differ from one to the next. Pictures of one
        look share their noise (``frame`` > 0 adds a little of its own), as a noise filter in a camera would have
        it; their traffic moves.
        """
        planes = self.planes.copy()
        self._traffic(planes, seconds)
        before_the_lens(planes, wrong, site=self.number, look=look)
        random = np.random.default_rng([self.seed, self.number, look])
        self._expose(planes, random)
        self._add_noise(planes, random)
        if frame:
            self._speckle(planes, np.random.default_rng([self.seed, self.number, look, frame]))
        behind_the_sensor(planes, wrong, site=self.number, look=look * 1009 + frame)
        self._overlay(planes, seconds)
        return planes

    def _traffic(self, planes: Planes, seconds: float) -> None:
        for index, lane in enumerate(self.still.lanes):
            random = np.random.default_rng([self.seed, self.number, index, 0xCA])
            for _ in range(3):
                speed, start = float(random.uniform(0.05, 0.11)), float(random.uniform(0, 2.4))
                body, blue, red = (int(v) for v in random.integers((50, 96, 96), (220, 160, 160)))
                position = (start + speed * seconds) % 2.4 - 0.3
                if position < 1.05:
                    x = position if lane.direction > 0 else 1 - position - lane.size
                    self._car(planes, lane, x, (body, blue, red))

    def _car(self, planes: Planes, lane: Lane, x: float, colour: tuple[int, int, int]) -> None:
        """A plain box on wheels with a cabin; nobody sits in it."""
        gain = self.still.brightness
        body, blue, red = round(16 + colour[0] * gain * 0.85), colour[1], colour[2]
        if self.still.grey:
            blue = red = 128
        bottom = lane.y + self.still.tilt * (x + lane.size / 2 - 0.5)
        size, tall = lane.size, lane.size * 0.42 * self.width / self.height
        dark, glass = round(16 + 18 * gain), round(16 + 60 * gain)
        self._block(planes, x, bottom - 0.62 * tall, x + size, bottom - 0.1 * tall, (body, blue, red))
        self._block(planes, x + 0.22 * size, bottom - tall, x + 0.78 * size, bottom - 0.6 * tall, (body, blue, red))
        self._block(
            planes, x + 0.27 * size, bottom - 0.93 * tall, x + 0.73 * size, bottom - 0.66 * tall, (glass, 128, 128)
        )
        for wheel in (0.12, 0.7):
            left = x + wheel * size
            self._block(planes, left, bottom - 0.24 * tall, left + 0.16 * size, bottom, (dark, 128, 128))
        lamp = x + (0.96 * size if lane.direction > 0 else 0.0)
        self._block(
            planes,
            lamp,
            bottom - 0.5 * tall,
            lamp + 0.04 * size,
            bottom - 0.36 * tall,
            (225, *((128, 128) if self.still.grey else (118, 134))),
        )

    def _block(self, planes: Planes, x0: float, y0: float, x1: float, y1: float, colour: tuple[int, int, int]) -> None:
        top, bottom = max(0, round(y0 * self.height)), max(0, round(y1 * self.height))
        left, right = max(0, round(x0 * self.width)), max(0, round(x1 * self.width))
        luma(planes)[top:bottom, left:right] = colour[0]
        for plane, value in zip(chroma(planes), colour[1:], strict=True):
            plane[top // 2 : bottom // 2, left // 2 : right // 2] = value

    def _expose(self, planes: Planes, random: np.random.Generator) -> None:
        """Automatic exposure breathes by a percent or two."""
        gain = 1 + float(random.uniform(-0.02, 0.02))
        table = np.clip(np.arange(256) * gain, 0, 255).round().astype(np.uint8)
        bright = luma(planes)
        np.take(table, bright, out=bright)

    def _add_noise(self, planes: Planes, random: np.random.Generator) -> None:
        bright = luma(planes)
        shift = int(random.integers(0, self.width))
        rows = np.roll(self.noise, shift, axis=1)
        order = (np.arange(self.height) * int(random.integers(1, _NOISE_ROWS - 1)) + int(random.integers(0, 9999))) % (
            _NOISE_ROWS
        )
        total = bright.astype(np.int16)
        total += rows[order]
        np.clip(total, 0, 255, out=total)
        bright[:] = total

    def _speckle(self, planes: Planes, random: np.random.Generator) -> None:
        """A band of fresh noise at another place in each picture."""
        top = int(random.integers(0, self.height - self.height // 16))
        band = luma(planes)[top : top + self.height // 16]
        fresh = self.noise[np.arange(len(band)) % _NOISE_ROWS] // 2
        band[:] = np.clip(band.astype(np.int16) + fresh, 0, 255)

    def _overlay(self, planes: Planes, seconds: float) -> None:
        moment = CLIP_START + timedelta(seconds=seconds)
        text = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 100_000}"
        scale = max(1, round(self.height / 270))
        stamp(luma(planes), text, round(0.02 * self.width), round(0.025 * self.height), scale)
