"""Wiring: a few decode workers behind bounded queues; a bad picture costs one sample, never its neighbours.

A camera always goes to the same worker (its hash), so that worker alone owns the camera's reference file.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from camera_gateway.job import MAX_UNIT, Answer, Job, pack_job, unpack_answer
from camera_gateway.media.process import WorkerDied, WorkerProcess
from camera_gateway.media.worker import Status, unpack_error
from config.clock import Clock
from config.errors import Kind, XueliangError


@dataclass(frozen=True, slots=True)
class PoolLimits:
    queue: int = 512  # waiting jobs per worker
    run_seconds: float = 10.0  # a 4K keyframe takes 0.1 s; beyond this the decoder hangs
    kills: int = 3  # workers one camera may cost before it is set apart
    quarantine_seconds: float = 24 * 3600.0
    watch_seconds: float = 0.25
    remembered: int = 4096  # cameras whose kills are kept in mind
    spawn_pause: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)


@dataclass(slots=True)
class PoolStats:
    jobs: int = 0
    answers: int = 0
    errors: int = 0  # the function refused the picture
    crashes: int = 0
    hangs: int = 0
    spawned: int = 0
    refused: int = 0  # queue full or quarantined
    late: int = 0  # waited past their deadline


@dataclass(slots=True)
class _Ticket:
    job: Job
    due: float
    future: asyncio.Future[Answer]


@dataclass(slots=True)
class _Lane:
    queue: deque[_Ticket] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    process: WorkerProcess | None = None
    running: _Ticket | None = None
    started: float = 0.0
    struck: bool = False


class DecodePool:
    """``function`` is ``"module:name"`` of ``(Job) -> Answer``, run in ``workers`` processes."""

    def __init__(self, function: str, workers: int, clock: Clock, limits: PoolLimits | None = None) -> None:
        self.stats = PoolStats()
        self._function = function
        self._clock = clock
        self._limits = limits or PoolLimits()
        self._lanes = [_Lane() for _ in range(max(1, workers))]
        self._kills: OrderedDict[str, list[float]] = OrderedDict()
        self._tasks: list[asyncio.Task[None]] = []
        self._busy = asyncio.Event()
        self._closed = False

    async def start(self) -> None:
        """Spawn the workers; ``run`` does it by itself when nobody did before."""
        if self._closed:
            raise XueliangError(Kind.UNAVAILABLE, "the decode pool is closed")
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._serve(lane)) for lane in self._lanes]
            self._tasks.append(asyncio.create_task(self._watch()))

    async def run(self, job: Job, deadline: float) -> Answer:
        """The answer within ``deadline`` seconds, waiting included.

        Raises what the function raised; ``UNDECODABLE`` when the picture crashed or hung its worker
        (``facts["quarantined"]`` once the camera is set apart); ``TOO_LARGE``; ``UNAVAILABLE`` when we lack
        the capacity, which says nothing about the camera.
        """
        await self.start()
        self._admit(job)
        lane = self._lanes[zlib.crc32(job.camera_id.encode()) % len(self._lanes)]
        if len(lane.queue) >= self._limits.queue:
            self.stats.refused += 1
            raise XueliangError(Kind.UNAVAILABLE, "more pictures wait for decoding than allowed")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.stats.jobs += 1
        lane.queue.append(_Ticket(job, self._clock.monotonic() + deadline, future))
        lane.wake.set()
        self._busy.set()
        return await future

    def quarantined(self) -> dict[str, float]:
        """Cameras set apart, with the monotonic time at which each is tried again."""
        now = self._clock.monotonic()
        held = {
            c: times[-1] + self._limits.quarantine_seconds for c, times in self._kills.items() if self._apart(times)
        }
        return {camera: until for camera, until in held.items() if until > now}

    def release(self, camera_id: str) -> None:
        """Forget what a camera did to its workers, for instance after a firmware change."""
        self._kills.pop(camera_id, None)

    async def close(self) -> None:
        self._closed = True
        waiting = [t for lane in self._lanes for t in (*([lane.running] if lane.running else []), *lane.queue)]
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for lane in self._lanes:
            lane.queue.clear()
            if lane.process is not None:
                await lane.process.kill()
                lane.process = None
        for ticket in waiting:
            _fail(ticket, XueliangError(Kind.UNAVAILABLE, "the decode pool is closed"))

    def _admit(self, job: Job) -> None:
        if job.unit.size > MAX_UNIT:
            self.stats.refused += 1
            raise XueliangError(
                Kind.TOO_LARGE,
                f"a keyframe of {job.unit.size} bytes, more than {MAX_UNIT}",
                fix="Lower the resolution or the bitrate in the camera's encoder settings",
            )
        times = self._kills.get(job.camera_id)
        if times is None or not self._apart(times):
            return
        if self._clock.monotonic() >= times[-1] + self._limits.quarantine_seconds:
            self.release(job.camera_id)
            return
        self.stats.refused += 1
        raise self._quarantine(job.camera_id)

    def _apart(self, times: list[float]) -> bool:
        return len(times) >= self._limits.kills

    def _quarantine(self, camera_id: str) -> XueliangError:
        return XueliangError(
            Kind.UNDECODABLE,
            f"its pictures ended {self._limits.kills} decode workers; none is decoded until it is released",
            where=camera_id,
            fix="Check the camera's encoder and firmware",
            facts={"quarantined": True, "kills": len(self._kills.get(camera_id, []))},
        )

    async def _serve(self, lane: _Lane) -> None:
        while True:
            process = await self._living(lane)
            while not lane.queue:
                lane.wake.clear()
                await lane.wake.wait()
            if not process.alive:  # it ended while nobody asked it: no picture is to blame
                continue
            ticket = lane.queue.popleft()
            if not ticket.future.done():
                await self._work(lane, process, ticket)

    async def _living(self, lane: _Lane) -> WorkerProcess:
        failures = 0
        while lane.process is None or not lane.process.alive:
            if lane.process is not None:
                await lane.process.kill()
                lane.process = None
            try:
                lane.process = await WorkerProcess.spawn(self._function)
                self.stats.spawned += 1
            except (WorkerDied, XueliangError, OSError):
                pauses = self._limits.spawn_pause
                await self._clock.sleep(pauses[min(failures, len(pauses) - 1)])
                failures += 1
        return lane.process

    async def _work(self, lane: _Lane, process: WorkerProcess, ticket: _Ticket) -> None:
        lane.running, lane.started, lane.struck = ticket, self._clock.monotonic(), False
        try:
            packed = pack_job(ticket.job)
        except (TypeError, ValueError, OverflowError) as error:
            _fail(ticket, XueliangError(Kind.INTERNAL, f"a job that cannot be packed: {type(error).__name__}"))
            return
        try:
            status, payload = await process.ask(packed)
            if status is not Status.ANSWER:
                raise unpack_error(payload)
            answer = unpack_answer(payload)
        except XueliangError as error:
            self.stats.errors += 1
            _fail(ticket, error)
        except (WorkerDied, ValueError, KeyError, TypeError):  # ended, or talks what no sound worker talks
            await process.kill()
            _fail(ticket, self._killed(ticket.job.camera_id, hung=lane.struck))
        else:
            self.stats.answers += 1
            if not ticket.future.done():
                ticket.future.set_result(answer)
        finally:
            lane.running = None

    def _killed(self, camera_id: str, *, hung: bool) -> XueliangError:
        if hung:
            self.stats.hangs += 1
        else:
            self.stats.crashes += 1
        times = self._kills.setdefault(camera_id, [])
        times.append(self._clock.monotonic())
        del times[: -self._limits.kills]
        self._kills.move_to_end(camera_id)
        while len(self._kills) > self._limits.remembered:
            self._kills.popitem(last=False)
        if self._apart(times):
            return self._quarantine(camera_id)
        what = f"did not end in {self._limits.run_seconds:g} s" if hung else "crashed"
        return XueliangError(
            Kind.UNDECODABLE, f"the decoder {what} on this picture", where=camera_id, facts={"kills": len(times)}
        )

    async def _watch(self) -> None:
        while True:
            if not any(lane.queue or lane.running for lane in self._lanes):
                self._busy.clear()
                await self._busy.wait()
            before = self._clock.monotonic()
            await self._clock.sleep(self._limits.watch_seconds)
            now = self._clock.monotonic()
            if now - before > 4 * self._limits.watch_seconds:
                continue  # we were late ourselves: an answer may lie unread
            for lane in self._lanes:
                if lane.running and lane.process and now - lane.started > self._limits.run_seconds:
                    lane.struck = True
                    lane.process.strike()
                late = [t for t in (*lane.queue, *([lane.running] if lane.running else [])) if now > t.due]
                for ticket in late:
                    if ticket is not lane.running:
                        lane.queue.remove(ticket)
                    if ticket.future.done():
                        continue
                    self.stats.late += 1
                    _fail(ticket, XueliangError(Kind.UNAVAILABLE, "no decode worker was done with it in time"))


def _fail(ticket: _Ticket, error: XueliangError) -> None:
    if not ticket.future.done():
        ticket.future.set_exception(error)
