"""Edge: SRTP (libsrtp) and the socket: packets of one picture protected in one buffer, and sent with few calls.

Packets of one size go out in a single call (Linux UDP_SEGMENT); where the kernel knows no such thing, one by one.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Sequence
from typing import Any

from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

from streaming.packet_ring import Packet

_HEADER = struct.Struct("!BBHII")
_SEGMENT = struct.Struct("@H")
_UDP_SEGMENT = 103
#: What one call takes: 64 KiB less headers, and no more than 48 segments (older kernels stop at 64).
_ROOM = 60_000
_MOST = 48
_TRAILER = 160
_NO_SEGMENTS = frozenset((errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP))


class _Buffer:
    """One for all viewers: a call fills it, sends it and is done before the next begins."""

    def __init__(self) -> None:
        self.cdata = ffi.new("char[]", _ROOM + 2048)
        self.bytes = ffi.buffer(self.cdata)
        self.view = memoryview(self.bytes)
        self.length = ffi.new("int *")


_BUFFER = _Buffer()


class Sender:
    """Over one SRTP session to one place. ``full`` counts sends that the socket did not take; ``segments`` until the
    kernel says that it cannot on the way to this viewer."""

    __slots__ = ("_payload_type", "_session", "_srtp", "_ssrc", "full", "refused", "segments")

    def __init__(self, session: Session, payload_type: int, ssrc: int) -> None:
        self._session = session
        self._srtp = session._srtp[0]
        self._payload_type = payload_type
        self._ssrc = ssrc
        self.full = 0
        self.refused = 0
        self.segments = True

    def media(
        self, sock: socket.socket, to: tuple[Any, ...], packets: Sequence[Packet], sequence: int, stamp: int
    ) -> int:
        """The packets of one picture, numbered from ``sequence``; how many went out before the socket was full."""
        buffer = _BUFFER
        kind, ssrc, srtp = self._payload_type, self._ssrc, self._srtp
        area, cdata, length = buffer.bytes, buffer.cdata, buffer.length
        protect, pack = lib.srtp_protect, _HEADER.pack_into
        stamp &= 0xFFFFFFFF
        sent = at = size = count = 0
        for payload, marker in packets:
            stop = at + 12 + len(payload)
            pack(area, at, 0x80, kind | marker, sequence & 0xFFFF, stamp, ssrc)
            area[at + 12 : stop] = payload
            length[0] = stop - at
            if protect(srtp, cdata + at, length):
                self.refused += 1
                return len(packets)  # a session that refuses one refuses all: its view is over
            more = length[0]
            sequence += 1
            if not count:
                size = more
            elif more > size:  # does not fit the run: send what is there, and move this one to the front
                if not self._flush(sock, to, at, size):
                    return sent
                sent, count, size = sent + count, 0, more
                area[0:more] = area[at : at + more]
                at = 0
            at += more
            count += 1
            if more < size or at + size + _TRAILER > _ROOM or count >= _MOST:
                if not self._flush(sock, to, at, size):
                    return sent
                sent, at, count = sent + count, 0, 0
        if count and self._flush(sock, to, at, size):
            sent += count
        return sent

    def packet(self, payload: bytes, marker: int, sequence: int, stamp: int) -> bytes:
        """One packet of a picture, not yet protected; for ways that are no socket of ours (TURN)."""
        kind = self._payload_type | marker
        return _HEADER.pack(0x80, kind, sequence & 0xFFFF, stamp & 0xFFFFFFFF, self._ssrc) + payload

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
                ancillary = [(socket.IPPROTO_UDP, _UDP_SEGMENT, _SEGMENT.pack(size))]
                sock.sendmsg([buffer.view[:total]], ancillary, 0, to)
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
