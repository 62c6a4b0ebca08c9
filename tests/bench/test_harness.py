"""The kernel's figures: they grow when work is done, by whom it was done, and say so when a process is gone."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time

import pytest

from bench.harness import Machine, children, cpu_seconds, measure, pss, sockets

BURN = (
    "import sys, time\nwhile time.process_time() < 0.2: pass\nprint(time.process_time(), flush=True)\nsys.stdin.read()"
)


def burn(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        continue


def test_cpu_of_this_process_is_what_it_burnt() -> None:
    before = cpu_seconds([os.getpid()])
    burn(0.05)
    assert 0.05 <= cpu_seconds([os.getpid()]) - before < 0.5


def test_cpu_and_memory_of_a_child_are_counted_while_it_lives() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        burnt = float(child.stdout.readline())
        assert burnt <= cpu_seconds([child.pid]) < burnt + 0.2
        assert child.pid in children(os.getpid())
        assert pss([child.pid]) > 1024 * 1024
        child.stdin.close()
        child.wait(10)
    with pytest.raises(OSError):
        cpu_seconds([child.pid])


def test_pss_grows_with_what_is_touched() -> None:
    before = pss([os.getpid()])
    kept = bytearray(os.urandom(1024)) * (32 * 1024)
    assert pss([os.getpid()]) - before > 24 * 1024 * 1024
    assert len(kept) == 32 * 1024 * 1024


def test_sockets_are_counted() -> None:
    before = sockets(os.getpid())
    with socket.socket(), socket.socket():
        assert sockets(os.getpid()) == before + 2
    assert sockets(os.getpid()) == before


async def test_a_measurement_leaves_the_warm_up_out() -> None:
    calls = 0

    async def act() -> None:
        nonlocal calls
        calls += 1
        burn(0.02 if calls <= 3 else 0.002)
        await asyncio.sleep(0)

    cost = await measure(act, repeats=10, warm_up=3)
    assert calls == 13
    assert cost.repeats == 10
    assert 2.0 <= cost.median_ms <= cost.mean_ms * 2
    assert cost.mean_ms < 15.0


def test_the_machine_is_named() -> None:
    here = Machine.here()
    assert here.cores >= 1
    assert here.memory_gib > 0
    assert here.cpu
