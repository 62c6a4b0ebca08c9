"""Pure: which cameras fail as one. A recorder, switch or link that is down is one incident, not one for each camera.

A group is what several watched cameras have in common: their device, or a step of their access path. It counts as
down when none of its cameras is up and at least two were lost together. As long as that is still open, messages
about a single camera wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from config.text import printable
from health.observation import Layer, Link
from health.state import CameraState
from registry.watched_camera import WatchedCamera

Look = Callable[[str], CameraState | None]
#: Kind and id, as the registry's access paths name them.
Key = tuple[str, str]
_MAX_STEPS = 16


@dataclass(frozen=True, slots=True)
class SuppressionRules:
    """``wait_seconds``: how old a failure is before anybody is told; ``most_seconds``: how long at most a message
    waits for the rest of its group; ``together_seconds``: what was lost within it was lost at once."""

    wait_seconds: float = 60.0
    most_seconds: float = 240.0
    together_seconds: float = 300.0
    at_least: int = 2


@dataclass(frozen=True, slots=True)
class Group:
    """``members`` are camera ids in order; ``areas`` and ``units`` are theirs, to say whose the group is."""

    kind: str
    id: str
    name: str
    members: tuple[str, ...]
    areas: frozenset[str]
    units: frozenset[str | None]

    @property
    def key(self) -> Key:
        return self.kind, self.id


@dataclass(frozen=True, slots=True)
class Outage:
    """A group that is down: since when, why (the commonest cause), and which cameras were lost at once."""

    group: Group
    since: datetime
    cause: str
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """``paths`` leads from each camera outwards; groups with fewer than two cameras are left out."""

    groups: Mapping[Key, Group] = field(default_factory=dict)
    paths: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, cameras: Iterable[WatchedCamera]) -> Topology:
        members: dict[Key, list[WatchedCamera]] = {}
        names: dict[Key, str] = {}
        paths: dict[str, tuple[Key, ...]] = {}
        for camera in sorted(cameras, key=lambda c: c.camera_id):
            steps = _steps(camera)
            names.update({key: name for key, name in steps.items() if key not in names})
            paths[camera.camera_id] = tuple(steps)
            for key in steps:
                members.setdefault(key, []).append(camera)
        groups = {
            key: Group(
                *key,
                names[key],
                tuple(c.camera_id for c in held),
                frozenset(c.area_id for c in held),
                frozenset(c.unit_id for c in held),
            )
            for key, held in members.items()
            if len(held) > 1
        }
        return cls(groups, {c: tuple(k for k in keys if k in groups) for c, keys in paths.items()})

    def of_camera(self, camera_id: str) -> tuple[Group, ...]:
        """Its groups from the camera outwards."""
        return tuple(self.groups[key] for key in self.paths.get(camera_id, ()))

    def beyond(self, group: Group) -> tuple[Group, ...]:
        """Groups that hold this one and more, from it outwards."""
        if not group.members:
            return ()
        return tuple(g for g in self.of_camera(group.members[0]) if _wider(g, group))


def _steps(camera: WatchedCamera) -> dict[Key, str]:
    """A device of several cameras is a step too, whether or not it is called a recorder."""
    steps: dict[Key, str] = {}
    if not any(step.kind == "recorder" and step.id == camera.device_id for step in camera.access_path):
        steps["device", camera.device_id] = printable(camera.device_name)
    for step in camera.access_path[:_MAX_STEPS]:
        if step.kind and step.id:
            steps.setdefault((step.kind[:40], step.id[:200]), printable(step.name))
    return steps


def _wider(outer: Group, inner: Group) -> bool:
    return len(outer.members) > len(inner.members) and set(inner.members) < set(outer.members)


def outage(group: Group, look: Look, now: datetime, rules: SuppressionRules) -> Outage | None:
    """The group's outage, or ``None`` where one of its cameras is up or too few were lost at once.

    Cameras in maintenance, and those of which nothing is known, say neither yes nor no; were they the most of the
    group, nothing could be said of it.
    """
    down: list[CameraState] = []
    silent = 0
    for camera_id in group.members:
        state = look(camera_id)
        if state is not None and state.link_value is Link.UP:
            return None
        if state is None or state.link_value is Link.UNKNOWN:
            silent += 1
        elif not state.maintenance:
            down.append(state)
    if not down or silent > len(down):
        return None
    newest = max(state.link.since for state in down)
    lost = [s for s in down if newest - s.link.since <= timedelta(seconds=rules.together_seconds)]
    if len(lost) < rules.at_least:
        return None
    causes = Counter(s.link.cause for s in lost)
    cause = min(causes, key=lambda word: (-causes[word], word))
    return Outage(group, min(s.link.since for s in lost), cause, tuple(s.camera_id for s in lost))


def widest(outages: Iterable[Outage | None]) -> Outage | None:
    """Of outages given from the camera outwards the one to blame: a wider one only where it lost more."""
    found: Outage | None = None
    for seen in outages:
        if seen is not None and (found is None or len(seen.lost) > len(found.lost)):
            found = seen
    return found


def silent(camera_ids: Iterable[str], look: Look) -> bool:
    """Whether of these cameras nothing is known just now of more than is known to be down: then nobody is told."""
    states = [state for state in map(look, camera_ids) if state is not None]
    mute = sum(state.maintenance or state.link_value is Link.UNKNOWN for state in states)
    return mute > 0 and 2 * mute > len(states)


def undecided(groups: Iterable[Group], look: Look, since: datetime, lost: Iterable[str]) -> bool:
    """Whether one of the groups may yet turn out to be down: nobody in it has answered since ``since``, and
    somebody else in it has not been asked, or is suspected.

    An answer counts from the layer up that failed in the cameras ``lost``: a recorder whose clock still answers may
    have stopped giving streams all the same.
    """
    layer = max((s.failed_layer for s in map(look, lost) if s is not None), default=Layer.NONE)
    return any(_undecided(group, look, since, layer) for group in groups)


def _undecided(group: Group, look: Look, since: datetime, layer: Layer) -> bool:
    open_question = False
    for camera_id in group.members:
        state = look(camera_id)
        if state is None or state.maintenance:
            continue
        answered = max((at for proved, at in state.layers.items() if proved >= layer), default=None)
        if state.link_value is Link.UP and answered is not None and answered > since:
            return False
        if state.link_value is Link.UP:
            open_question = True
    return open_question
