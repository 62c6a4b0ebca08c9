"""Pure: a view, the act of looking at a camera: its kinds, what each needs, and what the register keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from config.errors import Kind, XueliangError
from config.scope import Permission
from registry.camera import Camera, MaskBy

#: How long a ticket may wait to be used.
TICKET = timedelta(seconds=60)
#: Tickets of one request: the tiles of the largest review screen.
MAX_TILES = 36
#: Views under way of one principal, and of all.
PER_PRINCIPAL = 72
OF_ALL = 1000
MAX_TEXT = 200


class ViewKind(StrEnum):
    """``sample`` is the picture of the last check, ``evidence`` a filed one: both are shown at once, without ticket."""

    LIVE = "live"
    TOUR = "tour"  # one step of a patrol tour
    SNAPSHOT = "snapshot"  # a live picture to keep
    SAMPLE = "sample"
    EVIDENCE = "evidence"


class ViewMoment(StrEnum):
    BEGIN = "begin"
    END = "end"
    SHOWN = "shown"  # one still: beginning and end at once


#: The views that a ticket opens.
TICKETED = frozenset({ViewKind.LIVE, ViewKind.TOUR, ViewKind.SNAPSHOT})
#: One of these is enough.
NEEDS: dict[ViewKind, tuple[Permission, ...]] = {
    ViewKind.LIVE: (Permission.LIVE,),
    ViewKind.TOUR: (Permission.LIVE,),
    ViewKind.SNAPSHOT: (Permission.LIVE,),
    ViewKind.SAMPLE: (Permission.EVIDENCE, Permission.LIVE),
    ViewKind.EVIDENCE: (Permission.EVIDENCE,),
}
#: The purpose of whoever says nothing else.
DUTY = "duty"


@dataclass(frozen=True, slots=True)
class Intent:
    """What is asked for. ``purpose``: ``duty``, or why in words; ``reference``: number of a case, order or call."""

    kind: ViewKind
    purpose: str = DUTY
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class RegisterRow:
    seq: int
    view_id: str
    moment: ViewMoment
    at: datetime
    principal: str
    kind: ViewKind
    camera_id: str
    area_id: str
    unit_id: str | None
    purpose: str
    reference: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class OpenView:
    """Whose view of what is not over. ``session_id`` is none for a token's."""

    view_id: str
    principal_id: str
    session_id: str | None
    camera_id: str
    kind: ViewKind


@dataclass(frozen=True, slots=True)
class Ticket:
    """``secret`` is given out once; what is kept is its digest."""

    view_id: str
    camera_id: str
    secret: str
    expires: datetime

    def __repr__(self) -> str:
        return f"Ticket(view_id={self.view_id!r}, camera_id={self.camera_id!r})"


def check_intent(intent: Intent) -> None:
    """Raises ``INVALID``: a picture that somebody keeps needs more of a reason than being on duty."""
    for name, text in (("purpose", intent.purpose), ("reference", intent.reference or "")):
        if len(text) > MAX_TEXT or not text.isprintable():
            raise XueliangError(
                Kind.INVALID,
                f"more than {MAX_TEXT} characters, or one that cannot be shown",
                where=name,
                fix="Shorten it",
            )
    if not intent.purpose.strip():
        raise XueliangError(Kind.INVALID, "a view needs a purpose", where="purpose", fix=f"Say why, or {DUTY}")
    if intent.kind is ViewKind.SNAPSHOT and intent.purpose.strip() == DUTY:
        raise XueliangError(
            Kind.INVALID, "a snapshot needs a reason", where="purpose", fix="Say in words what it is kept for"
        )


def check_mask(camera: Camera, kind: ViewKind) -> None:
    """A camera with a privacy mask is shown live only if it burns the mask in itself; stills are masked by us.

    Raises ``FORBIDDEN`` with the fact ``code`` = ``masked``.
    """
    if not camera.mask or camera.mask_by is MaskBy.CAMERA:
        return
    if kind in TICKETED or camera.mask_by is MaskBy.NOBODY:
        raise XueliangError(
            Kind.FORBIDDEN,
            "this camera requires a privacy mask, which is not in the picture",
            where=camera.id,
            fix="Checks go on. An administrator can let the camera itself burn the mask in",
            facts={"code": "masked"},
        )
