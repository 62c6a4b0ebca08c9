"""Pure: how many connections there may be, of one address and of all, and how long each may keep us waiting."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address

from config.setting import Network


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """``head_seconds``: from the connection, or from the first byte of a further request, to the end of its head.
    ``taking_seconds``: that a reader may take nothing of what is written to it. A room of review screens behind one
    address translation has some dozens of connections; browsers open six each."""

    of_all: int = 512
    of_address: int = 128
    head_seconds: float = 10.0
    taking_seconds: float = 35.0


class Connections:
    """Counts what is open. A trusted proxy speaks for many and is counted among all only."""

    def __init__(self, limits: ConnectionLimits, proxies: tuple[Network, ...] = ()) -> None:
        self.limits = limits
        self._proxies = proxies
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._of.total()

    def opened(self, address: str) -> str:
        """Count one more; which limit it breaks: ``address``, ``service`` or none. It is counted either way."""
        self._of[address] += 1
        if self._of.total() > self.limits.of_all:
            return "service"
        if self._of[address] > self.limits.of_address and not self._is_proxy(address):
            return "address"
        return ""

    def closed(self, address: str) -> None:
        self._of[address] -= 1
        if self._of[address] <= 0:
            del self._of[address]

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed.version == proxy.version and parsed in proxy for proxy in self._proxies)
