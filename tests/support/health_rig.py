"""Wiring: the engine of health over a real database, with checks whose answers a test writes down."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, cast

from camera_gateway.target import StreamTarget
from config.clock import Clock, ManualClock
from health.cleaning import Cleaning, CleaningSettings
from health.engine import Engine, EngineSettings
from health.evidence_keeper import EvidenceKeeper
from health.liveness import LivenessCheck
from health.observation import Layer, Link, Observation, Picture, Tier
from health.picture_check import PictureCheck
from health.picture_files import PictureFiles
from health.ports import Outcome
from health.schedule import Schedule, ScheduleSettings
from health.scheduler import EmbeddedScheduler
from health.sink import EmbeddedSink, SinkSettings
from health.state import StateSettings
from health.uplink import OwnNetwork, UplinkGuard, UplinkSettings
from health.uplink_watch import UplinkWatch
from health.watch_book import WatchBook
from registry.database import Database
from registry.keys import KeyRing
from registry.vault import Vault
from registry.watched_camera import WatchedCamera

SOUND = OwnNetwork(frozenset({"eth0"}), frozenset({"0.0.0.0/0 on eth0"}))


class Script:
    """What the cameras do: ``cause[camera]`` empty is healthy, a word of a picture's fault or of a link's.

    ``lasts[camera]`` seconds of the clock pass before the answer. ``stills[camera]``: its good and its bad picture.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.cause: dict[str, str] = defaultdict(str)
        self.lasts: dict[str, float] = defaultdict(float)
        self.stills: dict[str, tuple[bytes, bytes]] = {}
        self.raises: dict[str, Exception] = {}
        self.sleeping = 0
        self.began: list[tuple[str, Tier, str, datetime]] = []

    async def answer(self, camera: WatchedCamera, tier: Tier, probe_id: str) -> Observation:
        camera_id = camera.camera_id
        self.began.append((camera_id, tier, probe_id, self.clock.now()))
        if camera_id in self.raises:
            raise self.raises[camera_id]
        if self.lasts[camera_id]:
            self.sleeping += 1
            try:
                await self.clock.sleep(self.lasts[camera_id])
            finally:
                self.sleeping -= 1
        cause, at = self.cause[camera_id], self.clock.now()
        if cause in ("timeout", "refused", "auth", "unreachable"):
            return Observation(camera_id, probe_id, tier, at, Link.DOWN, Layer.STREAM, cause=cause)
        if tier is Tier.LIVENESS:
            return Observation(camera_id, probe_id, tier, at, Link.UP, Layer.DEVICE)
        picture = Picture.BAD if cause else Picture.GOOD
        still = self.stills.get(camera_id, (f"{picture} {at.isoformat()}".encode(),) * 2)[bool(cause)]
        return Observation(
            camera_id,
            probe_id,
            tier,
            at,
            Link.UP,
            Layer.PICTURE,
            picture,
            cause,
            thumbnail=still,
            evidence=f"drawn {at.isoformat()}".encode() if cause else b"",
        )

    def pictures(self, camera_id: str) -> int:
        return sum(1 for c, tier, _, _ in self.began if c == camera_id and tier is Tier.PICTURE)


class _Liveness:
    def __init__(self, script: Script) -> None:
        self._script = script

    async def run(self, camera: WatchedCamera, target: StreamTarget | None, probe_id: str) -> Observation:
        return await self._script.answer(camera, Tier.LIVENESS, probe_id)


class _Pictures:
    def __init__(self, script: Script) -> None:
        self._script = script

    async def run(
        self, camera: WatchedCamera, target: StreamTarget | None, probe_id: str, *, learn: bool = True
    ) -> Observation:
        return await self._script.answer(camera, Tier.PICTURE, probe_id)

    def resume(self, camera_id: str, facts: Mapping[str, Any]) -> None:
        """Nothing is compared here."""

    def forget(self, camera_id: str) -> None:
        self._script.cause.pop(camera_id, None)


class Rig:
    def __init__(self, db: Database, clock: Clock, folder: Path, **rules: Any) -> None:
        self.db, self.clock = db, clock
        self.script = Script(clock)
        self.network = SOUND
        self.seen: list[tuple[Observation, Outcome]] = []
        self.states = rules.get("states") or StateSettings()
        self.files = PictureFiles(folder)
        self.keeper = EvidenceKeeper(self.files, db, clock)
        self.sink = EmbeddedSink(db, clock, SinkSettings(self.states))
        self.scheduler = EmbeddedScheduler(Schedule(rules.get("schedule") or ScheduleSettings(), Random(1)), clock)
        self.uplink = UplinkWatch(UplinkGuard(UplinkSettings()), lambda: self.network, clock)
        self.cleaning = Cleaning(db, clock, self.keeper, CleaningSettings())
        self.engine = Engine(
            db=db,
            clock=clock,
            book=WatchBook(db, Vault(db.keys or KeyRing.ephemeral())),
            scheduler=self.scheduler,
            sink=self.sink,
            liveness=rules.get("liveness") or cast(LivenessCheck, _Liveness(self.script)),
            picture=rules.get("picture") or cast(PictureCheck, _Pictures(self.script)),
            keeper=self.keeper,
            uplink=self.uplink,
            cleaning=self.cleaning,
            settings=rules.get("engine") or EngineSettings(),
            listener=rules.get("listener") or (lambda seen, outcome: self.seen.append((seen, outcome))),
        )
        self._run: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._run = asyncio.create_task(self.engine.run())
        await self.until(self.engine.ready())

    async def stop(self) -> None:
        if self._run is None:
            return
        run, self._run = self._run, None
        await self.engine.stop()
        while not run.done():  # what hangs is cut after its seconds
            await self.turn()
            if isinstance(self.clock, ManualClock) and self.engine.under_way <= self.script.sleeping:
                await self.clock.advance(1.0)
        await run

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Rig]:
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def until(self, what: Awaitable[Any]) -> Any:
        """Wait for something while group commits are made and, with a clock of our own, no time passes."""
        task = asyncio.ensure_future(what)
        while not task.done():
            await self.turn()
        return task.result()

    async def turn(self) -> None:
        if isinstance(self.clock, ManualClock):
            await self.clock.advance(0.0)
        await self.db.batch.flush()
        await asyncio.sleep(0)

    async def until_true_in_time(self, what: Callable[[], bool], step: float = 5.0, limit: float = 3600.0) -> None:
        """Let virtual time pass until something is so."""
        while not what():
            assert limit > 0, "it never came"
            limit -= step
            await self.pass_time(step, step)

    async def pass_time(self, seconds: float, step: float = 10.0) -> None:
        """Virtual time; what can end in it has ended before the next step."""
        assert isinstance(self.clock, ManualClock)
        left = seconds
        while left > 0:
            await self.clock.advance(min(step, left))
            left -= step
            while self.engine.tending or self.engine.under_way != self.script.sleeping:
                await self.turn()
