"""Edge: the district's time zone, as this machine knows it."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.errors import Kind, XueliangError
from config.settings import Settings


def zone_of(settings: Settings) -> ZoneInfo:
    """Raises ``INVALID`` for a zone this machine does not know."""
    try:
        return ZoneInfo(settings.service.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        what = f"this machine knows no time zone {settings.service.zone!r}"
        raise XueliangError(Kind.INVALID, what, where="service.zone", fix="Install tzdata, or name another") from error
