"""Edge: SRTP (libsrtp) and the socket: packets of one picture protected in one buffer, and sent with few calls.

Where the packets lie in the buffer is the same for all viewers, and laid out once a picture. Packets of one size go
out in a single call (Linux UDP_SEGMENT); where the kernel knows no such thing, one by one.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pylibsrtp import Error, Session
from pylibsrtp._binding import ffi, lib

from streaming.packet_ring import Packet

_HEADER = struct.Struct("!BBHII")
_BEFORE = bytes(12)
_SEGMENT = struct.Struct("@H")
_UDP_SEGMENT = 103
#: What one call takes: 64 KiB less headers, and no more than 48 segments (older kernels stop at 64).
_ROOM = 60_000
_MOST = 48
_NO_SEGMENTS = frozenset((errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP))


#: (place, where it is in the buffer, length without the tag, marker)
_Piece = tuple[Any, int, int, int]


@dataclass(frozen=True, slots=True)
class _Run:
    """Packets that go out in one call: ``blank`` has their payloads in place, ``size`` is that of all but the last."""

    blank: bytes
    pieces: tuple[_Piece, ...]
    size: int


class _Buffer:
    """One for all viewers: a call fills it, sends it and is done before the next begins."""

    def __init__(self) -> None:
        self.cdata = ffi.new("char[]", _ROOM + 2048)
        self.bytes = ffi.buffer(self.cdata)
        self.view = memoryview(self.bytes)
        self.length = ffi.new("int *")
        self._laid: tuple[Sequence[Packet], int, list[_Run]] = ((), -1, [])

    def runs(self, packets: Sequence[Packet], tag: int) -> list[_Run]:
        """The same list as long as the same picture is asked for; ``tag`` is what SRTP adds to a packet."""
        known, its_tag, runs = self._laid
        if known is not packets or its_tag != tag:
            runs = list(self._lay(packets, tag))
            self._laid = (packets, tag, runs)
        return runs

    def _lay(self, packets: Sequence[Packet], tag: int) -> Iterator[_Run]:
        parts, pieces, size, at = list[bytes](), list[_Piece](), 0, 0
        after = bytes(tag)
        for payload, marker in packets:
            length = 12 + len(payload)
            whole = length + tag
            if pieces and (whole > size or at + size > _ROOM or len(pieces) >= _MOST):
                yield _Run(b"".join(parts), tuple(pieces), size)
                parts, pieces, at = [], [], 0
            size = size if pieces else whole
            pieces.append((self.cdata + at, at, length, marker))
            parts += (_BEFORE, payload, after)
            at += whole
            if whole < size:
                yield _Run(b"".join(parts), tuple(pieces), size)
                parts, pieces, at = [], [], 0
        if pieces:
            yield _Run(b"".join(parts), tuple(pieces), size)


_BUFFER = _Buffer()


class Sender:
    """Over one SRTP session to one place. ``full`` counts sends that the socket did not take; ``segments`` until the
    kernel says that it cannot on the way to this viewer."""

    __slots__ = ("_payload_type", "_session", "_srtp", "_ssrc", "_tag", "full", "refused", "segments")

    def __init__(self, session: Session, payload_type: int, ssrc: int) -> None:
        self._session = session
        self._srtp = session._srtp[0]
        self._payload_type = payload_type
        self._ssrc = ssrc
        self._tag = _tag_of(session, ssrc)
        self.full = 0
        self.refused = 0
        self.segments = True

    def media(
        self, sock: socket.socket, to: tuple[Any, ...], packets: Sequence[Packet], sequence: int, stamp: int
    ) -> int:
        """The packets of one picture, numbered from ``sequence``; how many went out before the socket was full."""
        buffer = _BUFFER
        kind, ssrc, srtp = self._payload_type, self._ssrc, self._srtp
        area, length = buffer.bytes, buffer.length
        protect, pack = lib.srtp_protect, _HEADER.pack_into
        stamp &= 0xFFFFFFFF
        sent = 0
        for run in buffer.runs(packets, self._tag):
            blank = run.blank
            total = len(blank)
            area[0:total] = blank
            for place, at, size, marker in run.pieces:
                pack(area, at, 0x80, kind | marker, sequence & 0xFFFF, stamp, ssrc)
                length[0] = size
                if protect(srtp, place, length):
                    self.refused += 1
                    return len(packets)  # a session that refuses one refuses all: its view is over
                sequence += 1
            if not self._flush(sock, to, total, run.size):
                return sent
            sent += len(run.pieces)
        return sent

    def packet(self, payload: bytes, marker: int, sequence: int, stamp: int) -> bytes:
        """One packet of a picture, not yet protected; for ways that are no socket of ours (TURN)."""
        kind = self._payload_type | marker
        return _HEADER.pack(0x80, kind, sequence & 0xFFFF, stamp & 0xFFFFFFFF, self._ssrc) + payload

    @property
    def lone(self) -> int:
        """Length of an SRTCP datagram that is a report with one block and nothing else (RFC 3711 section 3.4)."""
        return 32 + 4 + self._tag

    def one(self, packet: bytes) -> bytes:
        """Any other RTP packet, protected."""
        protected: bytes = self._session.protect(packet)
        return protected

    def control(self, packet: bytes) -> bytes:
        """An RTCP packet, protected."""
        protected: bytes = self._session.protect_rtcp(packet)
        return protected

    def _flush(self, sock: socket.socket, to: tuple[Any, ...], total: int, size: int) -> bool:
        """False when the socket is full. Any other trouble of the network is a lost packet, as everywhere in UDP."""
        buffer = _BUFFER
        try:
            if total <= size:
                sock.sendto(buffer.view[:total], to)
            elif self.segments:
                sock.sendmsg((buffer.view[:total],), _segments(size), 0, to)
            else:
                for start in range(0, total, size):
                    sock.sendto(buffer.view[start : min(start + size, total)], to)
        except BlockingIOError:
            self.full += 1
            return False
        except OSError as error:
            # A kernel without it, a card without checksums, a path whose packets must be smaller. Anything else (no
            # route, a firewall, a socket that was closed meanwhile) says nothing of segments.
            if total > size and self.segments and error.errno in _NO_SEGMENTS:
                self.segments = False
                return self._flush(sock, to, total, size)
        return True


def report_of(session: Session, data: bytes) -> bytes | None:
    """A viewer's RTCP out of its SRTCP; ``None`` for what is not the viewer's."""
    try:
        report: bytes = session.unprotect_rtcp(data)
    except (Error, ValueError):
        return None
    return report


@lru_cache(maxsize=256)
def _segments(size: int) -> tuple[tuple[int, int, bytes], ...]:
    return ((socket.IPPROTO_UDP, _UDP_SEGMENT, _SEGMENT.pack(size)),)


def _tag_of(session: Session, ssrc: int) -> int:
    """Bytes that this session adds to a packet, by one of another source that is never sent."""
    packet = _HEADER.pack(0x80, 0, 0, 0, ssrc ^ 1) + b"\0"
    return len(session.protect(packet)) - len(packet)
