"""Pure: a camera's state as the codes that platforms speak: the inspection code and the catalogue word."""

from __future__ import annotations

from health.classes import CAUSE_NAMES, VERDICT_NAMES, CatalogStatus, Cause, Name, VerdictClass
from health.state import State

_KNOWN: dict[str, Name] = {
    **{verdict.value: name for verdict, name in VERDICT_NAMES.items()},
    **{cause.value: name for cause, name in CAUSE_NAMES.items()},
}


def codes_of(state: State, cause: str) -> tuple[int | None, CatalogStatus | None]:
    """Inspection code (0 to 10) and GB/T 28181 catalogue word; ``None`` while nothing is known or maintenance stands.

    ``cause`` is the word of :class:`VerdictClass` or :class:`Cause` that the state rests on.
    """
    if state is State.OK:
        return VERDICT_NAMES[VerdictClass.OK].inspection, CatalogStatus.ON
    if state not in (State.FAULT, State.OFFLINE):
        return None, None
    usual = CAUSE_NAMES[Cause.UNREACHABLE] if state is State.OFFLINE else VERDICT_NAMES[VerdictClass.NO_SIGNAL]
    name = _KNOWN.get(cause, usual)
    return name.inspection, name.catalog
