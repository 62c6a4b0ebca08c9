"""Pure: settings of logins: how long they hold, and how often they may fail."""

from __future__ import annotations

from config.setting import Section, setting


class Logins(Section):
    idle_minutes: float = setting(60.0, "A session ends so long after its last request.", unit="min", ge=1, le=1440)
    session_hours: float = setting(
        12.0, "A session ends so long after its login, used or not.", unit="h", ge=0.1, le=72
    )
    failures: int = setting(
        5,
        "Wrong passwords for one name from one address that lock this pair; five times as many lock the name "
        "everywhere, ten times as many the address.",
        unit="failures",
        ge=3,
        le=20,
        danger="Much lower, and a mistyped password locks operators out; much higher, and passwords can be guessed.",
    )
    lock_minutes: float = setting(15.0, "How long such a lock lasts.", unit="min", ge=1, le=1440)
