"""Sending a picture in few calls: what a kernel or a path cannot, one viewer does without; nobody else."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from pylibsrtp import Policy, Session

from streaming.webrtc.srtp import Sender

KEY = bytes(range(30))
PACKETS = [(bytes([65, number]) + bytes(900), 0x80 * (number == 4)) for number in range(5)]


class Refusing(socket.socket):
    """Takes no segments, and says why."""

    reason = errno.EINVAL
    asked = 0

    def sendmsg(self, *arguments: Any) -> int:
        self.asked += 1
        raise OSError(self.reason, "segments")


@pytest.fixture
def viewer() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


@pytest.fixture
def own() -> Iterator[Refusing]:
    with closing(Refusing(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.setblocking(False)
        yield sock


def sender() -> Sender:
    return Sender(Session(Policy(key=KEY, ssrc_type=Policy.SSRC_ANY_OUTBOUND)), 96, 7)


def received(sock: socket.socket) -> list[bytes]:
    """Payloads of what came, unprotected."""
    session, found = Session(Policy(key=KEY, ssrc_type=Policy.SSRC_ANY_INBOUND)), []
    while True:
        try:
            found.append(session.unprotect(sock.recv(2048))[12:])
        except BlockingIOError:
            return found


@pytest.mark.parametrize("reason", [errno.EINVAL, errno.EIO, errno.EOPNOTSUPP])
def test_what_takes_no_segments_gets_packets_one_by_one(viewer: socket.socket, own: Refusing, reason: int) -> None:
    own.reason = reason
    one, other = sender(), sender()
    assert one.media(own, viewer.getsockname(), PACKETS, 1, 0) == 5
    assert received(viewer) == [payload for payload, _ in PACKETS]
    assert one.media(own, viewer.getsockname(), PACKETS, 6, 0) == 5
    assert own.asked == 1  # it is not tried again for this viewer
    assert received(viewer) == [payload for payload, _ in PACKETS]
    assert other.segments


@pytest.mark.parametrize("reason", [errno.EPERM, errno.ENETUNREACH, errno.EBADF])
def test_a_path_that_is_gone_says_nothing_of_segments(viewer: socket.socket, own: Refusing, reason: int) -> None:
    own.reason = reason
    one = sender()
    assert one.media(own, viewer.getsockname(), PACKETS, 1, 0) == 5  # lost, as on any path
    assert received(viewer) == []
    assert one.segments
