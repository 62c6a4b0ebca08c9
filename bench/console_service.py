"""Wiring: what the console is judged before: a whole district with its pages and its events, as a process of its own.

``python -m bench.console_service FOLDER CAMERAS`` prints one JSON line once it serves. Every line on its standard input
is a wish (JSON), answered by one line; it ends when its standard input closes. No camera is looked at: what changes,
changes by wishes, on the way that observations take: sink, states, feed, incidents.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop

from bench.api_service import camera_id, fill
from center import console_files
from center.alerting import Topologies, keeper_of
from center.storage import Storage
from config.clock import Clock, SystemClock
from config.scope import Role
from health.classes import Cause
from health.confirm import ConfirmSettings
from health.observation import Layer, Link, Observation, Picture, Tier
from health.sink import EmbeddedSink, SinkSettings
from health.state import State, StateSettings
from health.watch_book import WatchBook
from registry import change_feed_store
from registry.database import Database
from registry.keys import KeyRing
from registry.migrations.run import migrate
from tests.support.api_rig import PASSWORD, SYSTEM, Rig, served, storage_of

#: Cameras whose incidents stand since a while: one in twenty-five.
STANDING = 25
STOOD = timedelta(hours=2)
#: One look is enough: a wish is for a change, not for a suspicion.
AT_ONCE = ConfirmSettings(confirm=1, window=1, recover=1)
#: Slices of a wish that is spread over some time.
SLICE_SECONDS = 0.05
LOGINS = {
    "operator": (Role.OPERATOR, "district"),
    "lead": (Role.LEAD, "district"),
    "auditor": (Role.AUDITOR, None),
    "admin": (Role.ADMIN, None),
}


class Backdated(SystemClock):
    """The machine's, set back while the past is written."""

    behind = timedelta(0)

    def now(self) -> datetime:
        return super().now() - self.behind


class Cameras:
    """Observations as checks make them, for cameras that nobody looks at."""

    def __init__(self, storage: Storage, book: WatchBook, topology: Topologies) -> None:
        self._clock: Clock = storage.clock
        self._book = book
        keeper = keeper_of(storage.settings, topology)
        settings = SinkSettings(StateSettings(link=AT_ONCE, picture=AT_ONCE))
        self._sink = EmbeddedSink(storage.db, self._clock, settings, keeper.on_changes)
        self._seen = 0

    async def load(self) -> None:
        await self._book.refresh()
        await self._sink.load()

    async def turn(self, ids: Iterable[str], seconds: float = 0.0) -> dict[str, float]:
        """What is offline is well again, all else goes offline; spread evenly over so many seconds. When it began and
        when all of it was written, in milliseconds since 1970."""
        waiting = list(ids)
        began, start = time.time() * 1000, self._clock.monotonic()
        slices = max(1, round(seconds / SLICE_SECONDS))
        tasks: list[asyncio.Task[None]] = []
        for number in range(slices):
            await self._clock.sleep(max(0.0, start + number * SLICE_SECONDS - self._clock.monotonic()))
            part = waiting[number * len(waiting) // slices : (number + 1) * len(waiting) // slices]
            tasks += [asyncio.create_task(self._submit(one)) for one in part]
        await asyncio.gather(*tasks)
        return {"began": began, "ended": time.time() * 1000, "turned": len(tasks)}

    async def _submit(self, one: str) -> None:
        state = self._sink.state(one)
        assert state is not None
        self._seen += 1
        probe, now = f"slot/{self._seen}", self._clock.now()
        if state.state is State.OFFLINE:
            seen = Observation(one, probe, Tier.PICTURE, now, Link.UP, Layer.PICTURE, Picture.GOOD)
        else:
            down = Cause.UNREACHABLE.value
            seen = Observation(one, probe, Tier.LIVENESS, now, Link.DOWN, Layer.DEVICE, None, down)
        outcome = await self._sink.submit(seen)
        assert outcome.changes

    async def stand(self, count: int) -> None:
        """Some are offline since a while, each with its incident."""
        ids = (camera_id(number) for number in range(0, count, STANDING))
        known = [(one, self._sink.state(one)) for one in ids]
        await self.turn(one for one, state in known if state is not None and state.state is not State.OFFLINE)


async def _answer(wish: dict[str, Any], cameras: Cameras, rig: Rig) -> dict[str, Any]:
    match wish["do"]:
        case "turn":
            before = await _position(rig)
            turned = await cameras.turn(wish["cameras"], wish.get("seconds", 0.0))
            return turned | {"told": await _position(rig) - before}
        case "streams":
            return {"streams": len(rig.core.live)}
        case "forget":
            # As retention does, only sooner: who was away is told to load everything anew.
            async with rig.db.write() as connection:
                now = rig.db.clock.now() + timedelta(days=1)
                return {"forgotten": await change_feed_store.forget(SYSTEM, connection, now, limit=10**6)}
        case other:
            raise ValueError(f"nobody does {other!r}")


async def _position(rig: Rig) -> int:
    async with rig.db.read() as connection:
        return (await change_feed_store.head(SYSTEM, connection)).position


async def serve(folder: Path, count: int) -> None:
    clock = Backdated()
    db = await Database.open(f"sqlite:///{folder / 'many.db'}", clock=clock, keys=KeyRing.ephemeral())
    try:
        await migrate(db)
        async with db.write() as connection:
            await fill(connection, count, db)
        storage = storage_of(db, folder / "data")
        book = WatchBook(db, storage.vault)
        topology = Topologies(book)
        cameras = Cameras(storage, book, topology)
        await cameras.load()
        clock.behind = STOOD
        await cameras.stand(count)
        clock.behind = timedelta(0)
        await db.checkpoint()
        async with served(storage, console=console_files.found()) as rig:
            rig.core.topology = topology
            for name, (role, area) in LOGINS.items():
                await rig.account(name, role, area=area)
            token = (await rig.token("reader", Role.OPERATOR, area="district")).token
            users = {name: {"name": name, "password": PASSWORD} for name in LOGINS}
            print(json.dumps({"url": rig.url, "token": token, "users": users}), flush=True)
            while line := await asyncio.to_thread(sys.stdin.readline):
                print(json.dumps(await _answer(json.loads(line), cameras, rig)), flush=True)
    finally:
        await db.close()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
