"""Edge: the /16 of 127/8 that a virtual fleet lives in, held while it lives: routes are the system's, not the fleet's.

A fleet that cuts an address off, or takes back what a killed one left, does it for every process of the machine. A
UDP socket bound in the network says that it is taken; it goes with the process, however that ends.
"""

from __future__ import annotations

import contextlib
import random
import socket

#: Fixed networks, of a fleet on given ports or written down somewhere, are mostly below.
FIRST_FREE, LAST = 100, 250
_PORT = 21_300


class OwnNetwork:
    """``take`` once, ``close`` at the end. ``number`` is N of 127.N.0.0/16, 0 before."""

    def __init__(self) -> None:
        self.number = 0
        self._held: socket.socket | None = None

    def take(self, port: int, dice: random.Random) -> None:
        """The network that follows from a port that was asked for, so that the same words give the same addresses;
        any that is free for port 0. Two fleets on given ports may meet; then the later one does not hold it."""
        if port:
            self.number = 1 + port % LAST
            self._hold()
            return
        numbers = range(FIRST_FREE, LAST + 1)
        for number in dice.sample(numbers, len(numbers)):
            self.number = number
            if self._hold():
                return

    def address(self, index: int) -> str:
        """The ``index``-th of 62,500 addresses; the one that holds the network is none of them."""
        return f"127.{self.number}.{index // 250}.{1 + index % 250}"

    def close(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def _hold(self) -> bool:
        holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):
            holder.bind((f"127.{self.number}.255.254", _PORT))
            self._held = holder
            return True
        holder.close()
        return False
