"""Edge: what /metrics shows (Prometheus text format): counts of the whole, never a label per camera."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from center.app import App
from config.scope import Scope
from health.observation import Tier
from health.state import State
from health.status_store import count_states


class Metrics:
    def __init__(self, app: App) -> None:
        self._app = app
        self._states: dict[State, int] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    async def exposition(self) -> tuple[str, bytes]:
        """Media type and text."""
        async with self._app.storage.db.read() as connection:
            self._states = await count_states(Scope.system("metrics"), connection)
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
