"""Pure: what the relay asks of others, and what is asked of it: small protocols with one implementation now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from camera_gateway.target import StreamTarget
from streaming.view_state import Role, ViewState


@dataclass(frozen=True, slots=True)
class KnownStream:
    """``codec`` as the registry has it, ``None`` where nobody knows yet."""

    target: StreamTarget
    codec: str | None = None


class Cameras(Protocol):
    """The list of cameras, kept by whoever wires us."""

    async def streams(self, camera_id: str) -> Mapping[Role, KnownStream]:
        """Empty for a camera that is not (or no longer) known, or has no address."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One view that may be opened: its register row is written. ``account`` is a principal's id; ``mark`` is whatever
    the caller knows the viewer by later."""

    view_id: str
    camera_id: str
    account: str
    role: Role = Role.MAIN
    mark: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """``session`` is 128 random bits in hex; ``role`` the stream that is really shown."""

    session: str
    answer: str
    role: Role


@dataclass(frozen=True, slots=True)
class Shown:
    """A view as its tile is told it. Ages in seconds; ``fell_back``: why it is not the stream that was asked for."""

    view_id: str
    camera_id: str
    session: str
    state: ViewState
    role: Role
    fell_back: str | None
    codec: str | None
    cause: str | None
    picture_age: float | None
    seconds: float
    frames: int
    skipped: int
    lost: float
    round_trip: float | None
    bitrate: float


#: Told once for every view that was opened: (view_id, reason).
OnEnd = Callable[[str, str], None]


class MediaEngine(Protocol):
    """Shows cameras to viewers. The embedded one is :class:`streaming.relay.Relay`."""

    async def open(self, asked: Asked, offer: str) -> Opened: ...

    async def trickle(self, session: str, fragment: str) -> None: ...

    async def switch(self, session: str, role: Role) -> Role: ...

    async def end(self, session: str, reason: str) -> None: ...

    def shown(self, account: str | None = None) -> list[Shown]: ...

    async def close(self) -> None: ...
