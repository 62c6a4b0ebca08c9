"""Pure: how many may look at once, and who is full: the camera, the account, or the service."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from config.errors import Kind, XueliangError


@dataclass(frozen=True, slots=True)
class Most:
    service: int = 200
    account: int = 64
    camera: int = 100


@dataclass(slots=True)
class Capacity:
    """``take`` before anything is opened, ``give`` back exactly once."""

    most: Most
    total: int = 0
    accounts: Counter[str] = field(default_factory=Counter)
    cameras: Counter[str] = field(default_factory=Counter)

    def take(self, account: str, camera: str) -> None:
        """Raises ``LIMIT`` with the facts ``who``, ``open``, ``max`` and ``retry_after``."""
        held = (
            ("camera", self.cameras[camera], self.most.camera),
            ("account", self.accounts[account], self.most.account),
            ("service", self.total, self.most.service),
        )
        for who, open_, most in held:
            if open_ >= most:
                raise full(who, open_, most)
        self.total += 1
        self.accounts[account] += 1
        self.cameras[camera] += 1

    def give(self, account: str, camera: str) -> None:
        self.total -= 1
        for counter, key in ((self.accounts, account), (self.cameras, camera)):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]


def full(who: str, open_: int, most: int, retry_after: int = 5) -> XueliangError:
    return XueliangError(
        Kind.LIMIT,
        f"the {who} is full: {open_} of {most} views are open",
        where=who,
        fix="End a view elsewhere, or wait",
        facts={"code": "limit", "who": who, "open": open_, "max": most, "retry_after": retry_after},
    )
