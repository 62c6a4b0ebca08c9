"""Pure: the two ports that carry checking beyond one machine: who probes what and when, and where results go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from health.freshness import Freshness
from health.observation import Observation, Tier
from health.schedule import Planned, Probe
from health.state import CameraState, Change
from health.state_row import Moved
from registry.database import Connection


class Scheduler(Protocol):
    """Decides locally, from the zone's own configuration; nothing central is asked once per probe."""

    def plan(self, planned: Iterable[Planned], troubled: frozenset[str] = frozenset()) -> None:
        """Watch these cameras from now on, those watched already at their new pace."""

    def forget(self, camera_id: str) -> None:
        """Watch it no longer."""

    async def next(self) -> Probe:
        """The next probe that may start, whenever that is; each goes back through :meth:`finished`."""

    def finished(self, probe: Probe) -> None: ...

    def mark(self, camera_id: str, *, troubled: bool) -> None: ...

    def burst(self, camera_id: str, of: str) -> bool: ...

    def check_now(self, camera_id: str, command_id: str) -> bool: ...

    def next_check(self, camera_id: str) -> float | None:
        """Seconds until this camera is looked at next."""

    def overdue(self) -> float:
        """Seconds since :meth:`next` should have taken up the slot that is due; 0 while somebody asks for it."""

    def freshness(self, tier: Tier) -> Freshness: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an observation made of its camera. ``accepted`` is false for one that was there already."""

    accepted: bool
    state: CameraState
    changes: tuple[Change, ...] = ()
    burst: bool = False


class ResultSink(Protocol):
    """Observations up, idempotent by (camera, probe id)."""

    async def submit(self, seen: Observation, next_in: float | None = None) -> Outcome:
        """Returns once what must not be lost (a change, a picture check) is on the disk. ``next_in``: seconds until
        the camera is looked at next."""

    async def flush(self) -> None: ...


class ChangeHook(Protocol):
    """Hears of many cameras' changes at once, inside the transaction that writes them; what it writes commits with
    them. Each of ``moved`` has changes; one camera may be there twice, in order.

    It may be called twice for the same changes (a transaction repeated), so it goes by what the database holds.
    ``look`` tells the state of any camera, as it is in memory.
    """

    def __call__(
        self,
        connection: Connection,
        moved: Sequence[Moved],
        look: Callable[[str], CameraState | None],
    ) -> Awaitable[None]: ...
