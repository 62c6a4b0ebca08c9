"""Pure: a camera's RTP timestamps on one 90 kHz line that never goes back, whatever the camera does to its clock."""

from __future__ import annotations

from dataclasses import dataclass

RATE = 90_000
#: A timestamp that is further from the arrival than this is not the camera's time but a jump.
TOLERANCE = 2.0
#: Two pictures closer than this are one camera's bad counting.
LEAST = 90


@dataclass(slots=True)
class MediaClock:
    """``map`` takes timestamps in decoding order. ``jumps`` counts what was put right: a new SSRC or session, a
    counter that leaps, one that stands still."""

    jumps: int = 0
    backward: int = 0  # small steps back in a row: pictures that are not in order of showing
    _time: int = 0
    _rtp: int | None = None
    _received: float = 0.0

    def map(self, rtp_time: int, clock_rate: int, received: float) -> int:
        """The picture's time on the line, in ticks of 90 kHz (not wrapped). ``received`` is monotonic seconds."""
        if self._rtp is None:
            self._rtp, self._received = rtp_time, received
            return self._time
        arrived = max(0.0, received - self._received)
        ticks = (rtp_time - self._rtp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        passed = ticks / clock_rate
        if -0.5 < passed < 0:
            self.backward += 1
        if passed <= 0 or abs(passed - arrived) > TOLERANCE:
            self.jumps += 1
            passed = arrived
        self._time += max(LEAST, round(passed * RATE))
        self._rtp, self._received = rtp_time, received
        return self._time
