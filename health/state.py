"""Pure: the state of one camera, as enums, tables and one function that advances it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from health import confirm
from health.confirm import ConfirmSettings, Progress, Standing, Track
from health.observation import Layer, Link, Observation, Picture


class State(StrEnum):
    OK = "ok"
    FAULT = "fault"
    OFFLINE = "offline"
    CANNOT_JUDGE = "cannot_judge"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"


class Aspect(StrEnum):
    LINK = "link"
    PICTURE = "picture"
    STATE = "state"


#: The one table: what link and picture together make of a camera. Maintenance is laid over it.
DERIVED: Mapping[tuple[Link, Picture], State] = {
    (Link.UP, Picture.GOOD): State.OK,
    (Link.UP, Picture.BAD): State.FAULT,
    (Link.UP, Picture.CANNOT_JUDGE): State.CANNOT_JUDGE,
    (Link.UP, Picture.UNKNOWN): State.UNKNOWN,
    (Link.DOWN, Picture.GOOD): State.OFFLINE,
    (Link.DOWN, Picture.BAD): State.OFFLINE,
    (Link.DOWN, Picture.CANNOT_JUDGE): State.OFFLINE,
    (Link.DOWN, Picture.UNKNOWN): State.OFFLINE,
    (Link.UNKNOWN, Picture.GOOD): State.UNKNOWN,
    (Link.UNKNOWN, Picture.BAD): State.UNKNOWN,
    (Link.UNKNOWN, Picture.CANNOT_JUDGE): State.UNKNOWN,
    (Link.UNKNOWN, Picture.UNKNOWN): State.UNKNOWN,
}
_LINK = {
    Standing.GOOD: Link.UP,
    Standing.BAD: Link.DOWN,
    Standing.CANNOT_JUDGE: Link.UNKNOWN,
    Standing.UNKNOWN: Link.UNKNOWN,
}
_PICTURE = {s: Picture(s.value) for s in Standing}

#: Causes of our own for not knowing; the camera's causes are :mod:`health.classes`'.
NEVER_CHECKED = "never_checked"
NOT_WATCHED = "not_watched"  # a gap longer than a sample vouches for
LINK_LOST = "link_lost"  # no picture can be known while the link is down
MAINTENANCE = "maintenance"
#: A password refused once is held back afterwards: both are one story, told by its beginning.
_AUTH, _LOCKED = "auth", "locked"


@dataclass(frozen=True, slots=True)
class StateSettings:
    """How many samples move a state, and how long (seconds) one vouches for it. Past that the state is unknown
    from the last sample on, never up."""

    link: ConfirmSettings = field(default_factory=ConfirmSettings)
    picture: ConfirmSettings = field(default_factory=lambda: ConfirmSettings(confirm_by_cause={"no_signal": 1}))
    link_holds_seconds: float = 210.0  # three and a half liveness intervals
    picture_holds_seconds: float = 1050.0  # three and a half picture intervals


@dataclass(frozen=True, slots=True)
class Change:
    """``since`` is when it truly began (the first sample of the run), ``at`` when it was known."""

    camera_id: str
    aspect: Aspect
    old: str
    new: str
    cause: str
    since: datetime
    at: datetime
    probe_id: str = ""


@dataclass(frozen=True, slots=True)
class CameraState:
    camera_id: str
    link: Track
    picture: Track
    state: State
    since: datetime
    cause: str
    failed_layer: Layer = Layer.NONE  # where a down link, or one suspected of it, failed
    layers: Mapping[Layer, datetime] = field(default_factory=dict)  # when each layer last answered
    maintenance: bool = False
    last_at: datetime | None = None
    last_good_at: datetime | None = None

    @property
    def link_value(self) -> Link:
        return _LINK[self.link.standing]

    @property
    def picture_value(self) -> Picture:
        return _PICTURE[self.picture.standing]

    @property
    def underlying(self) -> State:
        """What the state is without the maintenance laid over it."""
        return DERIVED[self.link_value, self.picture_value]

    @property
    def suspicious(self) -> bool:
        return self.link.suspicious or self.picture.suspicious

    @property
    def troubled(self) -> bool:
        """Checked first when there is a choice, and kept out of the healthy ones' way."""
        return self.link.proved is Standing.BAD or self.picture.proved is Standing.BAD or self.suspicious

    def confirming(self, settings: StateSettings) -> tuple[Aspect, Progress] | None:
        """How far what is shown, or what may be next, is confirmed; the link comes before the picture."""
        link = confirm.progress(self.link, settings.link)
        if link is not None:
            return Aspect.LINK, link
        picture = confirm.progress(self.picture, settings.picture)
        return (Aspect.PICTURE, picture) if picture is not None else None

    def rests_on(self, at: datetime, settings: StateSettings) -> Layer:
        """The highest layer proved within the time that a sample vouches for."""
        if self.link_value is not Link.UP:
            return Layer.NONE
        holds = {
            Layer.DEVICE: settings.link_holds_seconds,
            Layer.STREAM: settings.link_holds_seconds,
            Layer.PICTURE: settings.picture_holds_seconds,
        }
        fresh = [la for la, t in self.layers.items() if la in holds and (at - t).total_seconds() <= holds[la]]
        return max(fresh, default=Layer.NONE)


def begin(camera_id: str, at: datetime) -> CameraState:
    return CameraState(camera_id, confirm.begin(at), confirm.begin(at), State.UNKNOWN, at, NEVER_CHECKED)


def advance(
    state: CameraState, observation: Observation, settings: StateSettings
) -> tuple[CameraState, tuple[Change, ...]]:
    """The state after one observation, and what changed; the input is left as it is.

    Unknown and *cannot judge* never resolve a fault and never count as good. A gap before the observation is
    closed first, so that nobody is up for a time in which nobody looked.
    """
    at = observation.at
    before, gap = expire(state, at, settings)
    after = _with_link(before, observation, settings)
    after = _with_picture(after, observation, settings)
    after = replace(after, last_at=at)
    if observation.picture is Picture.GOOD and observation.link is Link.UP:
        after = replace(after, last_good_at=at)
    after, changes = _settle(before, after, at, observation.probe_id)
    return after, gap + changes


def expire(state: CameraState, at: datetime, settings: StateSettings) -> tuple[CameraState, tuple[Change, ...]]:
    """Turn what nobody vouches for any more into unknown, from the last sample on."""
    before = not_after(state, at)
    after = _expired(before, at, settings)
    if after is state:  # nearly always: asked of a whole fleet every few seconds
        return state, ()
    return _settle(before, after, at, "")


def set_maintenance(state: CameraState, active: bool, at: datetime) -> tuple[CameraState, tuple[Change, ...]]:
    """Lay a maintenance window over the state, or take it away. Checks go on beneath it."""
    before = not_after(state, at)
    return _settle(before, replace(before, maintenance=active), at, "")


def wants_burst(state: CameraState, observation: Observation) -> bool:
    """Look again soon: a suspicion is open, a recovery is under way, or a device whose stream is down answers."""
    hint = (
        observation.link is Link.UP
        and state.link.proved is Standing.BAD
        and Layer.NONE < observation.layer < state.failed_layer
    )
    return state.suspicious or hint


def not_after(state: CameraState, at: datetime) -> CameraState:
    """The state with no time later than ``at``: a wall clock that was set back must not freeze a camera."""
    if max(state.since, state.last_at or state.since) <= at:
        return state

    def early(track: Track) -> Track:
        window = tuple(replace(s, at=min(s.at, at)) for s in track.window)
        doubted, last = track.doubted_from, track.last_at
        return replace(
            track,
            since=min(track.since, at),
            window=window,
            doubted_from=min(doubted, at) if doubted else None,
            last_at=min(last, at) if last else None,
        )

    return replace(
        state,
        link=early(state.link),
        picture=early(state.picture),
        since=min(state.since, at),
        layers={layer: min(t, at) for layer, t in state.layers.items()},
        last_at=min(state.last_at, at) if state.last_at else None,
        last_good_at=min(state.last_good_at, at) if state.last_good_at else None,
    )


def _expired(state: CameraState, at: datetime, settings: StateSettings) -> CameraState:
    link = _gap(state.link, at, settings.link_holds_seconds)
    picture = _gap(state.picture, at, settings.picture_holds_seconds)
    if link is state.link and picture is state.picture:
        return state
    return replace(state, link=link, picture=picture)


def _gap(track: Track, at: datetime, holds: float) -> Track:
    last = track.last_at
    if last is None or at - last <= timedelta(seconds=holds):
        return track
    if track.standing is Standing.UNKNOWN and not track.window:
        return track
    return confirm.blind(track, last, NOT_WATCHED)


def _with_link(state: CameraState, seen: Observation, settings: StateSettings) -> CameraState:
    if seen.link is None:
        return state
    if seen.link is Link.UNKNOWN:
        return replace(state, link=confirm.blind(state.link, seen.at, seen.cause))
    if seen.link is Link.UP:
        layers = {**state.layers, seen.layer: seen.at}
        state = replace(state, layers=layers)
        if seen.layer < state.failed_layer:  # proves nothing about what failed; still, somebody looked
            return replace(state, link=replace(state.link, last_at=seen.at))
        return replace(state, link=confirm.judged(state.link, seen.at, bad=False, cause="", settings=settings.link))
    cause = seen.cause
    told = {state.link.cause, *(s.cause for s in state.link.window)}
    if cause == _LOCKED and _AUTH in told:
        cause = _AUTH
    link = confirm.judged(state.link, seen.at, bad=True, cause=cause, settings=settings.link)
    # The highest layer that failed in this run is the one that must answer again.
    state = replace(state, link=link, failed_layer=max(state.failed_layer, seen.layer))
    if link.standing is Standing.BAD and state.picture.standing in (Standing.GOOD, Standing.CANNOT_JUDGE):
        return replace(state, picture=confirm.blind(state.picture, link.since, LINK_LOST))
    return state


def _with_picture(state: CameraState, seen: Observation, settings: StateSettings) -> CameraState:
    picture = state.picture
    if seen.picture is Picture.UNKNOWN:
        picture = confirm.blind(picture, seen.at, seen.cause)
    elif seen.picture is Picture.CANNOT_JUDGE:
        picture = confirm.doubt(picture, seen.at, seen.cause, settings.picture)
    elif seen.picture is not None:
        bad = seen.picture is Picture.BAD
        picture = confirm.judged(picture, seen.at, bad=bad, cause=seen.cause if bad else "", settings=settings.picture)
    if picture is not state.picture:
        state = replace(state, picture=picture)
    return state


def _settle(
    before: CameraState, after: CameraState, at: datetime, probe_id: str
) -> tuple[CameraState, tuple[Change, ...]]:
    """Derive the state and list the changes, none of which begins before the one it follows."""
    changes: list[Change] = []

    def note(aspect: Aspect, old: str, new: str, cause: str, since: datetime) -> None:
        changes.append(Change(after.camera_id, aspect, old, new, cause, since, at, probe_id))

    link, picture = after.link, after.picture
    if (before.link_value, before.link.cause) != (after.link_value, link.cause):
        note(Aspect.LINK, before.link_value, after.link_value, link.cause, link.since)
    if (before.picture_value, before.picture.cause) != (after.picture_value, picture.cause):
        note(Aspect.PICTURE, before.picture_value, after.picture_value, picture.cause, picture.since)
    state, cause = _derive(after)
    since = before.since
    if state is not before.state:
        since = max(before.since, _began(before, after, state, at))
    open_run = bool(link.window) or link.proved is Standing.BAD
    layer = after.failed_layer if open_run else Layer.NONE
    after = replace(after, state=state, since=since, cause=cause, failed_layer=layer)
    if (before.state, before.cause) != (state, cause):
        note(Aspect.STATE, before.state, state, cause, since)
    return after, tuple(changes)


def _derive(state: CameraState) -> tuple[State, str]:
    if state.maintenance:
        return State.MAINTENANCE, MAINTENANCE
    derived = state.underlying
    if derived is State.OK:
        return derived, ""
    if derived is State.OFFLINE or state.link_value is Link.UNKNOWN:
        return derived, state.link.cause or NEVER_CHECKED
    return derived, state.picture.cause or NEVER_CHECKED


def _began(before: CameraState, after: CameraState, state: State, at: datetime) -> datetime:
    if before.maintenance != after.maintenance:
        return at
    if state is State.OFFLINE or after.link_value is Link.UNKNOWN:
        return after.link.since
    if state is State.OK:  # only when both are good
        return max(after.link.since, after.picture.since)
    if before.link_value is not after.link_value:  # the picture shows as soon as the link does
        return max(after.link.since, after.picture.since)
    return after.picture.since
