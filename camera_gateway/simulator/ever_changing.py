"""Pure: fault plans that never end, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence

from camera_gateway.simulator.camera import VirtualCamera
from camera_gateway.simulator.faults import EXPECTED, Fault, Layer
from camera_gateway.simulator.plan import Step

#: What a plan that never ends draws from: faults that a watcher must find.
LIVELY = tuple(f for f, e in EXPECTED.items() if e.classes and e.certain and f is not Fault.LINK_LOST)


def ever_changing(
    cameras: Sequence[VirtualCamera],
    groups: Sequence[str],
    dice: random.Random,
    *,
    start: float = 0.0,
    every: float = 12.0,
    lasting: tuple[float, float] = (45.0, 90.0),
    at_most: int | None = None,
    faults: Sequence[Fault] = LIVELY,
) -> Iterator[Step]:
    """A plan without end: about ``every`` seconds something goes wrong and stays so for a while.

    At most ``at_most`` cameras (default a quarter) have a fault at once, one each; now and then the link of a whole
    group is lost. Device faults are for single cameras; a recorder's channel has faults of its stream and picture.
    """
    limit = at_most if at_most is not None else max(1, len(cameras) // 4)
    now = start
    ends: dict[str, Step] = {}  # what is switched off when, by camera or group
    count = 0
    while True:
        for name, step in sorted(ends.items(), key=lambda item: item[1].at):
            if step.at <= now:
                del ends[name]
                yield step
        count += 1
        if len(ends) < limit:
            on = _something(cameras, groups, dice, ends, faults, link=count % 12 == 0)
            if on is not None:
                until = now + dice.uniform(*lasting)
                ends[on.group or on.cameras[0]] = Step(until, on.fault, False, on.cameras, on.group)
                yield Step(now, on.fault, True, on.cameras, on.group)
        pause = dice.uniform(0.5, 1.5) * every
        now = min([now + pause, *(s.at for s in ends.values() if s.at > now)])


def _something(
    cameras: Sequence[VirtualCamera],
    groups: Sequence[str],
    dice: random.Random,
    busy: Collection[str],
    faults: Sequence[Fault],
    *,
    link: bool,
) -> Step | None:
    """A group's link where nothing of the group is touched yet, else one fault of one camera that is well."""
    touched = {c.group for c in cameras if c.id in busy} | set(busy)
    free_groups = [g for g in groups if g not in touched]
    if link and len(groups) > 1 and free_groups:
        return Step(0, Fault.LINK_LOST, True, (), dice.choice(free_groups))
    free = [c for c in cameras if c.id not in busy and c.group not in busy]
    if not free:
        return None
    camera = dice.choice(free)
    fits = [f for f in faults if camera.recorder is None or EXPECTED[f].layer is not Layer.DEVICE]
    return Step(0, dice.choice(fits), True, (camera.id,)) if fits else None
