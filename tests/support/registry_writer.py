"""Wiring: a process that writes to a database in every way there is and says on stdout what was acknowledged.

``python -m tests.support.registry_writer URL MASTER_FILE PREFIX``; it runs until it is killed.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

import sqlalchemy as sa

from camera_gateway.memory import AccountKey
from config.clock import SystemClock
from config.scope import Scope
from registry.area import Area
from registry.area_store import add_area
from registry.batch_store import Batch
from registry.database import Database
from registry.key_store import open_keys
from registry.memory_store import StoredDeviceMemory
from registry.tables import units
from registry.unit import UnitKind

SYSTEM = Scope.system("writer")
ADD = sa.insert(units)


def say(kind: str, name: str) -> None:
    sys.stdout.write(f"{kind} {name}\n")
    sys.stdout.flush()


async def edits(db: Database, prefix: str) -> None:
    for number in itertools.count():
        name = f"{prefix}-a{number}"
        async with db.write() as connection:
            await add_area(SYSTEM, connection, Area(name, name))
        say("area", name)


async def samples(batch: Batch, prefix: str) -> None:
    for number in itertools.count():
        name = f"{prefix}-u{number}"
        await (await batch.add(ADD, {"id": name, "name": name, "kind": UnitKind.MAINTENANCE}))
        say("unit", name)


async def attempts(memory: StoredDeviceMemory, prefix: str) -> None:
    for number in itertools.count():
        key = AccountKey(f"{prefix}-h{number}", "admin", "s:1")
        await memory.before_attempt(key)
        say("try", key.host)


async def main(url: str, master: str, prefix: str) -> None:
    db = await Database.open(url)
    await open_keys(db, Path(master))
    fast = Batch(db.write, SystemClock(), interval=0.005)
    memory = StoredDeviceMemory(db, SystemClock())
    await asyncio.gather(edits(db, prefix), samples(fast, prefix), attempts(memory, prefix))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
