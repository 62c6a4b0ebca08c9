"""Pure: an incident (故障事件), as enums, a transition table and the one function that moves it.

It begins when a camera's link is down or its picture bad, confirmed; it recovers when the opposite is confirmed.
Unknown and *cannot judge* move nothing: what nobody has seen neither opens an incident nor ends one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from config.errors import Kind, XueliangError
from health.observation import Link, Picture
from health.state import CameraState


class IncidentKind(StrEnum):
    OFFLINE = "offline"  # no way to the camera's stream
    FAULT = "fault"  # a stream whose picture is of no use


class IncidentState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RECOVERED = "recovered"  # over, and nobody has said that they saw it
    RESOLVED = "resolved"


class Event(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    WITHDRAW = "withdraw"  # the acknowledgement; a second entry, nothing is erased
    RECOVER = "recover"
    RECOVER_LINKED = "recover_linked"  # as part of a bigger one, whose acknowledgement covers it
    CLOSE = "close"  # a person says what it was
    FALSE_ALARM = "false_alarm"
    LEAVE = "leave"  # the camera is no longer watched


class ClosingCause(StrEnum):
    POWER = "power"
    LINE = "line"
    DEVICE = "device"
    SETTINGS = "settings"
    SURROUNDINGS = "surroundings"  # branches, building sites, lamps
    FALSE_ALARM = "false_alarm"
    CAMERA_REMOVED = "camera_removed"
    OTHER = "other"


KIND_NAMES: Mapping[IncidentKind, tuple[str, str]] = {
    IncidentKind.OFFLINE: ("离线", "offline"),
    IncidentKind.FAULT: ("故障", "fault"),
}
STATE_NAMES: Mapping[IncidentState, tuple[str, str]] = {
    IncidentState.OPEN: ("未确认", "open"),
    IncidentState.ACKNOWLEDGED: ("已确认", "acknowledged"),
    IncidentState.RECOVERED: ("已恢复，未确认", "recovered, not acknowledged"),
    IncidentState.RESOLVED: ("已结束", "resolved"),
}
CLOSING_NAMES: Mapping[ClosingCause, tuple[str, str]] = {
    ClosingCause.POWER: ("供电", "power"),
    ClosingCause.LINE: ("线路", "line"),
    ClosingCause.DEVICE: ("设备", "device"),
    ClosingCause.SETTINGS: ("配置", "settings"),
    ClosingCause.SURROUNDINGS: ("周边环境", "surroundings"),
    ClosingCause.FALSE_ALARM: ("误报", "false alarm"),
    ClosingCause.CAMERA_REMOVED: ("摄像机已撤除", "camera removed"),
    ClosingCause.OTHER: ("其他", "other"),
}

_S, _E = IncidentState, Event
#: The one table; what is not in it is refused.
TRANSITIONS: Mapping[tuple[IncidentState, Event], IncidentState] = {
    (_S.OPEN, _E.ACKNOWLEDGE): _S.ACKNOWLEDGED,
    (_S.OPEN, _E.RECOVER): _S.RECOVERED,
    (_S.OPEN, _E.RECOVER_LINKED): _S.RESOLVED,
    (_S.OPEN, _E.FALSE_ALARM): _S.RESOLVED,
    (_S.OPEN, _E.LEAVE): _S.RESOLVED,
    (_S.ACKNOWLEDGED, _E.WITHDRAW): _S.OPEN,
    (_S.ACKNOWLEDGED, _E.RECOVER): _S.RESOLVED,
    (_S.ACKNOWLEDGED, _E.RECOVER_LINKED): _S.RESOLVED,
    (_S.ACKNOWLEDGED, _E.FALSE_ALARM): _S.RESOLVED,
    (_S.ACKNOWLEDGED, _E.LEAVE): _S.RESOLVED,
    (_S.RECOVERED, _E.ACKNOWLEDGE): _S.RESOLVED,
    (_S.RECOVERED, _E.CLOSE): _S.RESOLVED,
    (_S.RECOVERED, _E.FALSE_ALARM): _S.RESOLVED,
    (_S.RESOLVED, _E.WITHDRAW): _S.RECOVERED,
    (_S.RESOLVED, _E.CLOSE): _S.RESOLVED,
    (_S.RESOLVED, _E.FALSE_ALARM): _S.RESOLVED,
}
#: Of these there is at most one for each camera (or group) and kind.
STANDING = frozenset({IncidentState.OPEN, IncidentState.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class Incident:
    """Of one camera, or, with ``group_kind`` and ``group_id``, of the recorder, switch or link that ``cameras``
    cameras lost at once. ``since`` is when it truly began, ``opened_at`` when that was known; ``recovered_at`` is
    when it truly ended. ``cause`` is a word of :mod:`health.classes`. ``parent_id``: the bigger one it is part of.
    """

    id: str
    kind: IncidentKind
    state: IncidentState
    cause: str
    since: datetime
    opened_at: datetime
    camera_id: str | None = None
    group_kind: str | None = None
    group_id: str | None = None
    group_name: str | None = None
    area_id: str | None = None
    unit_id: str | None = None
    cameras: int = 1
    parent_id: str | None = None
    recovered_at: datetime | None = None
    resolved_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    closing: ClosingCause | None = None
    version: int = 1

    @property
    def standing(self) -> bool:
        return self.state in STANDING


@dataclass(frozen=True, slots=True)
class Level:
    """What a camera's state says of one kind: it stands (since, cause), it is over (since), or neither: keep."""

    stands: bool | None
    since: datetime
    cause: str = ""


def levels(state: CameraState) -> dict[IncidentKind, Level]:
    """Nothing begins in maintenance; what began before it goes on, and may end."""
    link, picture = state.link, state.picture
    down: bool | None = {Link.DOWN: True, Link.UP: False, Link.UNKNOWN: None}[state.link_value]
    bad: bool | None = {Picture.BAD: True, Picture.GOOD: False}.get(state.picture_value)
    if bad and state.link_value is Link.DOWN:  # what was bad before the link went is not news
        bad = None
    return {
        IncidentKind.OFFLINE: Level(None if down and state.maintenance else down, link.since, link.cause),
        IncidentKind.FAULT: Level(None if bad and state.maintenance else bad, picture.since, picture.cause),
    }


def advance(
    incident: Incident, event: Event, at: datetime, *, by: str = "", closing: ClosingCause | None = None
) -> Incident:
    """The incident after ``event``. Raises ``CONFLICT`` for what the table does not know.

    For the recoveries ``at`` is when it truly ended, which is no earlier than its beginning.
    """
    to = TRANSITIONS.get((incident.state, event))
    if to is None or (event is Event.WITHDRAW and not _withdrawable(incident)):
        raise XueliangError(
            Kind.CONFLICT,
            f"an incident that is {STATE_NAMES[incident.state][1]} cannot take: {event.value}",
            fix="Load it again; it may have moved on meanwhile",
            facts={"state": incident.state.value},
        )
    after = replace(incident, state=to, version=incident.version + 1)
    if event is Event.ACKNOWLEDGE:
        after = replace(after, acknowledged_by=by, acknowledged_at=at)
    elif event is Event.WITHDRAW:
        after = replace(after, acknowledged_by=None, acknowledged_at=None, resolved_at=None)
    elif event in (Event.RECOVER, Event.RECOVER_LINKED):
        after = replace(after, recovered_at=max(at, incident.since))
    elif event is Event.FALSE_ALARM:
        after = replace(after, closing=ClosingCause.FALSE_ALARM)
    elif event is Event.LEAVE:
        after = replace(after, closing=ClosingCause.CAMERA_REMOVED)
    elif event is Event.CLOSE:
        after = replace(after, closing=closing or ClosingCause.OTHER)
    if to is IncidentState.RESOLVED and incident.state is not IncidentState.RESOLVED:
        after = replace(after, resolved_at=max(at, incident.since))
    return after


def _withdrawable(incident: Incident) -> bool:
    """Only an acknowledgement can be withdrawn, and of one that is resolved only where it is also over."""
    if incident.acknowledged_at is None:
        return False
    return incident.state is not IncidentState.RESOLVED or incident.recovered_at is not None
