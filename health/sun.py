"""Pure: where the sun stands, from latitude, longitude and time."""

from __future__ import annotations

import math
from enum import StrEnum

_J2000 = 946_728_000.0  # 2000-01-01 12:00 UTC in POSIX seconds


class SunBand(StrEnum):
    """Light regimes: in twilight a picture changes more within ten minutes than in a whole day."""

    UNKNOWN = "unknown"  # no position configured
    DAY = "day"
    TWILIGHT = "twilight"
    NIGHT = "night"


def elevation(posix: float, latitude: float, longitude: float) -> float:
    """Degrees above the horizon (WGS-84 degrees, UTC); within 0.1 degrees until 2050, refraction left out.

    Low-precision solar coordinates as in the Astronomical Almanac, section C.
    """
    days = (posix - _J2000) / 86_400.0
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 0.0000004 * days)
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    sidereal = math.radians((280.46061837 + 360.98564736629 * days + longitude) % 360.0)
    hour = sidereal - ascension
    phi = math.radians(latitude)
    return math.degrees(
        math.asin(math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(hour))
    )


def band(degrees: float | None, low: float = -8.0, high: float = 3.0) -> SunBand:
    if degrees is None:
        return SunBand.UNKNOWN
    if degrees < low:
        return SunBand.NIGHT
    return SunBand.TWILIGHT if degrees <= high else SunBand.DAY
