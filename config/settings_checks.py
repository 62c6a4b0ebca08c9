"""Pure: settings of checking: how often, how many at once, how a suspicion becomes a state, how long data is kept."""

from __future__ import annotations

from config.setting import Section, setting


class Checks(Section):
    liveness_seconds: float = setting(60.0, "From one sign of life of a camera to the next.", unit="s", ge=1, le=3600)
    picture_seconds: float = setting(
        300.0,
        "From one picture check of a camera to the next.",
        unit="s",
        ge=2,
        le=86_400,
        danger="Every check is a session and a decoded picture: at 7,500 cameras, 300 s is 25 checks a second.",
    )
    burst_count: int = setting(3, "Pictures taken in a row on suspicion.", unit="pictures", ge=1, le=10)
    burst_gap_min_seconds: float = setting(
        20.0, "Shortest gap between the pictures of a burst.", unit="s", ge=0.5, le=600
    )
    burst_gap_max_seconds: float = setting(
        40.0, "Longest gap between the pictures of a burst.", unit="s", ge=0.5, le=600
    )
    confirm: int = setting(
        3, "Bad pictures (K) among the last `window` that make a fault.", unit="samples", ge=1, le=20
    )
    window: int = setting(4, "Last pictures (N) looked at for a fault.", unit="samples", ge=1, le=40)
    recover: int = setting(2, "Good pictures in a row that end a fault.", unit="samples", ge=1, le=20)
    link_confirm: int = setting(
        3, "Failed checks among the last `link_window` that make a camera offline.", unit="checks", ge=1, le=20
    )
    link_window: int = setting(4, "Last checks looked at for an offline camera.", unit="checks", ge=1, le=40)
    link_recover: int = setting(2, "Answered checks in a row that end it.", unit="checks", ge=1, le=20)
    stale_factor: float = setting(
        3.5, "A state is unknown when its last check is older than so many intervals.", unit="intervals", ge=1.5, le=100
    )
    healthy_at_once: int = setting(256, "Checks at once of cameras that are well.", unit="checks", ge=1, le=4096)
    troubled_at_once: int = setting(
        256, "Checks at once of cameras in trouble, in a lane of their own.", unit="checks", ge=1, le=4096
    )
    per_device: int = setting(
        2,
        "Sessions at once on one device.",
        unit="sessions",
        ge=1,
        le=16,
        danger="Many recorders and cameras take only 4 to 6 sessions in all, people's included.",
    )
    uplink_share: float = setting(
        0.5,
        "When more than this share of the cameras fails together, our own uplink is looked at first.",
        unit="share",
        gt=0,
        le=1,
    )
    uplink_window_seconds: float = setting(60.0, "How close together such failures lie.", unit="s", ge=1, le=3600)
    uplink_anchors: list[str] = setting(
        [], "Up to 8 addresses (host:port) beyond our uplink whose silence is evidence that the fault is ours."
    )
    quarantine_crashes: int = setting(
        3, "Decode workers one camera may cost before its pictures are left alone.", unit="crashes", ge=1, le=20
    )


class References(Section):
    """What a camera normally shows, learned by itself."""

    accept_samples: int = setting(6, "Pictures alike that make a reference.", unit="pictures", ge=1, le=1000)
    warm_up_seconds: float = setting(
        345_600.0,
        "After a camera's first picture: for so long, new references are accepted by rule.",
        unit="s",
        ge=0,
        le=31_536_000,
        danger="What is wrong with a picture for this whole time is learned as normal.",
    )
    new_per_day: int = setting(
        4,
        "New references of one camera a day.",
        unit="references",
        ge=1,
        le=100,
        danger="Many a day let a slow tamper be learned as normal.",
    )
    candidate_seconds: float = setting(
        43_200.0, "A candidate that is not seen again for so long is forgotten.", unit="s", ge=10, le=31_536_000
    )
    write_seconds: float = setting(
        3600.0,
        "A reference that only grows is written at most this often.",
        unit="s",
        ge=1,
        le=86_400,
        danger="Seconds wear out the disk at thousands of cameras.",
    )


class Retention(Section):
    samples_days: int = setting(
        3,
        "Raw picture checks.",
        unit="days",
        ge=1,
        le=3660,
        danger="At 7,500 cameras every 300 s each day is 2.2 million rows, about a gigabyte.",
    )
    changes_days: int = setting(
        1095,
        "State changes and availability intervals.",
        unit="days",
        ge=31,
        le=36_600,
        danger="An assessment of a month needs its changes: not under the time a month may be disputed.",
    )
    evidence_days: int = setting(30, "Evidence pictures after the fault's end.", unit="days", ge=1, le=3660)
    feed_days: int = setting(
        30,
        "The change feed. A reader that was away for longer is told so and loads everything anew.",
        unit="days",
        ge=1,
        le=3660,
    )
    incidents_days: int = setting(
        1095,
        "Incidents with their story, after their end.",
        unit="days",
        ge=31,
        le=36_600,
        danger="An assessment of a month asks when and why a camera was down: not under the time it may be disputed.",
    )
    messages_days: int = setting(
        90, "What was told of an incident, and to whom, after its end.", unit="days", ge=1, le=3660
    )
    audit_days: int = setting(
        1095,
        "The audit log and the register of views.",
        unit="days",
        ge=180,
        le=36_600,
        danger="What the law asks to be kept of who looked at whom is gone after so many days.",
    )
