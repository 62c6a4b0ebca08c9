"""Pure: a line plot as SVG, a few lines of our own; readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 48, 56
#: Told apart in print and by people who see no red or green.
COLOURS = ("#0b6fb8", "#c2410c", "#5b7f00", "#7c3aed")


@dataclass(frozen=True, slots=True)
class Line:
    """``points`` in order of x; ``x`` is shown on a scale of equal ratios."""

    label: str
    points: tuple[tuple[float, float], ...]


def _ticks(most: float) -> list[float]:
    """0 to at least ``most`` in four to ten round steps."""
    if most <= 0:
        return [0.0, 1.0]
    base = 10.0 ** floor(log10(most))
    step = next(base * part for part in (0.1, 0.2, 0.25, 0.5, 1.0) if ceil(most / (base * part)) <= 8)
    return [step * n for n in range(ceil(most / step) + 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"


def svg(title: str, x_label: str, y_label: str, lines: Sequence[Line]) -> str:
    """Raises ``ValueError`` without points."""
    points = [point for line in lines for point in line.points]
    if not points:
        raise ValueError("a plot without points")
    least, most = log10(min(x for x, _ in points)), log10(max(x for x, _ in points))
    ticks = _ticks(max(y for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        share = (log10(x) - least) / (most - least) if most > least else 0.5
        across = LEFT + share * (WIDTH - LEFT - RIGHT)
        return round(across, 1), round(HEIGHT - BOTTOM - y / ticks[-1] * (HEIGHT - TOP - BOTTOM), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="22" font-size="15" fill="#111">{escape(title)}</text>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle" fill="#333">{escape(x_label)}</text>',
        f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" fill="#333" '
        f'transform="rotate(-90 16 {HEIGHT / 2})">{escape(y_label)}</text>',
    ]
    for tick in ticks:
        _, y = place(10**least, tick)
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="#333">{_number(tick)}</text>')
    for x_value in sorted({x for x, _ in points}):
        x, _ = place(x_value, 0)
        parts.append(
            f'<text x="{x}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle" fill="#333">{_number(x_value)}</text>'
        )
    for number, line in enumerate(lines):
        parts += _curve(line, COLOURS[number % len(COLOURS)], number, place)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _curve(line: Line, colour: str, number: int, place: object) -> list[str]:
    assert callable(place)
    at = [place(x, y) for x, y in line.points]
    path = "M" + "L".join(f"{x} {y}" for x, y in at)
    dots = [f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y in at]
    values = [
        f'<text x="{x}" y="{y - 9}" text-anchor="middle" fill="{colour}">{value:.3g}</text>'
        for (x, y), (_, value) in zip(at, line.points, strict=True)
    ]
    top = 22 + 17 * number
    legend = f'<text x="{WIDTH - RIGHT}" y="{top}" text-anchor="end" fill="{colour}">{escape(line.label)}</text>'
    return [f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots, *values, legend]
