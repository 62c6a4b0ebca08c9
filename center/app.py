"""Wiring: every object of the service is built here and handed on; nothing else builds them."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network

from alerts.delivery import Delivery
from camera_gateway.attempts import AttemptGate
from camera_gateway.http import DeviceHttp, HttpDeadlines
from camera_gateway.media.pool import DecodePool, PoolLimits
from camera_gateway.onvif.client import OnvifClient
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.source import SourceHub
from center import states
from center.adopting import Adopting
from center.alerting import Topologies, delivery_of, keeper_of, webhook_of
from center.anchors import Anchors as AuditAnchors
from center.anchors import places_of
from center.finding import Finding
from center.reading_devices import DeviceReader
from center.storage import Storage
from center.upkeep import Upkeep
from center.zones import zone_of
from config.settings import Settings, port_ranges, split_listen
from health.cleaning import Cleaning, CleaningSettings
from health.engine import Engine, Listener
from health.evidence_keeper import EvidenceKeeper
from health.liveness import LivenessCheck
from health.own_network import Anchors, own_network
from health.picture_check import PictureCheck, PictureSettings
from health.picture_files import PictureFiles
from health.schedule import Schedule
from health.scheduler import EmbeddedScheduler
from health.sink import EmbeddedSink, SinkSettings
from health.uplink import UplinkGuard
from health.uplink_watch import UplinkWatch
from health.watch_book import WatchBook

log = logging.getLogger(__name__)

WORK = "health.work:work"


@dataclass(slots=True)
class App:
    """The parts of a running service that others ask something of."""

    storage: Storage
    reach: Reach
    hub: SourceHub
    pool: DecodePool
    scheduler: EmbeddedScheduler
    book: WatchBook
    engine: Engine
    delivery: Delivery
    upkeep: Upkeep
    adopting: Adopting
    finding: Finding | None

    async def close(self) -> None:
        """Camera sessions end with TEARDOWN, then the workers."""
        await self.adopting.close()
        await self.hub.close()
        await self.pool.close()


def reach_of(settings: Settings) -> Reach:
    """Camera networks and ports, without our own listeners."""
    own = [split_listen(listen) for listen in (settings.service.listen, settings.metrics.listen) if listen]
    return Reach(
        ReachPolicy(
            tuple(settings.reach.networks),
            tuple(range(low, high + 1) for low, high in port_ranges(settings.reach.ports)),
            settings.reach.allow_loopback,
            tuple(own),
        )
    )


def build(storage: Storage, rng: random.Random, listener: Listener | None = None) -> App:
    """Nothing is started yet, no socket opened. ``listener`` hears of every observation."""
    settings, clock = storage.settings, storage.clock
    reach = reach_of(settings)
    gate = AttemptGate(storage.memory)
    rtsp = RtspClient(reach, storage.memory, clock, states.deadlines(settings), gate)
    cameras = settings.cameras
    http = DeviceHttp(
        reach,
        storage.memory,
        clock,
        gate=gate,
        deadlines=HttpDeadlines(cameras.connect_seconds, max(cameras.reply_seconds, 1.0)),
    )
    onvif = OnvifClient(http, storage.memory, clock)
    hub = SourceHub(rtsp, clock, rng, cameras.idle_seconds)
    workers = settings.service.decode_workers or os.cpu_count() or 1
    pool = DecodePool(WORK, workers, clock, PoolLimits(kills=settings.checks.quarantine_crashes))
    scheduler = EmbeddedScheduler(Schedule(states.schedule_settings(settings), rng), clock)
    picture = PictureCheck(hub, pool, clock, _picture_settings(storage))
    book = WatchBook(storage.db, storage.vault)
    topology = Topologies(book)
    keeper = keeper_of(settings, topology)
    zone = SinkSettings(states.state_settings(settings), zone_of(settings))
    sink = EmbeddedSink(storage.db, clock, zone, keeper.on_changes)
    engine = _engine(storage, scheduler, book, sink, LivenessCheck(rtsp, onvif, clock), picture, listener)
    delivery = delivery_of(storage, topology, keeper, sink.state, rng)
    reader = DeviceReader(storage, onvif)
    adopting = Adopting(storage, rtsp, reader)
    finding = Finding(storage, reach, onvif, rtsp, rng, reader) if settings.discovery.enabled else None
    return App(storage, reach, hub, pool, scheduler, book, engine, delivery, upkeep_of(storage), adopting, finding)


def upkeep_of(storage: Storage) -> Upkeep:
    settings = storage.settings
    every = timedelta(minutes=settings.audit.anchor_minutes)
    anchors = AuditAnchors(storage.db, places_of(settings, webhook_of(storage)), every)
    return Upkeep(storage.db, anchors, settings.retention.audit_days)


def _picture_settings(storage: Storage) -> PictureSettings:
    settings = storage.settings
    return PictureSettings(
        storage.folder.references,
        states.thresholds(settings),
        states.learning(settings),
        total=settings.cameras.total_seconds,
    )


def _engine(
    storage: Storage,
    scheduler: EmbeddedScheduler,
    book: WatchBook,
    sink: EmbeddedSink,
    liveness: LivenessCheck,
    picture: PictureCheck,
    listener: Listener | None,
) -> Engine:
    settings, clock, db = storage.settings, storage.clock, storage.db
    zone = zone_of(settings)
    keeper = EvidenceKeeper(PictureFiles(storage.folder.evidence), db, clock)
    kept = settings.retention
    days = CleaningSettings(kept.samples_days, kept.changes_days, kept.evidence_days, kept.feed_days, zone)
    return Engine(
        db=db,
        clock=clock,
        book=book,
        scheduler=scheduler,
        sink=sink,
        liveness=liveness,
        picture=picture,
        keeper=keeper,
        uplink=_uplink(storage),
        cleaning=Cleaning(db, clock, keeper, days),
        listener=listener,
    )


def _uplink(storage: Storage) -> UplinkWatch:
    settings = storage.settings
    guard = UplinkGuard(states.uplink_settings(settings))
    hosts = states.anchors(settings)
    if not hosts:
        return UplinkWatch(guard, own_network, storage.clock)
    networks = tuple(ip_network(host) for host, _ in hosts)
    return UplinkWatch(guard, own_network, storage.clock, Anchors(Reach(ReachPolicy(networks)), hosts).ask)


async def end(task: asyncio.Task[None] | None) -> None:
    """Cancel a loop of ours and wait until it is gone."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
