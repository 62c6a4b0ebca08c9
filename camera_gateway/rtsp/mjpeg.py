"""Pure: motion JPEG over RTP (RFC 2435): fragments gathered and a whole JFIF picture rebuilt from the short header."""

from __future__ import annotations

import struct

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.job import MAX_UNIT
from camera_gateway.rtsp.assembler import Sink
from camera_gateway.rtsp.video_format import VideoFormat, check_size
from config.errors import Kind, XueliangError

#: RFC 2435 appendix A, in zigzag order (the tables of ITU-T T.81 annex K.1).
_LUMA = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
    "38374048 5c4e404457453738506d51575f6267 68673e4d71797064785c656763".replace(" ", "")
)
_CHROMA = bytes.fromhex("11121218 1518 2f1a1a2f 6342 3842".replace(" ", "")) + b"\x63" * 50

# ITU-T T.81 annex K.3: counts per code length, then values.
_DC_VALUES = bytes(range(12))
_DC_LUMA = bytes.fromhex("00010501010101010100000000000000") + _DC_VALUES
_DC_CHROMA = bytes.fromhex("00030101010101010101010000000000") + _DC_VALUES
_AC_LUMA = bytes.fromhex(
    "0002010303020403050504040000017d"
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f0"
    "24336272820 90a161718191a25262728292a3435363738393a43444546474849".replace(" ", "")
    + "4a535455565758595a636465666768696a737475767778797a83848586878889"
    "8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5"
    "c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8"
    "f9fa"
)
_AC_CHROMA = bytes.fromhex(
    "000201020404030407050404000102770001020311040521310612415107617113223281081442 91a1b1c109233352f0".replace(" ", "")
    + "156272d10a162434e125f11718191a262728292a35363738393a434445464748"
    "494a535455565758595a636465666768696a737475767778797a828384858687"
    "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3"
    "c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8"
    "f9fa"
)


def quantisation(quality: int) -> bytes:
    """Both 8-bit tables (128 bytes) for Q 1-99 (RFC 2435 section 4.2)."""
    factor = max(1, min(quality, 99))
    scale = 5000 // factor if factor < 50 else 200 - factor * 2
    return bytes(max(1, min((value * scale + 50) // 100, 255)) for value in _LUMA + _CHROMA)


def jfif_header(kind: int, width: int, height: int, tables: bytes, restart: int = 0) -> bytes:
    """Everything before the scan. ``kind`` 0 is 4:2:2, 1 is 4:2:0; ``tables`` are one or two quantisation tables."""
    parts = [b"\xff\xd8"]
    size = 64 if len(tables) % 128 else len(tables) // 2
    luma, chroma = tables[:size], tables[size : size * 2] or tables[:size]
    for index, table in enumerate((luma, chroma)):
        precision = 0x10 if len(table) == 128 else 0
        parts.append(b"\xff\xdb" + struct.pack("!HB", len(table) + 3, precision | index) + table)
    if restart:
        parts.append(struct.pack("!HHH", 0xFFDD, 4, restart))
    sampling = 0x22 if kind & 1 else 0x21
    parts.append(
        struct.pack("!HHBHHB", 0xFFC0, 17, 8, height, width, 3) + bytes((1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1))
    )
    for head, table in ((0x00, _DC_LUMA), (0x10, _AC_LUMA), (0x01, _DC_CHROMA), (0x11, _AC_CHROMA)):
        parts.append(b"\xff\xc4" + struct.pack("!HB", len(table) + 3, head) + table)
    parts.append(struct.pack("!HHB", 0xFFDA, 12, 3) + bytes((1, 0, 2, 0x11, 3, 0x11, 0, 63, 0)))
    return b"".join(parts)


class MjpegAssembler:
    """Like :class:`Assembler`; every picture is a keyframe. ``size`` is the description's, for pictures over 2040
    pixels, whose size does not fit the RTP header."""

    __slots__ = (
        "_damaged",
        "_head",
        "_lost",
        "_parts",
        "_received",
        "_size",
        "_tables",
        "_timestamp",
        "clock_rate",
        "declared",
        "format",
        "keyframes_only",
        "sender_report",
        "sets",
        "sink",
    )

    codec = Codec.MJPEG
    _head: bytes
    _parts: list[bytes]
    _size: int
    _damaged: bool

    def __init__(self, sink: Sink, clock_rate: int = 90_000, size: tuple[int, int] | None = None) -> None:
        self.sink = sink
        self.clock_rate = clock_rate
        self.declared = size
        self.sets = None
        self.format: VideoFormat | None = None
        self.sender_report: tuple[float, int] | None = None
        self.keyframes_only = False
        self._tables: dict[int, bytes] = {}
        self._timestamp = -1
        self._lost = 0
        self._received = 0.0
        self._clear()

    def push(self, data: bytes, start: int, end: int, timestamp: int, marker: bool, gap: int, received: float) -> None:
        if gap:
            self._lost += gap
            self._damaged = self._damaged or bool(self._parts)
        if timestamp != self._timestamp:
            self._finish()  # no marker was sent
            self._timestamp = timestamp
        self._received = received
        if end - start > 8:
            self._fragment(data, start, end)
        if marker:
            self._finish()

    def _fragment(self, data: bytes, start: int, end: int) -> None:
        offset = int.from_bytes(data[start + 1 : start + 4], "big")
        kind, quality, width, height = data[start + 4 : start + 8]
        at = start + 8
        restart = 0
        if 64 <= kind < 128:
            if end - at < 4:
                return
            restart = data[at] << 8 | data[at + 1]
            at += 4
        if offset == 0:
            self._clear()
            tables = quantisation(quality)
            if quality > 127:
                if end - at < 4:
                    return
                length = data[at + 2] << 8 | data[at + 3]
                tables = data[at + 4 : at + 4 + length]
                at += 4 + length
                tables = self._known_tables(quality, tables)
            self._head = self._header(kind & 0x3F, width * 8, height * 8, tables, restart)
        elif not self._head or offset != self._size:
            self._damaged = True
            return
        if at < end:
            self._parts.append(data[at:end])
            self._size += end - at
        if self._size > MAX_UNIT:
            self._clear()
            raise XueliangError(
                Kind.TOO_LARGE,
                f"a picture of more than {MAX_UNIT} bytes",
                fix="Lower the resolution or the quality in the camera's encoder settings",
            )

    def _known_tables(self, quality: int, tables: bytes) -> bytes:
        """Q 128-254 name tables sent once before (section 4.2); 255 always carries its own."""
        if len(tables) in (64, 128, 256):
            if quality < 255:
                self._tables[quality] = tables
            return tables
        return self._tables.get(quality, b"")

    def _header(self, kind: int, width: int, height: int, tables: bytes, restart: int) -> bytes:
        if self.declared and (width == 0 or height == 0):
            width, height = self.declared
        if kind > 1 or not tables or width == 0 or height == 0:
            return b""
        check_size(width, height)
        self.format = VideoFormat(Codec.MJPEG, "Baseline", 0, width, height, None, 0)
        return jfif_header(kind, width, height, tables, restart)

    def _finish(self) -> None:
        if self._head and self._parts:
            data = b"".join((self._head, *self._parts))
            if not data.endswith(b"\xff\xd9"):
                data += b"\xff\xd9"
            sender_time = None
            if self.sender_report is not None:
                ticks = (self._timestamp - self.sender_report[1] + 0x80000000 & 0xFFFFFFFF) - 0x80000000
                sender_time = self.sender_report[0] + ticks / self.clock_rate
            unit = AccessUnit(
                Codec.MJPEG,
                True,
                (data,),
                self._timestamp,
                self._received,
                self.clock_rate,
                sender_time,
                damaged=self._damaged,
                lost=self._lost,
            )
            self._lost = 0
            self._clear()
            self.sink(unit)
        else:
            self._clear()

    def _clear(self) -> None:
        self._head = b""
        self._parts = []
        self._size = 0
        self._damaged = False
