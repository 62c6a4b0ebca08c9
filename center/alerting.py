"""Wiring: incidents and their delivery, built from settings, the watched cameras and their states."""

from __future__ import annotations

import random
from ipaddress import ip_address
from urllib.parse import urlsplit

from alerts.cleaning import Cleaning, KeptDays
from alerts.delivery import Delivery, DeliverySettings
from alerts.incident_keeper import IncidentKeeper
from alerts.message import BackOff
from alerts.opener import Opener, OpenerPolicy
from alerts.suppression import Look, SuppressionRules, Topology
from alerts.webhook import Destination, Webhook
from center.storage import Storage
from config.settings import Settings, split_listen
from health.watch_book import WatchBook


class Topologies:
    """The groups of the watched cameras, made anew when the cameras changed."""

    def __init__(self, book: WatchBook) -> None:
        self._book = book
        self._made: Topology | None = None
        self._revision = -1

    def __call__(self) -> Topology:
        if self._made is None or self._revision != self._book.revision:
            self._made, self._revision = Topology.of(self._book.cameras()), self._book.revision
        return self._made


def rules_of(settings: Settings) -> SuppressionRules:
    own = settings.alerts
    return SuppressionRules(own.wait_seconds, own.most_wait_seconds, own.together_seconds)


def keeper_of(settings: Settings, topology: Topologies) -> IncidentKeeper:
    names = [destination.name for destination in settings.alerts.destinations]
    return IncidentKeeper(topology, names, rules_of(settings))


def delivery_of(
    storage: Storage, topology: Topologies, keeper: IncidentKeeper, look: Look, rng: random.Random
) -> Delivery:
    """Nothing is opened yet; without destinations it only mends."""
    settings = storage.settings
    own = settings.alerts
    destinations = [
        Destination(one.name, one.url, one.secret, one.ca_file) for one in own.destinations if one.secret is not None
    ]

    kept = settings.retention
    cleaning = Cleaning(storage.db, KeptDays(kept.incidents_days, kept.messages_days))

    async def upkeep() -> None:
        await keeper.mend(storage.db, look)
        await cleaning.run_hourly()

    return Delivery(
        storage.db,
        storage.clock,
        rng,
        webhook_of(storage),
        destinations,
        DeliverySettings(public_url(settings), BackOff(most=own.pause_most_seconds, give_up=own.give_up_seconds)),
        topology=topology,
        look=look,
        rules=rules_of(settings),
        upkeep=upkeep,
    )


def webhook_of(storage: Storage) -> Webhook:
    """Posts to receivers that are named in the settings, never to a service of our own."""
    own = storage.settings.alerts
    policy = OpenerPolicy(own.allow_loopback, _own_ports(storage.settings))
    return Webhook(Opener(policy), storage.clock, own.try_seconds)


def public_url(settings: Settings) -> str:
    """What links begin with."""
    service = settings.service
    scheme = "https" if service.tls_cert_file else "http"
    return service.public_url or f"{scheme}://{service.listen}"


def _own_ports(settings: Settings) -> tuple[tuple[str, int], ...]:
    """Our listeners and the database, which no message is ever posted to."""
    found = [split_listen(listen) for listen in (settings.service.listen, settings.metrics.listen) if listen]
    parts = urlsplit(settings.database.url)
    if parts.scheme == "postgresql":
        port = parts.port or 5432
        try:
            found.append((str(ip_address(parts.hostname or "")), port))
        except ValueError:
            # A name: the database is denied wherever it turns out to be, on this machine or on any address.
            found.append(("0.0.0.0", port))  # noqa: S104 - not bound, denied
    return tuple(found)
