"""Pure: settings of checking: how often, how many at once, how a suspicion becomes a state, how long data is kept."""

from __future__ import annotations

from config.setting import Section, setting


class Checks(Section):
    liveness_seconds: float = setting(60.0, "From one sign of life of a camera to the next.", unit="s", ge=2, le=3600)
    picture_seconds: float = setting(
        300.0,
        "From one picture check of a camera to the next.",
        unit="s",
        ge=2,
        le=86_400,
        danger="Every check is a session and a decoded picture: at 7,500 cameras, 300 s is 25 checks a second.",
    )
    burst_count: int = setting(3, "Pictures taken in a row on suspicion.", unit="pictures", ge=1, le=10)
    burst_gap_seconds: float = setting(30.0, "Between the pictures of a burst.", unit="s", ge=0.5, le=600)
    confirm: int = setting(3, "Bad samples (K) among the last `window` that make a fault.", unit="samples", ge=1, le=20)
    window: int = setting(4, "Last samples (N) looked at for a fault.", unit="samples", ge=1, le=40)
    recover: int = setting(2, "Good samples in a row that end a fault.", unit="samples", ge=1, le=20)
    offline_confirm: int = setting(
        2, "Failed signs of life in a row that make a camera offline.", unit="checks", ge=1, le=20
    )
    concurrency: int = setting(64, "Camera sessions at once, over all cameras.", unit="sessions", ge=1, le=4096)
    per_device: int = setting(
        1,
        "Sessions at once on one device.",
        unit="sessions",
        ge=1,
        le=16,
        danger="Many recorders accept only 4-10 in all.",
    )
    stale_factor: float = setting(
        3.0, "A state is unknown when its last check is older than so many periods.", unit="periods", ge=1.5, le=100
    )
    uplink_share: float = setting(
        0.5,
        "When more than this share of the cameras fails together, our own uplink is suspected first.",
        unit="share",
        gt=0,
        le=1,
    )
    uplink_window_seconds: float = setting(60.0, "How close together such failures lie.", unit="s", ge=2, le=3600)
    quarantine_crashes: int = setting(
        3, "Decode workers one camera may kill before its pictures are left alone.", unit="crashes", ge=1, le=20
    )


class Retention(Section):
    samples_days: int = setting(14, "Raw picture checks.", unit="days", ge=1, le=3660)
    counters_days: int = setting(90, "Hourly counters of signs of life.", unit="days", ge=1, le=3660)
    changes_days: int = setting(
        1095,
        "State changes and availability intervals.",
        unit="days",
        ge=31,
        le=36_600,
        danger="An assessment of a month needs its changes: not under the time a month may be disputed.",
    )
    burst_hours: int = setting(24, "Pictures of bursts.", unit="h", ge=1, le=720)
    evidence_days: int = setting(30, "Evidence pictures after the fault's end.", unit="days", ge=1, le=3660)
    audit_days: int = setting(
        1095,
        "Audit rows.",
        unit="days",
        ge=365,
        le=36_600,
        danger="Shorter than the law asks is an offence, not a saving.",
    )
