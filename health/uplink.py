"""Pure: is it the cameras, or is it us? When most of all zones fail together, our own uplink is asked first.

Two things are needed before a camera is spared: most of what was heard last failed for network causes, and evidence
of our own (an interface or route that was there is gone, or the anchor does not answer). Without evidence the
cameras are believed: a whole district can lose its power.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from health.classes import Cause
from health.observation import Layer, Link, Observation

#: The cause that replaces a camera's own while the fault is ours.
OWN_UPLINK = "own_uplink"
NETWORK_CAUSES = frozenset({Cause.UNREACHABLE, Cause.TIMEOUT})


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    share: float = 0.5
    window_seconds: float = 60.0
    at_least: int = 3  # cameras that failed; of fewer nothing can be said
    at_most: int = 50  # of the last cameras heard, so that a big fleet is suspected within a second or two


@dataclass(frozen=True, slots=True)
class OwnNetwork:
    """``None`` where the system does not tell. ``interfaces`` are those that are up, loopback left out."""

    interfaces: frozenset[str] | None = None
    routes: frozenset[str] | None = None


@dataclass(slots=True)
class UplinkGuard:
    """Remembers the last result of each camera within the window, newest last; bounded by the fleet."""

    settings: UplinkSettings
    _last: OrderedDict[str, tuple[float, str, bool]] = field(default_factory=OrderedDict)
    _in_a_row: int = 0  # failures heard since anyone answered

    def note(self, camera_id: str, zone: str, at: float, *, failed: bool) -> None:
        self._in_a_row = self._in_a_row + 1 if failed else 0
        self._last[camera_id] = (at, zone, failed)
        self._last.move_to_end(camera_id)
        while self._last:
            oldest = next(iter(self._last))
            if self._last[oldest][0] >= at - self.settings.window_seconds:
                return
            del self._last[oldest]

    def forget(self, camera_id: str) -> None:
        self._last.pop(camera_id, None)

    def suspected(self, now: float) -> bool:
        """Most of the cameras heard last failed, and so did most zones among them; or nobody answers any more.

        The latter is for small fleets: one camera's suspicion, slot and burst can prove it offline before its
        neighbours were due even once.
        """
        rules = self.settings
        heard = [r for r in self._last.values() if r[0] >= now - rules.window_seconds]
        if heard and self._in_a_row >= rules.at_least:
            return True
        recent = heard[-max(rules.at_least, min(rules.at_most, (len(heard) + 3) // 4)) :]
        failed = sum(r[2] for r in recent)
        if failed < min(rules.at_least, max(1, len(heard))) or failed <= rules.share * len(recent):
            return False
        zones: dict[str, list[bool]] = {}
        for _, zone, bad in recent:
            zones.setdefault(zone, []).append(bad)
        lost = sum(1 for results in zones.values() if sum(results) > rules.share * len(results))
        return lost > rules.share * len(zones)


def evidence(before: OwnNetwork, now: OwnNetwork, anchors: Mapping[str, bool]) -> str | None:
    """What of ours is broken, in words, or ``None``. ``before`` is how it was when cameras last answered."""
    if before.interfaces is not None and now.interfaces is not None:
        gone = sorted(before.interfaces - now.interfaces)
        if gone:
            return f"our network interface {', '.join(gone)} is down"
    if before.routes is not None and now.routes is not None:
        gone = sorted(before.routes - now.routes)
        if gone:
            return f"our route {', '.join(gone)} is gone"
    if anchors and not any(anchors.values()):
        return f"{', '.join(sorted(anchors))} beyond our uplink does not answer either"
    return None


def network_failure(seen: Observation) -> bool:
    return seen.link is Link.DOWN and seen.cause in NETWORK_CAUSES


def as_unknown(seen: Observation, why: str) -> Observation:
    """The same check, read as saying nothing about the camera."""
    return replace(
        seen, link=Link.UNKNOWN, layer=Layer.NONE, picture=None, cause=OWN_UPLINK, detail=why, evidence=b"", measures=()
    )
