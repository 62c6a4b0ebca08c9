"""Wiring: the service loop of checking. It starts what is due, concludes, stores, and looks again on suspicion.

Every error of one camera stays with that camera; what fails here is counted and logged, and the loop goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from config.clock import Clock
from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Permission, Scope
from health import state_store
from health.cleaning import Cleaning
from health.confirm import Standing
from health.drift import DriftWatch
from health.evidence_keeper import EvidenceKeeper
from health.liveness import LivenessCheck
from health.observation import Observation, Tier
from health.picture_check import PictureCheck
from health.ports import Outcome, Scheduler
from health.request import Command
from health.schedule import Probe
from health.sink import EmbeddedSink
from health.uplink_watch import UplinkWatch
from health.watch_book import WatchBook
from registry.database import Database
from registry.watched_camera import WatchedCamera

log = logging.getLogger(__name__)

Listener = Callable[[Observation, Outcome], None]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Seconds, but for ``under_way``: probes at once, those that wait for the disk included."""

    under_way: int = 1024
    follow_seconds: float = 2.0
    tend_seconds: float = 5.0
    clean_seconds: float = 3600.0
    stop_seconds: float = 10.0
    command_seconds: float = 60.0


class Engine:
    """``run`` until ``stop``. ``counts`` are checks by tier and failures of our own, since the start."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        book: WatchBook,
        scheduler: Scheduler,
        sink: EmbeddedSink,
        liveness: LivenessCheck,
        picture: PictureCheck,
        keeper: EvidenceKeeper,
        uplink: UplinkWatch,
        cleaning: Cleaning,
        settings: EngineSettings | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.tending = 0  # how many of the periodic works run just now
        self._due: dict[str, float] = {}  # when each of the short ones is to have begun its next round
        self._db = db
        self._clock = clock
        self._book = book
        self._scheduler = scheduler
        self._sink = sink
        self._liveness = liveness
        self._picture = picture
        self._keeper = keeper
        self._uplink = uplink
        self._cleaning = cleaning
        self._settings = settings or EngineSettings()
        self._listener = listener
        self._drift = DriftWatch(db)
        self._places = asyncio.Semaphore(self._settings.under_way)
        self._tasks: set[asyncio.Task[None]] = set()
        self._commands: dict[str, asyncio.Future[tuple[Observation, Outcome]]] = {}
        self._stopping = asyncio.Event()
        self._ready = asyncio.Event()

    # Its life

    async def run(self) -> None:
        """Take up where the last run ended, then check until :meth:`stop`; returns once everything is on the disk.

        Raises ``UNAVAILABLE`` where the states cannot be read at the start.
        """
        await self._sink.load()
        await self._follow()
        self._resume()
        self._ready.set()
        rules = self._settings
        starting = asyncio.create_task(self._start_probes(), name="health: start")
        stopped = asyncio.create_task(self._stopped(), name="health: stop")
        loops: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._every(rules.follow_seconds, self._follow, told=True), name="health: follow"),
            asyncio.create_task(
                self._every(rules.tend_seconds, self._tend, at_once=True, told=True), name="health: tend"
            ),
            asyncio.create_task(self._every(rules.clean_seconds, self._clean), name="health: clean"),
        ]
        try:
            # They end when told to stop; one that ends before had a defect, which is not to be hidden.
            await asyncio.wait([starting, *loops, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stopping.set()
            await _end([starting, stopped])
            await self._wind_down(loops)
        for task in [starting, *loops]:
            if not task.cancelled():
                task.result()

    async def stop(self) -> None:
        """Start nothing more; :meth:`run` lets what runs finish for a while, and ends."""
        self._stopping.set()

    async def ready(self) -> None:
        """Returns once states are loaded and the first slots are planned."""
        await self._ready.wait()

    @property
    def under_way(self) -> int:
        return len(self._tasks)

    def behind(self) -> float:
        """Seconds that checking has stood still: what is due is not started, or a round of the short works not ended.
        Next to nothing while everything turns, a database in trouble included; cleaning may take its time."""
        if self._stopping.is_set():
            return 0.0
        now = self._clock.monotonic()
        return max([0.0, self._scheduler.overdue(), *(now - due for due in self._due.values())])

    async def check_now(self, scope: Scope, camera_id: str) -> tuple[Observation, Outcome]:
        """One picture check at once, before everything scheduled.

        Raises ``NOT_FOUND`` for a camera that is not watched or not the asker's (permission *check*), ``TIMEOUT``.
        """
        async with self._db.read() as connection:
            await state_store.require_camera(scope, connection, camera_id, Permission.CHECK)
        command_id = new_id()
        future: asyncio.Future[tuple[Observation, Outcome]] = asyncio.get_running_loop().create_future()
        self._commands[f"command/{command_id}"] = future
        try:
            if not self._scheduler.check_now(camera_id, command_id):
                raise XueliangError(Kind.NOT_FOUND, "the camera is not watched", fix="Adopt it first")
            async with asyncio.timeout(self._settings.command_seconds):
                return await future
        except TimeoutError as error:
            raise XueliangError(Kind.TIMEOUT, "the check did not end in time", where=camera_id) from error
        finally:
            self._commands.pop(f"command/{command_id}", None)

    def command(self, camera_id: str, command: Command) -> None:
        """A person approves or resets a camera's references: done with its next picture."""
        self._picture.command(camera_id, command)

    def _resume(self) -> None:
        for camera in self._book.cameras():
            known = self._sink.known(camera.camera_id)
            if known is not None:
                self._drift.resume(camera, known.last_liveness)
                self._picture.resume(camera.camera_id, (known.last_picture or {}).get("facts", {}))

    # The loops

    async def _start_probes(self) -> None:
        while not self._stopping.is_set():
            await self._places.acquire()
            probe = await self._scheduler.next()
            task = asyncio.create_task(self._probe(probe), name=f"probe {probe.camera_id} {probe.probe_id}")
            self._tasks.add(task)
            task.add_done_callback(self._probe_done)

    def _probe_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._places.release()

    async def _every(
        self, seconds: float, work: Callable[[], Awaitable[None]], *, at_once: bool = False, told: bool = False
    ) -> None:
        """Until told to stop, and then not in the middle of the work. ``told``: :meth:`behind` looks at it."""
        name = getattr(work, "__name__", "work")
        if told:
            self._due[name] = self._clock.monotonic() + seconds
        if not at_once:
            await self._pause(seconds)
        while not self._stopping.is_set():
            self.tending += 1
            try:
                await work()
            except XueliangError as error:
                self.counts["failed_internally"] += 1
                log.warning("x %s: %s", name, error)
            finally:
                self.tending -= 1
            if told:
                self._due[name] = self._clock.monotonic() + seconds
            await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        waits = [asyncio.create_task(self._clock.sleep(seconds)), asyncio.create_task(self._stopped())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(waits)

    async def _stopped(self) -> None:
        await self._stopping.wait()

    async def _follow(self) -> None:
        """The registry's news: new cameras get a row and a slot, those that left are let go."""
        news = await self._book.refresh()
        if not news:
            return
        await self._sink.watch(news.changed)
        states = {c: self._sink.state(c) for c in news.changed}
        troubled = frozenset(c for c, s in states.items() if s is not None and s.troubled)
        cameras = [c for c in map(self._book.camera, news.changed) if c is not None]
        self._scheduler.plan(self._book.plan(cameras), troubled)
        for camera_id in troubled:
            self._scheduler.mark(camera_id, troubled=True)
        for camera_id in news.changed:
            self._sink.plan_next(camera_id, self._scheduler.next_check(camera_id))
        for camera_id in news.gone:
            self._scheduler.forget(camera_id)
            self._picture.forget(camera_id)
            self._drift.forget(camera_id)
            self._uplink.guard.forget(camera_id)
            await asyncio.to_thread(self._keeper.forget, camera_id)

    async def _tend(self) -> None:
        """What moves by time alone: windows, states that nobody vouches for any more, rows not written yet."""
        cameras = self._book.cameras()
        await self._sink.set_maintenance({c.camera_id: self._book.in_maintenance(c) for c in cameras})
        self._scheduler.plan(self._book.plan(c for c in cameras if c.windows))  # a guard period begins or ends
        await self._sink.expire()
        await self._sink.flush()

    async def _clean(self) -> None:
        await self._cleaning.run_once()

    # One probe

    async def _probe(self, probe: Probe) -> None:
        camera = self._book.camera(probe.camera_id)
        try:
            seen = None if camera is None else await self._look(camera, probe)
        except XueliangError as error:  # ours: the vault, the database
            seen = None
            self._fail(probe, str(error))
        except Exception:
            # A defect of ours met on one camera must not end the watching of the others; it is told with its place.
            seen = None
            self.counts["failed_internally"] += 1
            log.exception("x %s %s", probe.camera_id, probe.probe_id)
        self._scheduler.finished(probe)
        if seen is None or camera is None:
            self._answer(probe, XueliangError(Kind.UNAVAILABLE, "the check failed on our side", where=probe.camera_id))
            return
        self.counts[probe.tier.value] += 1
        try:
            outcome = await self._sink.submit(seen, self._scheduler.next_check(probe.camera_id))
            await self._conclude(probe, seen, outcome)
        except XueliangError as error:
            self._fail(probe, str(error))
            self._answer(probe, error)

    async def _look(self, camera: WatchedCamera, probe: Probe) -> Observation:
        target = await self._book.target(camera)
        if probe.tier is Tier.LIVENESS:
            seen = await self._liveness.run(camera, target, probe.probe_id)
        else:
            learn = not self._book.in_maintenance(camera)
            seen = await self._picture.run(camera, target, probe.probe_id, learn=learn)
        state = self._sink.state(camera.camera_id)
        was_down = state is not None and state.link.proved is Standing.BAD
        return await self._uplink.screen(seen, camera.area_id, was_down=was_down)

    async def _conclude(self, probe: Probe, seen: Observation, outcome: Outcome) -> None:
        for change in outcome.changes:
            log.info("- %s %s %s -> %s %s", seen.camera_id, change.aspect, change.old, change.new, change.cause)
        self._scheduler.mark(seen.camera_id, troubled=outcome.state.troubled)
        if outcome.burst and self._scheduler.burst(seen.camera_id, probe.probe_id):
            self._sink.plan_next(seen.camera_id, self._scheduler.next_check(seen.camera_id))
        if self._listener is not None:
            self._listener(seen, outcome)
        self._answer(probe, (seen, outcome))
        if outcome.accepted:
            await self._keeper.keep(seen, outcome)
            camera = self._book.camera(seen.camera_id)
            if camera is not None:
                await self._drift.tell(camera, seen)

    def _answer(self, probe: Probe, result: tuple[Observation, Outcome] | XueliangError) -> None:
        future = self._commands.pop(probe.probe_id, None)
        if future is None or future.done():
            return
        if isinstance(result, XueliangError):
            future.set_exception(result)
        else:
            future.set_result(result)

    def _fail(self, probe: Probe, text: str) -> None:
        self.counts["failed_internally"] += 1
        log.warning("x %s %s: %s", probe.camera_id, probe.probe_id, text)

    async def _wind_down(self, loops: list[asyncio.Task[Any]]) -> None:
        """Let what runs finish, end what does not, write what is not written."""
        running = [*self._tasks, *loops]
        timer = asyncio.create_task(self._clock.sleep(self._settings.stop_seconds))
        rest = asyncio.create_task(asyncio.wait(running))
        await asyncio.wait([timer, rest], return_when=asyncio.FIRST_COMPLETED)
        await _end([timer, rest, *running])
        for future in self._commands.values():
            future.cancel()
        with contextlib.suppress(XueliangError):  # told by the batch; the changes in it were never acknowledged
            await self._sink.flush()


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
