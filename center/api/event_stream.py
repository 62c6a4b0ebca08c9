"""Edge: the change feed as server-sent events (WHATWG HTML, section 9.2): resumable, ticking, cut when too slow."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from starlette.types import Message, Receive, Scope, Send

from center.api.asked import Asked, Core, Reader
from center.api.feed import Feed
from center.api.feed_position import MAX_POSITION
from center.api.live import LiveThing
from center.api.problems import Problem
from config.errors import Kind, XueliangError
from config.scope import Scope as AskerScope
from registry.change_feed import Head

router = APIRouter(tags=["changes"])

#: Every so often the service says its time and where the feed stands: a page that hears nothing is blind.
TICK_SECONDS = 5.0
#: How often the feed is looked at while streams are open: one row, whatever their number.
LOOK_SECONDS = 0.25
#: A reader that does not take its events for so long is cut; it loads anew instead of falling further behind.
SLOW_SECONDS = 10.0
#: One that takes nothing at all is cut without a word: there is no room left for one.
CUT_SECONDS = 30.0
#: So many changes behind, following one by one is dearer than loading anew.
BEHIND = 5000
PER_PRINCIPAL = 8
OF_ALL = 100
_PART = 200
OURS = AskerScope.system("events")


class FeedWatch:
    """Looks at the feed's head once for all open streams, from the first to the last of them."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._open: Counter[str] = Counter()
        self._moved = asyncio.Event()
        self._head: Head | None = None
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def hold(self, principal_id: str) -> AsyncIterator[None]:
        """Raises ``limit`` where this login, or all together, hold too many."""
        for held, most in ((self._open[principal_id], PER_PRINCIPAL), (self._open.total(), OF_ALL)):
            if held >= most:
                raise Problem("limit", what=f"{held} event streams are open", facts={"retry_after": 5, "max": most})
        self._open[principal_id] += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look(), name="events: look at the feed")
        try:
            yield
        finally:
            self._open[principal_id] -= 1
            self._open += Counter()  # drops zeros
            if not self._open and self._task is not None:
                task, self._task = self._task, None
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def beyond(self, place: Head) -> None:
        """Returns once the feed may have gone beyond ``place``."""
        while self._head is None or (self._head.epoch == place.epoch and self._head.position <= place.position):
            await self._moved.wait()

    async def _look(self) -> None:
        feed = Feed(self._core.db, self._core.storage.keys)
        while True:
            with suppress(XueliangError):  # a database that cannot be read is told by ticks that stay away
                head = await feed.head(OURS)
                if head != self._head:
                    self._head = head
                    moved, self._moved = self._moved, asyncio.Event()
                    moved.set()
            await self._core.storage.clock.sleep(LOOK_SECONDS)


class Stream(Response):
    """One reader's stream. Ends when its login or rights end, when the service stops, or when it is too slow."""

    media_type = "text/event-stream"

    def __init__(self, asked: Asked, thing: LiveThing, watch: FeedWatch, start: Head, opened: AsyncExitStack) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]  # it has none
        self._clock = asked.core.storage.clock
        self._feed = Feed(asked.db, asked.core.storage.keys)
        self._thing, self._watch, self._place, self._opened = thing, watch, start, opened
        self._send: Send | None = None
        self._ticked = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        async with self._opened:
            tasks = [
                asyncio.create_task(self._run(), name="events: run"),
                asyncio.create_task(self._thing.ended.wait(), name="events: rights"),
                asyncio.create_task(_left(receive), name="events: reader"),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                done = await asyncio.gather(*tasks, return_exceptions=True)
            if isinstance(done[0], Exception) and not isinstance(done[0], TimeoutError):
                raise done[0]
            if self._thing.ended.is_set():
                await self._last("end", {"reason": self._thing.reason})

    async def _run(self) -> None:
        headers = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await self._put(headers)
        await self._put(_body(b"retry: 2000\n\n"))
        await self._tick()
        behind = 0
        while True:
            try:
                part = await self._feed.after(self._thing.scope, self._place, _PART)
            except Problem as problem:
                await self._last("resync", {"reason": "gone", "after": problem.facts["after"]})
                return
            self._place = part.upto
            began = self._clock.monotonic()
            if part.items:
                frames = [_frame("change", item.model_dump_json(), item.after) for item in part.items]
                await self._put(_body(b"".join(frames)))
            behind = behind + len(part.items) if part.more else 0
            if self._clock.monotonic() - began > SLOW_SECONDS or behind > BEHIND:
                await self._last("resync", {"reason": "slow", "after": self._feed.word(self._place)})
                return
            if not part.more:
                await self._wait()

    async def _wait(self) -> None:
        """Until something changed somewhere; ticking meanwhile, and only when a tick is due: others' changes show in
        nothing that is sent."""
        moved = asyncio.create_task(self._watch.beyond(self._place))
        try:
            while not moved.done():
                due = self._ticked + TICK_SECONDS - self._clock.monotonic()
                tick = asyncio.create_task(self._clock.sleep(max(0.0, due)))
                try:
                    await asyncio.wait((moved, tick), return_when=asyncio.FIRST_COMPLETED)
                    if tick.done():
                        await self._tick()
                finally:
                    tick.cancel()
                    await asyncio.gather(tick, return_exceptions=True)
        finally:
            moved.cancel()
            await asyncio.gather(moved, return_exceptions=True)

    async def _tick(self) -> None:
        self._ticked = self._clock.monotonic()
        word = self._feed.word(self._place)
        told = {"now": self._clock.now().isoformat(), "after": word, "epoch": self._place.epoch}
        await self._put(_body(_frame("tick", json.dumps(told), word)))

    async def _last(self, event: str, told: dict[str, Any]) -> None:
        with suppress(TimeoutError):  # a reader that takes nothing is not told why it is cut
            await self._put(_body(_frame(event, json.dumps(told))), 1.0)
            await self._put({"type": "http.response.body", "body": b"", "more_body": False}, 1.0)

    async def _put(self, message: Message, seconds: float | None = None) -> None:
        """Into the connection's buffer, which waits for the reader. Raises ``TimeoutError``: then it is cut."""
        if self._send is None:
            raise XueliangError(Kind.INTERNAL, "the stream was not begun")
        async with asyncio.timeout(seconds or CUT_SECONDS):
            await self._send(message)


@router.get(
    "/events",
    summary="Changes as they happen",
    response_class=Response,
    responses={
        200: {
            "description": "Events `change` (data as an item of `/api/v1/changes`), `tick` every 5 s with the "
            "service's time and the feed's position, `resync` (load everything anew, then go on from `after`) and "
            "`end`. Every `id` is a position for `Last-Event-ID`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def events(
    asked: Reader,
    after: Annotated[str | None, Query(max_length=MAX_POSITION, description="where to begin; nothing: now")] = None,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", max_length=MAX_POSITION, description="as browsers send it; wins")
    ] = None,
) -> Response:
    """The same feed as `/api/v1/changes`, as server-sent events. At most 8 at once for one login."""
    feed = Feed(asked.db, asked.core.storage.keys)
    word = last_event_id or after
    start = feed.place(word) if word else await feed.head(asked.scope)
    watch: FeedWatch = _watch_of(asked)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(watch.hold(asked.known.principal.id))
        thing = await stack.enter_async_context(asked.core.live.hold(asked.known, "events"))
        return Stream(asked, thing, watch, start, stack.pop_all())


def _watch_of(asked: Asked) -> FeedWatch:
    state = asked.request.app.state
    if not hasattr(state, "feed_watch"):
        state.feed_watch = FeedWatch(asked.core)
    found: FeedWatch = state.feed_watch
    return found


async def _left(receive: Receive) -> None:
    """Until the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        continue


def _body(data: bytes) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": True}


def _frame(event: str, data: str, position: str = "") -> bytes:
    """One event; ``data`` is JSON without line breaks."""
    where = f"id: {position}\n" if position else ""
    return f"event: {event}\n{where}data: {data}\n\n".encode()
