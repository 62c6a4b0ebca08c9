"""Wiring: the audit log's anchors leave the machine by themselves: to our log, a file, syslog, receivers."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.webhook import Destination, Webhook
from center import syslog
from config.errors import Kind, XueliangError
from config.scope import Scope
from config.settings import Settings, split_listen
from registry import anchor_store, audit_store
from registry.audit_chain import Anchor, anchor_text
from registry.database import Database

log = logging.getLogger(__name__)

OURS = Scope.system("audit")
#: A log that does not grow is told of once a day all the same: silence would look like a broken way.
AT_LEAST = timedelta(days=1)
#: A collector's own limit is at least 480 bytes and mostly 2 kB (RFC 5426 section 3.2); an anchor has about 450.
Take = Callable[[Anchor], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where anchors go. ``name`` is what the auditor reads."""

    name: str
    take: Take


class Anchors:
    """``run_once`` gives every place that is due an anchor of now; a place in trouble is asked again each time."""

    def __init__(self, db: Database, places: list[Place], every: timedelta) -> None:
        self.trouble: dict[str, str] = {}
        self._db = db
        self._places = places
        self._every = every

    async def run_once(self) -> None:
        """Raises what the database raises; a place's trouble is told and stays its own."""
        now = self._db.clock.now()
        async with self._db.read() as connection:
            sent = await anchor_store.sent(OURS, connection)
            due = [place for place in self._places if self._due(sent.get(place.name), now)]
            anchor = await audit_store.anchor(OURS, connection) if due else None
        if anchor is None:
            return
        for place in due:
            last = sent.get(place.name)
            if last is not None and last.rows == anchor.count and abs(now - last.at) < AT_LEAST:
                continue
            await self._give(place, anchor, now)

    async def _give(self, place: Place, anchor: Anchor, now: datetime) -> None:
        try:
            await place.take(anchor)
        except XueliangError as error:
            if self.trouble.get(place.name) != error.what:
                log.warning("x audit anchor to %s: %s", place.name, error)
            self.trouble[place.name] = error.what
            return
        self.trouble.pop(place.name, None)
        async with self._db.write() as connection:
            await anchor_store.put(OURS, connection, place.name, anchor.count, now)

    def _due(self, last: anchor_store.Sent | None, now: datetime) -> bool:
        # A clock that was set back makes the last one look like the future: then it is due.
        return last is None or not timedelta(0) <= now - last.at < self._every


def places_of(settings: Settings, webhook: Webhook) -> list[Place]:
    """As the settings say; our own log always."""
    own = settings.audit
    found = [Place("log", _to_log)]
    if own.anchor_file is not None:
        found.append(Place("file", _to_file(own.anchor_file)))
    if own.anchor_syslog:
        found.append(Place("syslog", _to_syslog(split_listen(own.anchor_syslog))))
    for one in own.anchor_webhooks:
        if one.secret is not None:
            to = Destination(one.name, one.url, one.secret, one.ca_file)
            found.append(Place(f"webhook {one.name}", _to_webhook(webhook, to)))
    return found


async def _to_log(anchor: Anchor) -> None:
    log.info("- audit anchor %s", anchor_text(anchor))


def _to_file(path: Path) -> Take:
    def add(text: str) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())

    async def take(anchor: Anchor) -> None:
        try:
            await asyncio.to_thread(add, anchor_text(anchor))
        except OSError as error:
            what = f"the file cannot be written: {error.strerror}"
            raise XueliangError(Kind.UNAVAILABLE, what, where=str(path)) from error

    return take


def _to_syslog(address: tuple[str, int]) -> Take:
    async def take(anchor: Anchor) -> None:
        await syslog.send(address, syslog.line(datetime.fromisoformat(anchor.at), anchor_text(anchor)))

    return take


def _to_webhook(webhook: Webhook, to: Destination) -> Take:
    async def take(anchor: Anchor) -> None:
        body: dict[str, Any] = {"type": "audit_anchor", "anchor": json.loads(anchor_text(anchor))}
        answer = await webhook.send(to, f"anchor-{anchor.signature[:32]}", json.dumps(body).encode())
        if not 200 <= answer.status < 300:
            raise XueliangError(Kind.PROTOCOL, f"the receiver answered {answer.status}", where=to.name)

    return take
