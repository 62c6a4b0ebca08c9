"""Edge: the TCP connection of one RTSP session: requests out, replies in, and when nothing comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast

from camera_gateway.rtsp.inflow import Inflow
from camera_gateway.rtsp.message import Headers, Request, Response, encode_request, frame, session_id
from camera_gateway.rtsp.states import Event, State, advance
from camera_gateway.rtsp.timing import Deadlines
from config.clock import Clock
from config.errors import Kind, XueliangError

log = logging.getLogger(__name__)

MAX_SERVER_REQUESTS = 256
#: What a camera that does not read leaves in our buffer before more is thrown away.
MAX_UNSENT = 64 * 1024
#: A stall timer that fires this much of its time too late tells of our own load.
LATE_SHARE = 0.1

#: What a marker bit is worth is not known at first: this long a unit waits for slices that may follow it, and then
#: for whatever came meanwhile to be read.
HOLD_SECONDS = 0.04
SETTLE_SECONDS = 0.005
#: Timers of uvloop may fire up to a millisecond early.
EARLY = 0.005


class Media(Protocol):
    """What stands beside the connection and ends with it: the UDP sockets."""

    def close(self) -> None: ...


class Connection(asyncio.Protocol):
    """``where`` names the camera in errors. After :meth:`end` the connection closes itself within the deadline
    for TEARDOWN, without a task; :attr:`closed` is done when it has."""

    def __init__(self, clock: Clock, deadlines: Deadlines, where: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadlines = deadlines
        self.where = where
        self.state = State.CONNECTED
        self.session = ""
        self.session_timeout = 60.0
        self.inflow = Inflow(clock, where)
        self.media: Media | None = None
        self.failure: XueliangError | None = None
        self.on_failure: Callable[[XueliangError], None] | None = None
        self.teardown: Callable[[], Request] | None = None
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.last_media = 0.0
        self._transport: asyncio.Transport | None = None
        self._pending: dict[int, asyncio.Future[Response]] = {}
        self._cseq = 0
        self._server_requests = 0
        self._stall_timer: asyncio.TimerHandle | None = None
        self._stall_due = 0.0
        self._end_timer: asyncio.TimerHandle | None = None
        self._hold_timer: asyncio.TimerHandle | None = None
        self._reply_timer: asyncio.TimerHandle | None = None
        self._reply_due = 0.0
        self._asked: tuple[str, asyncio.Future[Response]] | None = None
        self.heard = False  # anything at all came from the camera
        self.replies = 0

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self.heard = True
        try:
            if self.inflow.take(data, self._message):
                self.last_media = self._loop.time()
        except XueliangError as error:
            self.fail(error)
            return
        receiver = self.inflow.receiver
        if receiver is not None and receiver.held:
            self.hold()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timers()
        self._close_media()
        if self.state in (State.ENDING, State.CLOSED):
            self.on_failure = None  # the end was ours
        self._step(Event.LOST)
        self._tell(self._lost())
        if not self.closed.done():
            self.closed.set_result(None)

    # -- requests

    def step(self, event: Event) -> None:
        """Raises what ended the connection, if something did."""
        if self.failure is not None:
            raise self.failure
        self._step(event)

    def send(self, method: str, uri: str, headers: Iterable[tuple[str, str]]) -> asyncio.Future[Response]:
        """The reply to come. The future carries the failure if the connection ends first."""
        future: asyncio.Future[Response] = self._loop.create_future()
        if self.failure is not None:
            future.set_exception(self.failure)
            return future
        self._cseq += 1
        self._pending[self._cseq] = future
        self._write(method, uri, headers)
        return future

    def ask(self, method: str, uri: str, headers: Iterable[tuple[str, str]]) -> asyncio.Future[Response]:
        """:meth:`send` with the deadline for replies; one at a time, so one timer serves them all."""
        answer = self.send(method, uri, headers)
        self._asked = (method, answer)
        self._reply_due = self._loop.time() + self._deadlines.reply
        if self._reply_timer is None and not answer.done():
            self._reply_timer = self._loop.call_later(self._deadlines.reply, self._check_reply)
        return answer

    def send_frame(self, channel: int, payload: bytes) -> None:
        """An interleaved frame (RTCP); thrown away where the camera does not read."""
        transport = self._transport
        if transport is not None and not transport.is_closing() and transport.get_write_buffer_size() < MAX_UNSENT:
            transport.write(frame(channel, payload))

    def watch_stall(self) -> None:
        """From now on no packet for the stall deadline is a failure."""
        self.last_media = max(self.last_media, self._loop.time())
        self._arm_stall(self._deadlines.stall)

    def fail(self, error: XueliangError) -> None:
        """Ends the session because of ``error``; whoever waits is told."""
        if not error.where:
            error = XueliangError(error.kind, error.what, where=self.where, fix=error.fix, facts=error.facts)
        self._tell(error)
        self.end()

    def end(self) -> None:
        """TEARDOWN where the camera may hold a session, then close; bounded, and safe to call in any state."""
        before = self.state
        if before in (State.ENDING, State.CLOSED):
            return
        self._step(Event.END)
        self._close_media()
        self.inflow.receiver = None
        self._cancel_timers()
        transport = self._transport
        if transport is None or transport.is_closing():
            return  # connection_lost is on its way
        self._end_timer = self._loop.call_later(self._deadlines.teardown, transport.abort)
        if self.session:
            self._send_teardown()
        elif before is not State.SETTING_UP or not self._pending:
            transport.close()
        self._forget_pending()

    def hold(self) -> None:
        """Gives a unit that may lack slices the time for them."""
        if self._hold_timer is None:
            self._hold_timer = self._loop.call_later(HOLD_SECONDS, self._settle)

    # -- inside

    def _settle(self) -> None:
        self._hold_timer = self._loop.call_later(SETTLE_SECONDS, self._flush)

    def _flush(self) -> None:
        self._hold_timer = None
        if self.inflow.receiver is not None:
            self.inflow.receiver.flush()

    def _check_reply(self) -> None:
        self._reply_timer = None
        if self._asked is None or self._asked[1].done():
            return
        rest = self._reply_due - self._loop.time()
        if rest > EARLY:
            self._reply_timer = self._loop.call_later(rest, self._check_reply)
            return
        method, answer = self._asked
        answer.set_exception(
            self._error(
                Kind.TIMEOUT,
                f"no answer to {method} within {self._deadlines.reply:g} s",
                "The device accepts connections but does not serve them: restart it",
            )
        )
        answer.exception()  # whoever waits still gets it

    def _cancel_timers(self) -> None:
        for timer in (self._stall_timer, self._end_timer, self._hold_timer, self._reply_timer):
            if timer is not None:
                timer.cancel()

    def _lost(self) -> XueliangError:
        """What it means that the connection ended without our doing."""
        if self.inflow.has_media:
            return self._error(Kind.STALLED, "the camera ended the connection")
        if not self.heard:
            return self._error(
                Kind.REFUSED,
                "the host takes the connection and ends it without a word",
                "Check the port and the device's address filter; close other viewers, or restart it",
            )
        return self._error(Kind.PROTOCOL, "the camera ended the connection")

    def _message(self, message: Request | Response) -> None:
        if isinstance(message, Response):
            self._response(message)
        else:
            self._server_request(message)

    def _response(self, response: Response) -> None:
        self.replies += 1
        if response.status < 200:
            self.inflow.stray(64)
            return
        number = response.headers.known().get("cseq", "").strip()
        cseq = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
        future = self._pending.pop(cseq, None)
        if future is None and len(self._pending) == 1 and cseq not in range(1, self._cseq + 1):
            future = self._pending.popitem()[1]  # some firmwares count for themselves
        identifier, timeout = session_id(response)
        if future is None:
            self.inflow.stray(len(response.body) + 64)
        expected = self.state in (State.SETTING_UP, State.ENDING) and not self.session
        if identifier and response.status < 300 and expected:
            self.session, self.session_timeout = identifier, timeout
        if self.state is State.ENDING:
            if self.session and self.teardown is not None:
                self._send_teardown()
            elif not self._pending or future is not None:
                self._close()
        if future is not None and not future.done():
            future.set_result(response)

    def _send_teardown(self) -> None:
        make, self.teardown = self.teardown, None
        if make is None:
            self._close()
            return
        request = make()
        self._cseq += 1
        self._pending.clear()
        answer: asyncio.Future[Response] = self._loop.create_future()
        self._pending[self._cseq] = answer
        answer.add_done_callback(lambda _: self._close())
        self._write(request.method, request.uri, request.headers.items)

    def _server_request(self, request: Request) -> None:
        """Cameras seldom ask anything; an answer keeps them calm."""
        self._server_requests += 1
        if self._server_requests > MAX_SERVER_REQUESTS:
            raise self._error(Kind.PROTOCOL, "the camera asks without end")
        known = request.method in ("OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "ANNOUNCE")
        headers = Headers((("CSeq", request.headers.get("CSeq")[:32]),))
        transport = self._transport
        if transport is not None and not transport.is_closing() and transport.get_write_buffer_size() < MAX_UNSENT:
            transport.write(Response(200 if known else 501, "OK" if known else "Not Implemented", headers).encode())

    def _check_stall(self) -> None:
        now, stall = self._loop.time(), self._deadlines.stall
        late = now - self._stall_due
        if late > LATE_SHARE * stall:
            self.last_media += late  # we were not there to listen: no fault of the camera's
        quiet = now - self.last_media
        if quiet < stall - EARLY:
            self._arm_stall(stall - quiet)
            return
        if self.inflow.has_media:
            self.fail(
                self._error(
                    Kind.STALLED,
                    f"packets stopped {self._deadlines.stall:g} s ago",
                    "Check the network and the load of the camera; restart it if this goes on",
                )
            )
        else:
            self.fail(
                self._error(
                    Kind.NO_STREAM,
                    f"no packet within {self._deadlines.stall:g} s of PLAY",
                    "Check the channel's video input; over UDP check for a firewall",
                )
            )

    def _arm_stall(self, seconds: float) -> None:
        self._stall_due = self._loop.time() + seconds
        self._stall_timer = self._loop.call_later(seconds, self._check_stall)

    def _tell(self, error: XueliangError) -> None:
        if self.failure is None:
            self.failure = error
            if self.on_failure is not None:
                self.on_failure(error)
        pending, self._pending = self._pending, {}
        for future in pending.values():
            if not future.done():
                future.set_exception(error)
                future.exception()  # whoever waits still gets it; nobody waiting is no mistake

    def _forget_pending(self) -> None:
        """Nobody waits for these any more; the reply to a SETUP is still wanted for its session id."""
        for future in self._pending.values():
            if not future.done():
                future.add_done_callback(_swallow)

    def _write(self, method: str, uri: str, headers: Iterable[tuple[str, str]]) -> None:
        log.debug("%s > %s %s", self.where, method, uri)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode_request(method, uri, (("CSeq", str(self._cseq)), *headers)))

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _close_media(self) -> None:
        media, self.media = self.media, None
        if media is not None:
            media.close()

    def _step(self, event: Event) -> None:
        before, self.state = self.state, advance(self.state, event)
        log.debug("%s - %s -> %s", self.where, before, self.state)

    def _error(self, kind: Kind, what: str, fix: str = "") -> XueliangError:
        return XueliangError(kind, what, where=self.where, fix=fix)


def _swallow(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
