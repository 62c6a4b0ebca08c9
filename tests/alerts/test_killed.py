"""kill -9 in the middle of delivering: nothing is lost, what comes twice carries the same key and the same words."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from pathlib import Path
from random import Random

import pytest

from alerts.message import Message, MessageEvent, MessageStatus
from config.clock import ManualClock, SystemClock
from registry.database import Database
from registry.keys import KeyRing
from registry.migrations.run import migrate
from tests.support.alerts_world import World
from tests.support.receiver import Receiver, receiving
from tests.support.registry_world import add_world

ROOT = Path(__file__).parents[2]


@pytest.fixture
def rounds(soak: bool) -> int:
    return 50 if soak else 3


async def _child(url: str, port: int, seed: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.delivery_child", url, str(port), str(seed),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _run_and_kill(url: str, receiver: Receiver, dice: Random) -> None:
    """Killed when a message has arrived and is not answered, or when a try was written down, or some moment later;
    or it ends by itself before that."""
    child = await _child(url, receiver.port, dice.randrange(1 << 30))
    assert child.stdout is not None
    at, count, later = dice.choice(("arrived", "tried")), dice.randrange(1, 5), dice.uniform(0.0, 0.03)
    left = [count]
    loop = asyncio.get_running_loop()

    def blow() -> None:
        if child.returncode is None:
            child.kill()

    def counted(_: object = None) -> None:
        left[0] -= 1
        if left[0] == 0:
            loop.call_later(later if dice.random() < 0.5 else 0.0, blow) if at == "tried" else blow()

    if at == "arrived":
        receiver.on_message = counted
    async with asyncio.timeout(60):
        while await child.stdout.readline():
            if at == "tried":
                counted()
        _, errors = await child.communicate()
    receiver.on_message = lambda got: None
    assert child.returncode in (0, -9), errors.decode()[-2000:]


async def _finish(url: str, receiver: Receiver) -> None:
    child = await _child(url, receiver.port, 1)
    async with asyncio.timeout(60):
        _, errors = await child.communicate()
    assert child.returncode == 0, errors.decode()[-2000:]


async def _messages(world: World) -> list[Message]:
    return [m for shown in await world.shown() for m in await world.told(shown.incident.id)]


async def test_nothing_is_lost(tmp_path: Path, seed: int, rounds: int) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    clock = ManualClock(SystemClock().now())
    clock.step(-90_000.0 * (rounds + 1))  # the worker's clock is the true one: all of this lies before it
    db = await Database.open(url, clock=clock, keys=KeyRing.ephemeral())
    dice = Random(seed)
    try:
        await migrate(db)
        await add_world(db, "east", 1, cameras=6)
        world = await World(db, clock).begin()
        async with receiving(SystemClock().now) as receiver:
            for _ in range(rounds):
                await world.bad([c for c in world.ids if dice.random() < 0.6])
                receiver.plan = dice.choices(["ok", "500", "reset", "close", "half"], [6, 1, 1, 1, 1], k=4)
                await _run_and_kill(url, receiver, dice)
                await world.up([c for c in world.ids if dice.random() < 0.6])
                await _run_and_kill(url, receiver, dice)
            receiver.plan = []
            await _finish(url, receiver)
            _verify(receiver, await _messages(world))
    finally:
        await db.close()


def _verify(receiver: Receiver, messages: list[Message]) -> None:
    words: dict[str, set[bytes]] = defaultdict(set)
    first: dict[tuple[str, str], int] = {}
    for number, got in enumerate(receiver.got):
        words[got.key].add(got.body)
        if got.how == "ok":
            first.setdefault((got.content["incident_id"], got.content["event"]), number)
    assert messages
    assert {m.status for m in messages} <= {MessageStatus.DELIVERED, MessageStatus.DROPPED}
    assert {key: len(bodies) for key, bodies in words.items() if len(bodies) > 1} == {}
    for message in messages:
        arrived = (message.incident_id, message.event.value) in first
        assert arrived == (message.status is MessageStatus.DELIVERED)
        if message.event is MessageEvent.RESOLVED:
            assert first[message.incident_id, "firing"] < first[message.incident_id, "resolved"]
    assert set(words) == {m.id for m in messages if m.status is MessageStatus.DELIVERED}
