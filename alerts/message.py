"""Pure: one message about an incident to one destination: its statuses, what it says, and when it is tried again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from random import Random
from typing import Any

from alerts.incident import KIND_NAMES, Incident
from health.classes import CAUSE_NAMES, VERDICT_NAMES


class MessageEvent(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


class MessageStatus(StrEnum):
    WAITING = "waiting"  # goes at ``due_at``
    HELD = "held"  # not now, for the reason in ``held_for``
    DELIVERED = "delivered"
    DEAD = "dead"  # given up; shown, and sent again when a person says so
    DROPPED = "dropped"  # never tried, and no longer true


class Hold(StrEnum):
    PARENT = "parent"  # part of a bigger one
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"  # nobody knows just now whether it still stands (our own uplink)
    FIRING = "firing"  # a *resolved* waits until its *firing* was delivered


#: What may follow what; everything else is a defect.
TRANSITIONS: Mapping[MessageStatus, frozenset[MessageStatus]] = {
    MessageStatus.WAITING: frozenset(
        {MessageStatus.HELD, MessageStatus.DELIVERED, MessageStatus.DEAD, MessageStatus.DROPPED, MessageStatus.WAITING}
    ),
    MessageStatus.HELD: frozenset({MessageStatus.WAITING, MessageStatus.DROPPED, MessageStatus.HELD}),
    MessageStatus.DEAD: frozenset({MessageStatus.WAITING}),
    MessageStatus.DELIVERED: frozenset(),
    MessageStatus.DROPPED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Message:
    """``id`` is the idempotency key. ``answer`` is the receiver's last HTTP status, ``error`` the last failure."""

    seq: int
    id: str
    destination: str
    incident_id: str
    event: MessageEvent
    status: MessageStatus
    held_for: str
    made_at: datetime
    due_at: datetime
    attempts: int
    first_at: datetime | None
    last_at: datetime | None
    delivered_at: datetime | None
    answer: int | None
    error: str
    body: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class BackOff:
    """Seconds. The n-th pause is anything up to ``base * 2**(n-1)``, at most ``most``: full jitter, so that what
    failed together does not come back together. ``give_up`` after the first try the message is dead."""

    base: float = 2.0
    most: float = 600.0
    give_up: float = 86_400.0
    #: A receiver may ask for more patience than we have: it is heeded up to this.
    most_asked: float = 3600.0

    def pause(self, attempts: int, dice: Random, asked: float | None = None) -> float:
        drawn = dice.uniform(0.0, min(self.most, self.base * 2.0 ** min(attempts - 1, 32)))
        return drawn if asked is None else max(drawn, min(asked, self.most_asked))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means: delivered, or to be tried again (after ``asked`` seconds at least), or never."""

    delivered: bool = False
    again: bool = True
    asked: float | None = None


#: The message itself is refused: the same bytes will be refused again, and must not block those behind them.
_REFUSED = frozenset({400, 405, 406, 411, 413, 414, 415, 422, 431})


def judge(status: int, retry_after: str | None, now: datetime) -> Verdict:
    """RFC 9110: 2xx is delivered; redirects are not followed, and wait like refused logins for somebody who mends
    the settings."""
    if 200 <= status < 300:
        return Verdict(delivered=True)
    if status in _REFUSED:
        return Verdict(again=False)
    return Verdict(asked=_seconds(retry_after, now) if status in (429, 503) else None)


def _seconds(text: str | None, now: datetime) -> float | None:
    """Retry-After (RFC 9110 section 10.2.3) as seconds; ``None`` for what is none."""
    if text is None or len(text) > 40:
        return None
    if text.isascii() and text.isdigit():
        return float(int(text))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(0.0, (at.astimezone(UTC) - now).total_seconds())


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message calls the camera or group: name and codes, no address, no place on the map."""

    name: str
    code: str | None = None
    gb_id: str | None = None
    point: str | None = None


def cause_names(cause: str) -> tuple[str, str]:
    """Chinese and English; a word that is none of ours is given as it is."""
    for names in (CAUSE_NAMES, VERDICT_NAMES):
        for word, name in names.items():
            if word.value == cause:
                return name.zh, name.en
    return cause, cause


def body(event: MessageEvent, incident: Incident, subject: Subject, public_url: str) -> dict[str, Any]:
    """No picture, no coordinates, no person: those stay behind the login that ``link`` leads to."""
    zh, en = cause_names(incident.cause)
    kind_zh, kind_en = KIND_NAMES[incident.kind]
    group = None
    if incident.camera_id is None:
        group = {"kind": incident.group_kind, "id": incident.group_id, "name": subject.name}
    camera = None
    if incident.camera_id is not None:
        named = {"name": subject.name, "code": subject.code, "gb_id": subject.gb_id, "point": subject.point}
        camera = {"id": incident.camera_id, **named}
    return {
        "version": 1,
        "event": event.value,
        "incident_id": incident.id,
        "kind": incident.kind.value,
        "kind_name": {"zh": kind_zh, "en": kind_en},
        "camera": camera,
        "group": group,
        "cameras": incident.cameras,
        "since": incident.since.astimezone(UTC).isoformat(),
        "recovered_at": incident.recovered_at.astimezone(UTC).isoformat() if incident.recovered_at else None,
        "cause": incident.cause,
        "cause_name": {"zh": zh, "en": en},
        "link": f"{public_url.rstrip('/')}/incidents/{incident.id}",
    }


def encoded(content: Mapping[str, Any]) -> bytes:
    """The bytes on the wire: the same for the same content, whichever database kept it."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
