"""Pure: what a camera sends on the connection of a session, taken apart: packets to the receiver, messages to whoever
waits for them, and stray bytes counted."""

from __future__ import annotations

import logging
from collections.abc import Callable

from camera_gateway.rtsp.message import DOLLAR, Incomplete, Request, Response, parse
from camera_gateway.rtsp.receiver import Receiver
from config.clock import Clock
from config.errors import Kind, XueliangError

OnMessage = Callable[[Request | Response], None]

log = logging.getLogger(__name__)

#: Stray bytes between frames are seen; a stream of them is no RTSP.
MAX_GARBAGE = 64 * 1024
MAX_UNREAD = 256 * 1024
NO_CHANNEL = -1

_METHOD_LETTERS = frozenset(b"ADGOPRST\r\n")


class Inflow:
    """``where`` names the camera in errors. While ``receiver`` is ``None`` packets are thrown away; the channels are
    those of RFC 2326 section 10.12."""

    def __init__(self, clock: Clock, where: str) -> None:
        self.receiver: Receiver | None = None
        self.rtp_channel = NO_CHANNEL
        self.rtcp_channel = NO_CHANNEL
        self._clock = clock
        self._where = where
        self._rest = bytearray()
        self._need = 0
        self._garbage = 0

    @property
    def has_media(self) -> bool:
        return self.receiver is not None and self.receiver.first_packet is not None

    def take(self, data: bytes, on_message: OnMessage) -> bool:
        """Whether media was in it. What is not whole yet waits for the rest. Raises ``TOO_LARGE``, ``PROTOCOL`` and
        what the receiver and ``on_message`` do."""
        if self._rest:
            if len(self._rest) + len(data) < self._need:
                self._rest += data
                return False
            data = b"".join((self._rest, data))
            self._rest.clear()
        position, media = self._consume(data, on_message)
        if position < len(data):
            self._rest += memoryview(data)[position:]
            if len(self._rest) > MAX_UNREAD + self._need:
                raise self._error(Kind.TOO_LARGE, "more bytes than a message can have")
        return media

    def stray(self, count: int) -> None:
        """Bytes nobody asked for: stray ones, or replies to nothing. Raises ``PROTOCOL`` for too many."""
        self._garbage += count
        if self._garbage > MAX_GARBAGE:
            raise self._error(
                Kind.PROTOCOL, "what comes is not RTSP", "Check the port in the address, and restart the camera"
            )

    def _consume(self, data: bytes, on_message: OnMessage) -> tuple[int, bool]:
        """Everything whole in ``data``: where the unfinished rest begins, and whether there was media."""
        position, end = 0, len(data)
        received = self._clock.monotonic()
        media = 0
        while position < end:
            if data[position] == DOLLAR:
                if end - position < 4:
                    self._need = 4
                    break
                stop = position + 4 + (data[position + 2] << 8 | data[position + 3])
                if stop > end:
                    self._need = stop - position
                    break
                receiver = self.receiver
                if receiver is not None:
                    if data[position + 1] == self.rtp_channel:
                        receiver.packet(data, position + 4, stop, received)
                        media += 1
                        if self.receiver is not None:
                            stop = receiver.fragments(data, stop, end, self.rtp_channel)
                    else:
                        media += self._other_channel(data, position, stop, received)
                position = stop
                continue
            following = self._text(data, position, on_message)
            if following < 0:
                break
            position = following
        if media:
            self._garbage = 0
        return position, media > 0

    def _other_channel(self, data: bytes, position: int, stop: int, received: float) -> int:
        """RTCP, or a camera that sends on another channel than the one it agreed to."""
        receiver = self.receiver
        assert receiver is not None
        channel = data[position + 1]
        if channel == self.rtcp_channel and not (
            stop - position > 5 and data[position + 5] & 0x7F == receiver.payload_type and not receiver.stats.packets
        ):
            wall = self._clock.now().timestamp()
            receiver.control(data, position + 4, stop, received, wall)
            return 0
        if receiver.first_packet is None and stop - position > 16:
            before = receiver.stats.packets
            receiver.packet(data, position + 4, stop, received)
            if receiver.stats.packets > before:
                log.info("%s - video comes on channel %d instead of %d", self._where, channel, self.rtp_channel)
                self.rtp_channel, self.rtcp_channel = channel, channel ^ 1
                return 1
        return 0

    def _text(self, data: bytes, position: int, on_message: OnMessage) -> int:
        """One message; the place after it, or -1 where it is not whole yet."""
        if data[position] in _METHOD_LETTERS:
            try:
                parsed = parse(data, position)
            except XueliangError as error:
                if error.kind is Kind.TOO_LARGE or not self.has_media:
                    raise self._error(error.kind, error.what, error.fix) from error
                return self._skip(data, position)
            if isinstance(parsed, Incomplete):
                self._need = parsed.need
                return -1
            message, following = parsed
            if isinstance(message, Response | Request):
                on_message(message)
            return following
        return self._skip(data, position)

    def _skip(self, data: bytes, position: int) -> int:
        """Past stray bytes to what may be the next frame or message."""
        if data.startswith(b"HTTP/1.", position) and not self.has_media:
            raise self._error(
                Kind.PROTOCOL, "what answers speaks HTTP, not RTSP", "Use the camera's RTSP port, 554 by default"
            )
        places = [data.find(bytes((DOLLAR, c)), position + 1) for c in (self.rtp_channel, self.rtcp_channel) if c >= 0]
        places.append(data.find(b"RTSP/1.", position + 1))
        following = min((p for p in places if p > 0), default=len(data))
        self.stray(following - position)
        return following

    def _error(self, kind: Kind, what: str, fix: str = "") -> XueliangError:
        return XueliangError(kind, what, where=self._where, fix=fix)
