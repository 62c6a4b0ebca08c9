"""Pure: coded pictures cut into RTP packets once, and stamped for each session with a few array writes.

RFC 6184 (H.264: single NAL and FU-A), RFC 7798 (H.265: single NAL and FU), RFC 2435 (JPEG). A block holds the packets
of one picture as RFC 2326 section 10.12 interleaves them: ``$``, channel, length, RTP header, payload.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from camera_gateway.access_unit import Codec

#: Cameras send RTP packets of 1400-1460 bytes.
MAX_PAYLOAD = 1400
PAYLOAD_TYPES = {Codec.H264: 96, Codec.H265: 98, Codec.MJPEG: 26}
#: In place of a slice: its header then names a parameter set that does not exist.
_JUNK = 0x03
#: Places within a packet of what differs from session to session: channel, sequence, timestamp, SSRC.
_STAMPED = np.asarray([1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """``data`` is the template; packet ``i`` begins at ``starts[i]``; ``places`` has shape (packets, 11)."""

    data: NDArray[np.uint8]
    starts: NDArray[np.intp]
    places: NDArray[np.intp]
    payload_bytes: int  # what an RTCP sender report counts

    @property
    def packets(self) -> int:
        return len(self.starts)

    @property
    def size(self) -> int:
        return int(self.data.nbytes + self.places.nbytes + self.starts.nbytes)

    def stamped(self, channel: int, sequence: int, timestamp: int, ssrc: int) -> NDArray[np.uint8]:
        """A copy with these numbers in every header, the sequence counting on from ``sequence`` modulo 2^16."""
        out = self.data.copy()
        values = np.empty(self.places.shape, np.uint8)
        values[:, 0] = channel
        values[:, 1:3] = (
            ((np.arange(self.packets, dtype=np.uint32) + sequence) & 0xFFFF).astype(">u2")[:, None].view(np.uint8)
        )
        values[:, 3:] = np.frombuffer(struct.pack(">II", timestamp & 0xFFFFFFFF, ssrc), np.uint8)
        out[self.places] = values
        return out

    def half(self) -> Block:
        """The first half of the packets, as when a line breaks in the middle of a picture."""
        count = max(1, self.packets // 2)
        end = int(self.starts[count]) if count < self.packets else len(self.data)
        payload = end - count * 16
        return Block(self.data[:end], self.starts[:count], self.places[:count], payload)

    def spoil(self, stamped: NDArray[np.uint8]) -> None:
        """Overwrite the coded picture behind its NAL or fragment header; parameter sets stay."""
        ends = np.append(self.starts[1:], len(stamped))
        for start, end in zip(self.starts.tolist(), ends.tolist(), strict=True):
            if end - start > 200 or self.packets == 1:
                stamped[start + 18 : end] = _JUNK

    def datagrams(self, view: memoryview) -> list[memoryview]:
        """The packets of :meth:`stamped` one by one, without the interleaving header."""
        ends = [*self.starts[1:].tolist(), len(view)]
        return [view[start + 4 : end] for start, end in zip(self.starts.tolist(), ends, strict=True)]


def packetise(codec: Codec, nals: tuple[bytes, ...], max_payload: int = MAX_PAYLOAD) -> Block:
    """One picture as a block; the marker bit is on its last packet."""
    if codec is Codec.MJPEG:
        payloads = _jpeg(nals[0], max_payload)
    else:
        cut = _fu_a if codec is Codec.H264 else _fu
        payloads = [p for nal in nals for p in ([nal] if len(nal) <= max_payload else cut(nal, max_payload))]
    parts: list[bytes] = []
    starts: list[int] = []
    position = 0
    for index, payload in enumerate(payloads):
        marker = 0x80 if index == len(payloads) - 1 else 0
        head = struct.pack(">BBHBBHII", 0x24, 0, len(payload) + 12, 0x80, marker | PAYLOAD_TYPES[codec], 0, 0, 0)
        starts.append(position)
        parts += (head, payload)
        position += len(head) + len(payload)
    begin = np.asarray(starts, np.intp)
    data = np.frombuffer(b"".join(parts), np.uint8)
    return Block(data, begin, begin[:, None] + _STAMPED, sum(map(len, payloads)))


def _fu_a(nal: bytes, limit: int) -> list[bytes]:
    indicator, kind = nal[0] & 0xE0 | 28, nal[0] & 0x1F
    return _fragments(bytes([indicator]), kind, nal[1:], limit - 2)


def _fu(nal: bytes, limit: int) -> list[bytes]:
    kind = nal[0] >> 1 & 0x3F
    return _fragments(bytes([nal[0] & 0x81 | 49 << 1, nal[1]]), kind, nal[2:], limit - 3)


def _fragments(head: bytes, kind: int, body: bytes, limit: int) -> list[bytes]:
    fragments = []
    for start in range(0, len(body), limit):
        first = 0x80 if start == 0 else 0
        last = 0x40 if start + limit >= len(body) else 0
        fragments.append(head + bytes([first | last | kind]) + body[start : start + limit])
    return fragments


def _jpeg(jpeg: bytes, limit: int) -> list[bytes]:
    """RFC 2435: type 1 (4:2:0), Q 255 with the quantisation tables in the first packet of the picture."""
    tables, width, height, scan = read_jpeg(jpeg)
    payloads = []
    offset = 0
    while offset < len(scan):
        head = struct.pack(">I", offset) + bytes([1, 255, -(-width // 8), -(-height // 8)])
        if offset == 0:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        piece = scan[offset : offset + limit - len(head)]
        payloads.append(head + piece)
        offset += len(piece)
    return payloads


def read_jpeg(jpeg: bytes) -> tuple[bytes, int, int, bytes]:
    """Luma and chroma tables (128 bytes), width, height, and the scan without its EOI, of a JPEG of our own making.

    Raises ``ValueError`` where a segment is missing.
    """
    tables: dict[int, bytes] = {}
    width = height = 0
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        kind, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        body = jpeg[at + 4 : at + 2 + length]
        at += 2 + length
        if kind == 0xDB:
            for start in range(0, len(body), 65):
                tables[body[start]] = body[start + 1 : start + 65]
        elif kind == 0xC0:
            height, width = struct.unpack(">HH", body[1:5])
        elif kind == 0xDA:
            if not tables or not width:
                break
            return tables[0] + tables.get(1, tables[0]), width, height, jpeg[at:].removesuffix(b"\xff\xd9")
    raise ValueError("not a baseline JPEG with tables and sizes")
