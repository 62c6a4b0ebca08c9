"""Pure: bounded reading of bits and Exp-Golomb numbers (H.264 section 9.1)."""

from __future__ import annotations

from config.errors import Kind, XueliangError

#: Parameter sets and slice headers of cameras stay under 100 bytes.
MAX_BYTES = 1024


class Bits:
    """A cursor over at most ``MAX_BYTES``; reading past the end raises ``PROTOCOL`` with the bit position."""

    __slots__ = ("_length", "_value", "position")

    def __init__(self, data: bytes) -> None:
        data = data[:MAX_BYTES]
        self._value = int.from_bytes(data, "big")
        self._length = len(data) * 8
        self.position = 0

    def u(self, count: int) -> int:
        end = self.position + count
        if end > self._length:
            raise XueliangError(Kind.PROTOCOL, "a parameter set that is cut short", facts={"position": self.position})
        self.position = end
        return (self._value >> (self._length - end)) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.u(1) == 1

    def ue(self) -> int:
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise XueliangError(
                    Kind.PROTOCOL, "an Exp-Golomb number of more than 32 bits", facts={"position": self.position}
                )
        return (1 << zeros) - 1 + self.u(zeros) if zeros else 0

    def se(self) -> int:
        value = self.ue()
        return (value + 1) // 2 if value & 1 else -(value // 2)

    def left(self) -> int:
        return self._length - self.position
