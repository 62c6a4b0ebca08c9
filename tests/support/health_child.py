"""Wiring: the engine as a process to be killed: ``python -m tests.support.health_child DATABASE_URL FOLDER SEED``.

Each line it prints names an observation that was acknowledged: camera, probe id, and the states it changed to.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from random import Random

from config.clock import SystemClock
from health.engine import EngineSettings
from health.observation import Observation, Tier
from health.ports import Outcome
from health.schedule import ScheduleSettings
from health.state import Aspect
from registry.database import Database
from registry.keys import KeyRing
from tests.support.health_rig import Rig

FAST = ScheduleSettings(
    liveness_seconds=0.3, picture_seconds=0.2, burst_gap_min_seconds=0.05, burst_gap_max_seconds=0.1
)


async def main(url: str, folder: str, seed: int) -> None:
    clock = SystemClock()
    db = await Database.open(url, clock=clock, keys=KeyRing.ephemeral())
    dice = Random(seed)

    def tell(seen: Observation, outcome: Outcome) -> None:
        states = [c.new for c in outcome.changes if c.aspect is Aspect.STATE]
        if seen.tier is Tier.PICTURE and outcome.accepted:
            print(seen.camera_id, seen.probe_id, *states, flush=True)
        rig.script.cause[seen.camera_id] = dice.choice(["", "", "", "covered", "black", "no_signal", "timeout"])

    rig = Rig(db, clock, Path(folder), schedule=FAST, engine=EngineSettings(tend_seconds=0.2), listener=tell)
    await rig.engine.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
