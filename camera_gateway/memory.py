"""Pure: what the gateway must remember of a device across restarts, as a protocol and as an in-memory store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from config.clock import Clock
from config.errors import Kind, XueliangError

#: Hikvision locks an account for 30 min after 5 wrong tries, others after 7; an hour clears both. Stores take the
#: hold as ``hold``, so that a fleet of our own making (the demo) need not wait an hour.
REFUSED_HOLD = timedelta(hours=1)


class AccountState(StrEnum):
    """What the last try with these credentials proved."""

    UNTRIED = "untried"
    TRYING = "trying"  # written down before the try; still there after a crash means it may have failed
    PROVED = "proved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AccountKey:
    """One budget per device address and account, over all channels, ports and protocols.

    ``fingerprint`` changes when the password does (a keyed digest, never the password), so that new credentials
    get a try of their own.
    """

    host: str
    user: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """Learned once, spared afterwards. ``None`` means not learned yet."""

    auth_rung: str | None = None  # none | digest | wsse | basic
    keyframe_method: str | None = None  # pli | sync_point | none
    transport: str | None = None  # tcp | udp
    keepalive: str | None = None  # GET_PARAMETER | OPTIONS
    clock_offset: float | None = None  # seconds, device minus ours
    identity: str | None = None  # what the device says it is without credentials


class DeviceMemory(Protocol):
    async def before_attempt(self, key: AccountKey) -> None:
        """Permission for one try, written down before it is made.

        Raises ``LOCKED`` (with ``facts["until"]``) while a refused or unfinished try of the same key holds.
        """

    async def attempt_succeeded(self, key: AccountKey) -> None: ...

    async def attempt_failed(self, key: AccountKey) -> None: ...

    async def recall(self, host: str) -> DeviceFacts: ...

    async def remember(self, host: str, **facts: Any) -> None:
        """Fields of :class:`DeviceFacts` that were learned just now."""


@dataclass(slots=True)
class _Account:
    state: AccountState = AccountState.UNTRIED
    until: datetime | None = None


@dataclass(slots=True)
class InMemoryDeviceMemory:
    """For commands without a database (``probe``, ``discover``) and for tests; forgets when the process ends."""

    clock: Clock
    hold: timedelta = REFUSED_HOLD
    accounts: dict[AccountKey, _Account] = field(default_factory=dict)
    facts: dict[str, DeviceFacts] = field(default_factory=dict)

    async def before_attempt(self, key: AccountKey) -> None:
        account = self.accounts.setdefault(key, _Account())
        check_hold(key, account.state, account.until, self.clock.now())
        if account.state is not AccountState.PROVED:
            account.state, account.until = AccountState.TRYING, self.clock.now() + self.hold

    async def attempt_succeeded(self, key: AccountKey) -> None:
        self.accounts[key] = _Account(AccountState.PROVED)

    async def attempt_failed(self, key: AccountKey) -> None:
        self.accounts[key] = _Account(AccountState.REFUSED, self.clock.now() + self.hold)

    async def recall(self, host: str) -> DeviceFacts:
        return self.facts.get(host, DeviceFacts())

    async def remember(self, host: str, **facts: Any) -> None:
        self.facts[host] = replace(self.facts.get(host, DeviceFacts()), **facts)


def check_hold(key: AccountKey, state: AccountState, until: datetime | None, now: datetime) -> None:
    """Raise ``LOCKED`` while a refused or unfinished try holds; stores call it with what they have written down."""
    if state in (AccountState.REFUSED, AccountState.TRYING) and until is not None and now < until:
        said = "was refused" if state is AccountState.REFUSED else "was tried and nothing came back"
        raise XueliangError(
            Kind.LOCKED,
            f"the password {said}; held back so that the device does not lock the account",
            where=key.host,
            fix="Enter the right password for the device; it is then tried once at once",
            facts={"until": until.isoformat(), "user": key.user},
        )
