"""Pure: settings as the rules that other rooms are given: deadlines, states, schedule, learning, thresholds, uplink."""

from __future__ import annotations

from camera_gateway.rtsp.timing import Deadlines
from config.settings import Settings
from config.thresholds import Thresholds
from health.confirm import ConfirmSettings
from health.reference import Learning
from health.schedule import ScheduleSettings
from health.state import StateSettings
from health.uplink import UplinkSettings


def deadlines(settings: Settings) -> Deadlines:
    cameras = settings.cameras
    return Deadlines(
        connect=cameras.connect_seconds,
        reply=cameras.reply_seconds,
        stall=cameras.stall_seconds,
        keyframe=cameras.keyframe_extra_seconds,
        total=cameras.total_seconds,
    )


def state_settings(settings: Settings) -> StateSettings:
    """A drawn "no signal" screen is certain at one look; everything else needs K of N."""
    checks = settings.checks
    picture = ConfirmSettings(checks.confirm, checks.window, checks.recover, {"no_signal": 1})
    return StateSettings(
        link=ConfirmSettings(checks.link_confirm, checks.link_window, checks.link_recover),
        picture=picture,
        link_holds_seconds=checks.stale_factor * checks.liveness_seconds,
        picture_holds_seconds=checks.stale_factor * checks.picture_seconds,
    )


def schedule_settings(settings: Settings) -> ScheduleSettings:
    checks = settings.checks
    return ScheduleSettings(
        liveness_seconds=checks.liveness_seconds,
        picture_seconds=checks.picture_seconds,
        burst_count=checks.burst_count,
        burst_gap_min_seconds=checks.burst_gap_min_seconds,
        burst_gap_max_seconds=checks.burst_gap_max_seconds,
        per_device=checks.per_device,
        healthy_at_once=checks.healthy_at_once,
        troubled_at_once=checks.troubled_at_once,
    )


def learning(settings: Settings) -> Learning:
    found = settings.references
    return Learning(
        accept_samples=found.accept_samples,
        warm_up=found.warm_up_seconds,
        write_every=found.write_seconds,
        new_per_day=found.new_per_day,
        candidate_age=found.candidate_seconds,
    )


def thresholds(settings: Settings) -> Thresholds:
    return Thresholds.of(settings.thresholds.model_dump(exclude_defaults=True))


def uplink_settings(settings: Settings) -> UplinkSettings:
    return UplinkSettings(share=settings.checks.uplink_share, window_seconds=settings.checks.uplink_window_seconds)


def anchors(settings: Settings) -> tuple[tuple[str, int], ...]:
    """``checks.uplink_anchors`` as hosts and ports."""
    parted = (anchor.rpartition(":") for anchor in settings.checks.uplink_anchors)
    return tuple((host.strip("[]"), int(port)) for host, _, port in parted)
