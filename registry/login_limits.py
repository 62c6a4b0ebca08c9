"""Pure: how often a login may fail, by name and address, before nobody is asked for a while."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from math import ceil

#: Names and addresses remembered; beyond it those that failed longest ago are forgotten.
MAX_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class LimitRules:
    """``pair`` failures of one name from one address lock that pair, so that nobody locks a colleague out from
    another desk; ``name`` failures lock the name everywhere, ``address`` failures the address for every name."""

    pair: int = 5
    name: int = 25
    address: int = 50
    lock_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class Standing:
    """``remaining`` failures lock; ``wait`` seconds until tries are taken again, 0 when they are."""

    remaining: int
    wait: int


@dataclass(slots=True)
class _Count:
    limit: int
    failures: int = 0
    since: float = 0.0
    until: float = field(default=0.0)


Key = tuple[str, str, str]


class LoginLimits:
    """Counts live in memory; after a start they are made anew from the audit log. Times are monotonic seconds."""

    def __init__(self, rules: LimitRules | None = None) -> None:
        self.rules = rules or LimitRules()
        self._counts: OrderedDict[Key, _Count] = OrderedDict()

    def standing(self, name: str, address: str, now: float) -> Standing:
        """Where this name from this address stands; the same for names that do not exist."""
        remaining, wait = self.rules.pair, 0.0
        for key, limit in self._keys(name, address):
            count = self._counts.get(key)
            if count is None:
                remaining = min(remaining, limit)
                continue
            self._age(count, now)
            wait = max(wait, count.until - now)
            remaining = min(remaining, limit - count.failures)
        return Standing(max(0, remaining), max(0, ceil(wait)))

    def failed(self, name: str, address: str, now: float) -> Standing:
        """One more failure; where it stands after it."""
        for key, limit in self._keys(name, address):
            count = self._counts.pop(key, None) or _Count(limit, since=now)
            self._age(count, now)
            count.failures += 1
            if count.failures >= limit:
                count.until = now + self.rules.lock_seconds
            self._counts[key] = count
        while len(self._counts) > MAX_REMEMBERED:
            self._counts.popitem(last=False)
        return self.standing(name, address, now)

    def succeeded(self, name: str, address: str) -> None:
        """What was counted as failed beforehand was none: this name's counts go, the address's goes back by one."""
        pair, own, source = self._keys(name, address)
        self._counts.pop(pair[0], None)
        self._counts.pop(own[0], None)
        count = self._counts.get(source[0])
        if count is not None:
            count.failures = max(0, count.failures - 1)
            count.until = 0.0 if count.failures < count.limit else count.until

    def _keys(self, name: str, address: str) -> tuple[tuple[Key, int], ...]:
        source = network_of(address)
        rules = self.rules
        return (
            (("pair", name, source), rules.pair),
            (("name", name, ""), rules.name),
            (("address", "", source), rules.address),
        )

    def _age(self, count: _Count, now: float) -> None:
        """A lock that is over, or failures older than a lock's time, begin anew."""
        over = count.until and now >= count.until
        if over or (not count.until and now - count.since >= self.rules.lock_seconds):
            count.failures, count.until, count.since = 0, 0.0, now


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one customer holds of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
