"""Pure: where a point, device, camera or checkpoint stands between being proposed and being removed, as a table."""

from __future__ import annotations

from enum import StrEnum

from config.errors import Kind, XueliangError


class Lifecycle(StrEnum):
    PROPOSED = "proposed"  # found or planned; gets no credential and is not checked
    ADOPTED = "adopted"  # accepted by a person or a rule; checked, not yet counted
    IN_USE = "in_use"  # checked and counted (GB/T 28181 state 1)
    UNDER_REPAIR = "under_repair"  # checked, its outage is known (state 2)
    REMOVED = "removed"  # history stays, nothing is checked (state 3)


_L = Lifecycle
TRANSITIONS: dict[Lifecycle, frozenset[Lifecycle]] = {
    _L.PROPOSED: frozenset({_L.ADOPTED, _L.REMOVED}),
    _L.ADOPTED: frozenset({_L.IN_USE, _L.UNDER_REPAIR, _L.REMOVED}),
    _L.IN_USE: frozenset({_L.UNDER_REPAIR, _L.REMOVED}),
    _L.UNDER_REPAIR: frozenset({_L.IN_USE, _L.REMOVED}),
    # A device taken down and put up again comes back as adopted and is proved anew.
    _L.REMOVED: frozenset({_L.ADOPTED}),
}

#: In these the service may authenticate to it and probe it.
WATCHED = frozenset({_L.ADOPTED, _L.IN_USE, _L.UNDER_REPAIR})

#: The state column of a catalogue (GB/T 28181-2022): 1 in use, 2 under repair, 3 removed.
CATALOG_STATE = {_L.ADOPTED: 1, _L.IN_USE: 1, _L.UNDER_REPAIR: 2, _L.REMOVED: 3}


def advance(now: Lifecycle, to: Lifecycle) -> Lifecycle:
    """``to``, if the table allows it from ``now`` (staying is allowed); else raises ``CONFLICT``."""
    if to is now or to in TRANSITIONS[now]:
        return to
    allowed = ", ".join(sorted(state.value for state in TRANSITIONS[now]))
    raise XueliangError(
        Kind.CONFLICT, f"from {now.value} there is no way to {to.value}", fix=f"Possible from here: {allowed}"
    )
