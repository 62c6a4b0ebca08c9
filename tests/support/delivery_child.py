"""Wiring: the delivering worker as a process to be killed: ``python -m tests.support.delivery_child URL PORT SEED``.

It prints a line after every try that it has written down, and ends by itself when nothing is left to be sent.
"""

from __future__ import annotations

import asyncio
import sys
from random import Random

from pydantic import SecretStr

from alerts.delivery import Delivery, DeliverySettings
from alerts.message import BackOff, MessageStatus
from alerts.opener import Opener, OpenerPolicy
from alerts.queue_store import queues
from alerts.webhook import Destination, Webhook
from config.clock import SystemClock
from config.scope import Scope
from registry.database import Database
from registry.keys import KeyRing
from tests.support.receiver import SECRET


async def main(url: str, port: int, seed: int) -> None:
    clock = SystemClock()
    db = await Database.open(url, clock=clock, keys=KeyRing.ephemeral())
    sender = Webhook(Opener(OpenerPolicy(allow_loopback=True)), clock, 5.0)
    settings = DeliverySettings("https://xueliang.example", BackOff(base=0.02, most=0.1))
    to = Destination("hook", f"http://127.0.0.1:{port}/", SecretStr(SECRET))
    delivery = Delivery(db, clock, Random(seed), sender, [to], settings)
    while await left(db):
        if await delivery.run_once(to):
            print("tried", flush=True)
        else:
            await clock.sleep(0.01)
    await db.close()


async def left(db: Database) -> bool:
    async with db.read() as connection:
        found = await queues(Scope.system("test"), connection, db.clock.now())
    return any(queue.count(MessageStatus.WAITING) for queue in found.values())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
