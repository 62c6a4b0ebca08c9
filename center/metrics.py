"""Edge: what /metrics shows (Prometheus text format): counts of the whole, never a label per camera."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from alerts.delivery import TRY_ENDS
from alerts.message import MessageStatus
from alerts.queue_store import Queue, queues
from center.api.asked import Core
from center.app import App
from config.scope import Scope
from health.observation import Tier
from health.state import State
from health.status_store import count_states
from streaming.view_state import ViewState


class Metrics:
    def __init__(self, app: App, core: Core | None = None) -> None:
        self._app = app
        self._core = core
        self._states: dict[State, int] = {}
        self._queues: dict[str, Queue] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    async def exposition(self) -> tuple[str, bytes]:
        """Media type and text."""
        async with self._app.storage.db.read() as connection:
            self._states = await count_states(Scope.system("metrics"), connection)
            self._queues = await queues(Scope.system("metrics"), connection, self._app.storage.clock.now())
        return CONTENT_TYPE_LATEST, await asyncio.to_thread(generate_latest, self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the library for each reading."""
        app = self._app
        states = GaugeMetricFamily("xueliang_cameras", "Watched cameras by state", labels=["state"])
        for state, number in self._states.items():
            states.add_metric([state.value], number)
        yield states
        checks = CounterMetricFamily("xueliang_checks", "Checks made since the start, by tier", labels=["tier"])
        for tier in Tier:
            checks.add_metric([tier.value], app.engine.counts[tier.value])
        yield checks
        yield CounterMetricFamily(
            "xueliang_internal_failures", "Checks that failed on our side", value=app.engine.counts["failed_internally"]
        )
        yield GaugeMetricFamily("xueliang_checks_under_way", "Checks running now", value=app.engine.under_way)
        yield from self._freshness()
        yield from self._pool()
        yield from self._delivery()
        yield from self._live()
        if app.finding is not None:
            yield CounterMetricFamily("xueliang_discovery_rounds", "Rounds of discovery", value=app.finding.rounds)

    def _freshness(self) -> Iterator[Metric]:
        share = GaugeMetricFamily(
            "xueliang_fresh_share", "Share of the cameras that were checked in time", labels=["tier"]
        )
        oldest = GaugeMetricFamily(
            "xueliang_oldest_check_seconds", "Age of the oldest last check of any camera", labels=["tier"]
        )
        missed = CounterMetricFamily("xueliang_missed_slots", "Slots that were passed over", labels=["tier"])
        for tier in Tier:
            fresh = self._app.scheduler.freshness(tier)
            share.add_metric([tier.value], fresh.share)
            oldest.add_metric([tier.value], fresh.oldest)
            missed.add_metric([tier.value], fresh.missed)
        yield from (share, oldest, missed)

    def _live(self) -> Iterator[Metric]:
        live = self._core.live_views if self._core is not None else None
        if live is None:
            return
        states = Counter(one.state for one in live.relay.shown())
        views = GaugeMetricFamily("xueliang_live_views", "Live pictures under way, by state", labels=["state"])
        for state in ViewState:
            if state is not ViewState.ENDED:
                views.add_metric([state.value], states[state])
        yield views
        streams = len(live.relay.streams())
        yield GaugeMetricFamily("xueliang_live_streams", "Camera streams that live pictures come from", value=streams)

    def _pool(self) -> Iterator[Metric]:
        stats = self._app.pool.stats
        jobs = CounterMetricFamily("xueliang_decode_jobs", "Pictures given to decode workers, by end", labels=["end"])
        for end in ("answers", "errors", "crashes", "hangs", "refused", "late"):
            jobs.add_metric([end], getattr(stats, end))
        yield jobs
        yield CounterMetricFamily("xueliang_decode_workers_spawned", "Decode workers started", value=stats.spawned)
        yield GaugeMetricFamily(
            "xueliang_quarantined_cameras",
            "Cameras whose pictures are left alone because they ended decode workers",
            value=len(self._app.pool.quarantined()),
        )

    def _delivery(self) -> Iterator[Metric]:
        """By the destination's name; its address and secret are in no metric."""
        kept = GaugeMetricFamily("xueliang_messages", "Messages kept, by status", labels=["destination", "status"])
        oldest = GaugeMetricFamily(
            "xueliang_message_oldest_seconds",
            "How long the oldest message that should have gone is overdue",
            labels=["destination"],
        )
        tries = CounterMetricFamily(
            "xueliang_message_tries", "Tries since the start, by end", labels=["destination", "end"]
        )
        for name in sorted({*self._queues, *self._app.delivery.names}):
            queue = self._queues.get(name, Queue())
            for status in MessageStatus:
                kept.add_metric([name, status.value], queue.count(status))
            oldest.add_metric([name], queue.oldest_seconds)
            for end in TRY_ENDS:
                tries.add_metric([name, end], self._app.delivery.counts[name, end])
        yield from (kept, oldest, tries)
