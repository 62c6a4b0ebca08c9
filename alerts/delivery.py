"""Wiring: the worker that empties the outbox: at least once, in order for each receiver, patient, never silent.

A try is written down before it leaves; whatever ends this process between that and the answer, the message goes again
with the same key and the same words.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Protocol

from alerts import incident_store, outbox_store
from alerts.incident import Incident, IncidentKind
from alerts.incident_store import Shown
from alerts.message import BackOff, Message, MessageEvent, Subject, body, encoded, judge
from alerts.suppression import Look, SuppressionRules, Topology, silent, undecided
from alerts.webhook import Answer, Destination
from config.clock import Clock
from config.errors import XueliangError
from config.scope import Scope
from registry.database import Database

log = logging.getLogger(__name__)


Upkeep = Callable[[], Awaitable[None]]


#: How a try may end: ``failed`` is tried again.
TRY_ENDS = ("delivered", "failed", "dead")


async def _nothing() -> None:
    return None


class Sender(Protocol):
    async def send(self, to: Destination, key: str, body: bytes) -> Answer: ...


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """``at_once``: connections to receivers; ``look_seconds``: how often an empty outbox is looked into;
    ``again_seconds``: how often a message that is not ripe yet is looked at."""

    public_url: str
    back_off: BackOff = field(default_factory=BackOff)
    at_once: int = 4
    look_seconds: float = 1.0
    again_seconds: float = 5.0
    upkeep_seconds: float = 60.0


class Delivery:
    """``run`` until cancelled. ``counts`` since the start: delivered, failed, dead, by destination. ``upkeep``
    is called at the start and now and then."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        dice: Random,
        sender: Sender,
        destinations: Sequence[Destination],
        settings: DeliverySettings,
        *,
        topology: Callable[[], Topology] = Topology,
        look: Look = lambda _: None,
        rules: SuppressionRules | None = None,
        upkeep: Upkeep = _nothing,
    ) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._db = db
        self._clock = clock
        self._dice = dice
        self._sender = sender
        self._destinations = tuple(destinations)
        self._settings = settings
        self._topology = topology
        self._look = look
        self._rules = rules or SuppressionRules()
        self._upkeep = upkeep
        self._places = asyncio.Semaphore(settings.at_once)
        self._scope = Scope.system("alerts")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(destination.name for destination in self._destinations)

    async def run(self) -> None:
        """One after the other to each receiver, to several receivers at once."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_up(), name="alerts: upkeep")
            for destination in self._destinations:
                group.create_task(self._serve(destination), name=f"alerts: {destination.name}")

    async def _keep_up(self) -> None:
        while True:
            try:
                await self._upkeep()
            except XueliangError as error:
                log.warning("x alerts: %s", error)
            await self._clock.sleep(self._settings.upkeep_seconds)

    async def _serve(self, destination: Destination) -> None:
        while True:
            try:
                busy = await self.run_once(destination)
            except XueliangError as error:  # ours: the database; the message is still there
                log.warning("x alerts %s: %s", destination.name, error)
                busy = False
            if not busy:
                await self._clock.sleep(self._settings.look_seconds)

    async def run_once(self, destination: Destination) -> bool:
        """Try the one message whose turn it is. False where there is none. Raises ``UNAVAILABLE``."""
        async with self._db.read() as connection:
            message = await outbox_store.head(self._scope, connection, destination.name, self._clock.now())
            if message is None:
                return False
            shown = await incident_store.get_incident(self._scope, connection, message.incident_id)
        if message.attempts == 0 and message.event is MessageEvent.FIRING and not self._ripe(message, shown.incident):
            due = self._clock.now() + timedelta(seconds=self._settings.again_seconds)
            async with self._db.write() as connection:
                await outbox_store.postpone(self._scope, connection, message, due)
            return True
        words = body(message.event, shown.incident, _subject(shown), self._settings.public_url)
        async with self._db.write() as connection:
            trying = await outbox_store.begin(self._scope, connection, message, words)
        if trying is not None:
            await self._try(destination, trying)
        return True

    def _ripe(self, message: Message, incident: Incident) -> bool:
        """Whether it may be told now: nobody doubts that it stands, and that it is not part of a bigger one."""
        topology = self._topology()
        if incident.camera_id is None:
            group = topology.groups.get((incident.group_kind or "", incident.group_id or ""))
            if group is None:
                return True
            if silent(group.members, self._look):
                return False
            groups, lost = topology.beyond(group), group.members
        else:
            if silent([incident.camera_id], self._look):
                return False
            lost = (incident.camera_id,)
            groups = topology.of_camera(incident.camera_id) if incident.kind is IncidentKind.OFFLINE else ()
        waited = (self._clock.now() - message.made_at).total_seconds()
        if waited < 0 or waited >= self._rules.most_seconds:
            return True
        return not undecided(groups, self._look, incident.since, lost)

    async def _try(self, destination: Destination, message: Message) -> None:
        answer: Answer | None = None
        async with self._places:
            try:
                answer = await self._sender.send(destination, message.id, encoded(message.body or {}))
            except XueliangError as error:
                said = f"{error.kind.value}: {error.what}"
            else:
                said = f"HTTP {answer.status} {answer.said}".strip()
        now = self._clock.now()
        verdict = judge(answer.status, answer.retry_after, now) if answer else None
        if answer is not None and verdict is not None and verdict.delivered:
            self._count(destination, "delivered")
            async with self._db.write() as connection:
                await outbox_store.delivered(self._scope, connection, message, answer.status)
            return
        back_off = self._settings.back_off
        again = verdict is None or verdict.again
        first = min(message.first_at or now, now)
        due = None
        if again and (now - first).total_seconds() < back_off.give_up:
            asked = verdict.asked if verdict else None
            due = now + timedelta(seconds=back_off.pause(message.attempts, self._dice, asked))
        self._count(destination, "dead" if due is None else "failed")
        log.warning("x alerts %s %s %s: %s", destination.name, message.event, message.id, said)
        async with self._db.write() as connection:
            await outbox_store.failed(self._scope, connection, message, said, answer.status if answer else None, due)

    def _count(self, destination: Destination, what: str) -> None:
        self.counts[destination.name, what] += 1


def _subject(shown: Shown) -> Subject:
    incident = shown.incident
    if incident.camera_id is None:
        return Subject(incident.group_name or incident.group_id or "")
    return Subject(shown.camera_name or "", shown.point_code, shown.gb_id, shown.point_name)
