"""Edge: the pool's real worker processes: a bad picture costs one sample, and nobody else notices."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.job import Job
from camera_gateway.media.pool import DecodePool, PoolLimits
from config.clock import ManualClock, SystemClock
from config.errors import Kind, XueliangError
from tests.support.tree import ROOT

FUNCTION = "tests.support.worker_functions:behave"
UNIT = AccessUnit(Codec.H264, True, (b"x" * 1000,), 0, 0.0)


def job(camera: str = "a", **parameters: Any) -> Job:
    return Job(camera, UNIT, parameters=parameters)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[DecodePool]:
    pool = DecodePool(FUNCTION, 2, SystemClock())
    yield pool
    await pool.close()


@pytest_asyncio.fixture
async def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def single(clock: ManualClock) -> AsyncIterator[DecodePool]:
    pool = DecodePool(FUNCTION, 1, clock, PoolLimits(queue=3))
    await pool.run(job(), 60)
    yield pool
    await pool.close()


async def failure(pool: DecodePool, wanted: Job, deadline: float = 60) -> XueliangError:
    with pytest.raises(XueliangError) as caught:
        await pool.run(wanted, deadline)
    return caught.value


async def test_answers_come_back_and_a_camera_keeps_its_worker(pool: DecodePool) -> None:
    answers = await asyncio.gather(*(pool.run(job(f"camera {i % 8}", turn=i), 60) for i in range(40)))
    assert [a.numbers["turn"] for a in answers] == list(range(40))
    places = {(a.numbers["camera"], a.numbers["pid"]) for a in answers}
    assert len(places) == 8
    assert len({pid for _, pid in places}) == 2


async def test_workers_inherit_nothing(pool: DecodePool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUELIANG_SECRET", "canary")
    answer = await pool.run(job(do="environment"), 60)
    allowed = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "LC_CTYPE"}
    assert set(answer.numbers["names"]) <= allowed


async def test_a_crash_costs_one_sample(pool: DecodePool) -> None:
    error = await failure(pool, job(do="crash"))
    assert (error.kind, error.facts["kills"]) == (Kind.UNDECODABLE, 1)
    assert (await pool.run(job(), 60)).numbers["bytes"] == 1000
    assert (pool.stats.crashes, pool.stats.hangs) == (1, 0)


async def test_three_killed_workers_set_the_camera_apart_until_released(single: DecodePool, clock: ManualClock) -> None:
    for _ in range(2):
        assert "quarantined" not in (await failure(single, job("bad", do="crash"))).facts
    for _ in range(2):  # the third kill, and then without another worker
        error = await failure(single, job("bad", do="crash"))
        assert error.kind is Kind.UNDECODABLE
        assert error.facts["quarantined"] is True
    assert single.stats.crashes == 3
    assert set(single.quarantined()) == {"bad"}
    assert (await single.run(job("good"), 60)).numbers["camera"] == "good"
    single.release("bad")
    assert (await single.run(job("bad"), 60)).numbers["camera"] == "bad"
    for _ in range(3):
        await failure(single, job("bad", do="leave"))
    await clock.advance(24 * 3600)
    assert (await single.run(job("bad"), 60)).numbers["camera"] == "bad"


async def test_a_hang_is_killed_and_the_next_picture_judged(single: DecodePool, clock: ManualClock) -> None:
    hanging = asyncio.create_task(failure(single, job("slow", do="hang")))
    await settle()
    following = asyncio.create_task(single.run(job("next"), 60))
    await settle()
    await clock.advance(11)
    error = await hanging
    assert error.kind is Kind.UNDECODABLE
    assert "did not end" in error.what
    assert (await following).numbers["camera"] == "next"
    assert single.stats.hangs == 1


async def test_a_picture_that_takes_too_much_of_the_processor_ends_its_worker(single: DecodePool) -> None:
    await single.run(job(do="shorten"), 60)
    error = await failure(single, job(do="work", seconds=30))
    assert error.kind is Kind.UNDECODABLE
    assert (single.stats.crashes, single.stats.hangs) == (1, 0)
    assert (await single.run(job(), 60)).numbers["camera"] == "a"


async def test_the_bound_is_a_pictures_and_not_a_workers(single: DecodePool) -> None:
    await single.run(job(do="shorten"), 60)
    pids = {(await single.run(job(do="work", seconds=0.25), 60)).numbers["pid"] for _ in range(8)}
    assert len(pids) == 1
    assert single.stats.crashes == 0


async def test_waiting_past_the_deadline_is_our_fault_not_the_cameras(single: DecodePool, clock: ManualClock) -> None:
    hanging = asyncio.create_task(failure(single, job("slow", do="hang")))
    await settle()
    waiting = asyncio.create_task(failure(single, job("late"), 2))
    await settle()
    await clock.advance(3)
    assert (await waiting).kind is Kind.UNAVAILABLE
    await clock.advance(9)
    await hanging
    assert single.stats.late == 1


async def test_a_full_queue_refuses_the_newest(single: DecodePool, clock: ManualClock) -> None:
    hanging = asyncio.create_task(failure(single, job("slow", do="hang")))
    await settle()
    waiting = [asyncio.create_task(single.run(job(f"w{i}"), 60)) for i in range(3)]
    await settle()
    assert (await failure(single, job("one too many"))).kind is Kind.UNAVAILABLE
    await clock.advance(11)
    await hanging
    assert [a.numbers["camera"] for a in await asyncio.gather(*waiting)] == ["w0", "w1", "w2"]


@pytest.mark.parametrize(
    ("do", "kind"),
    [
        ("refuse", Kind.UNDECODABLE),
        ("defect", Kind.INTERNAL),
        ("flood", Kind.INTERNAL),
        ("memory", Kind.TOO_LARGE),
    ],
)
async def test_errors_of_the_function_arrive_and_the_worker_lives(pool: DecodePool, do: str, kind: Kind) -> None:
    assert (await failure(pool, job(do=do))).kind is kind
    assert (await pool.run(job(), 60)).numbers["camera"] == "a"
    assert (pool.stats.crashes, pool.stats.hangs) == (0, 0)


async def test_a_huge_unit_never_reaches_a_worker(pool: DecodePool) -> None:
    huge = Job("a", replace(UNIT, nals=(bytes(20 * 1024 * 1024),)))
    assert (await failure(pool, huge)).kind is Kind.TOO_LARGE
    assert pool.stats.jobs == 0


async def test_parameters_that_cannot_be_packed_are_our_defect(pool: DecodePool) -> None:
    assert (await failure(pool, job(what=object()))).kind is Kind.INTERNAL


async def test_a_worker_that_ended_while_idle_is_replaced_without_blame(pool: DecodePool) -> None:
    pid = (await pool.run(job(do="environment"), 60)).numbers["pid"]
    handle = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([handle], [], [], 20)[0]
    os.close(handle)
    await settle()
    answer = await pool.run(job(), 60)
    assert answer.numbers["pid"] != pid


async def test_a_cancelled_caller_costs_nothing(single: DecodePool) -> None:
    task = asyncio.create_task(single.run(job("gone"), 60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await single.run(job("next"), 60)).numbers["camera"] == "next"


async def test_closing_fails_what_waits_and_ends_the_workers(clock: ManualClock) -> None:
    pool = DecodePool(FUNCTION, 1, clock)
    handle = os.pidfd_open((await pool.run(job(do="environment"), 60)).numbers["pid"])
    tasks = [asyncio.create_task(failure(pool, job(str(i), do="hang"))) for i in range(2)]
    await settle()
    await pool.close()
    assert [error.kind for error in await asyncio.gather(*tasks)] == [Kind.UNAVAILABLE] * 2
    assert select.select([handle], [], [], 0)[0], "the worker still runs"
    os.close(handle)
    assert (await failure(pool, job())).kind is Kind.UNAVAILABLE


async def test_a_function_that_is_not_there_is_retried_and_never_blamed_on_a_camera(clock: ManualClock) -> None:
    pool = DecodePool("tests.support.worker_functions:missing", 1, clock, PoolLimits(spawn_pause=(3600.0,)))
    task = asyncio.create_task(failure(pool, job(), 10))
    await settle()
    await clock.advance(11)
    assert (await task).kind is Kind.UNAVAILABLE
    await pool.close()


def test_workers_die_with_their_parent() -> None:
    script = (
        "import asyncio, os, sys\n"
        "from camera_gateway.media.process import WorkerProcess\n"
        "async def main():\n"
        f"    worker = await WorkerProcess.spawn({FUNCTION!r})\n"
        "    sys.stdout.write(f'{worker.pid}\\n'); sys.stdout.flush()\n"
        "    sys.stdin.readline()\n"
        "    os._exit(0)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        handle = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            assert select.select([handle], [], [], 20)[0], "the worker outlived its parent"
        finally:
            os.close(handle)
