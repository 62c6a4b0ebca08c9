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
def blows(soak: bool) -> int:
    return 50 if soak else 2


async def _child(url: str, port: int, seed: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.delivery_child", url, str(port), str(seed),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _run_and_kill(url: str, receiver: Receiver, dice: Random) -> bool:
    """Killed when a message has arrived and is not answered, or when a try was written down, or some moment later;
    or it ends by itself before that: whether it was killed."""
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
    return child.returncode == -9


async def _finish(url: str, receiver: Receiver) -> None:
    child = await _child(url, receiver.port, 1)
    async with asyncio.timeout(60):
        _, errors = await child.communicate()
    assert child.returncode == 0, errors.decode()[-2000:]


async def _messages(world: World) -> list[Message]:
    return [m for shown in await world.shown() for m in await world.told(shown.incident.id)]


async def test_nothing_is_lost(database_url: str, db_kind: str, seed: int, blows: int) -> None:
    clock = ManualClock(SystemClock().now())
    clock.step(-90_000.0 * (4 * blows + 1))  # the worker's clock is the true one: all of this lies before it
    db = await Database.open(database_url, clock=clock, keys=KeyRing.ephemeral())
    dice, killed, runs = Random(seed), 0, 0
    try:
        await migrate(db)
        await add_world(db, "east", 1, cameras=6)
        world = await World(db, clock).begin()
        async with receiving(SystemClock().now) as receiver:
            while killed < blows:
                assert runs < 4 * blows, f"only {killed} of {runs} runs were killed in the middle"
                move = world.bad if runs % 2 == 0 else world.up
                await move([c for c in world.ids if dice.random() < 0.6] or world.ids[:1])
                receiver.plan = dice.choices(["ok", "500", "reset", "close", "half"], [6, 1, 1, 1, 1], k=4)
                killed += await _run_and_kill(database_url, receiver, dice)
                runs += 1
            receiver.plan = []
            await _finish(database_url, receiver)
            messages = await _messages(world)
            _verify(receiver, messages)
    finally:
        await db.close()
    again = len(receiver.got) - len({got.key for got in receiver.got})
    print(f"{db_kind}: {killed} of {runs} runs killed, {len(messages)} messages, {again} came again under their key")


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
