"""Pure: how many bytes may go out to one viewer now: a bucket that fills at a set rate."""

from __future__ import annotations

from dataclasses import dataclass

#: What a browser's socket buffer and a cheap switch take at once.
BURST_BYTES = 96 * 1024


@dataclass(slots=True)
class Bucket:
    """``rate`` in bytes a second. In steady state a picture fits in whole."""

    rate: float
    room: float = BURST_BYTES
    _at: float | None = None

    def refill(self, now: float) -> float:
        """The room there is now."""
        if self._at is not None:
            self.room = min(BURST_BYTES, self.room + (now - self._at) * self.rate)
        self._at = now
        return self.room

    def take(self, size: int) -> None:
        self.room -= size

    def wait(self) -> float:
        """Seconds until a third of the bucket is free again."""
        return max(0.001, (BURST_BYTES / 3 - self.room) / self.rate)
