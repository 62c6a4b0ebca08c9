"""Wiring: the relay: viewers' sessions over camera streams, opened, looked after once a second, and ended."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from camera_gateway.source import Source
from camera_gateway.target import StreamTarget
from config.clock import Clock
from config.errors import Kind, XueliangError
from streaming import fitness, offer, trickle
from streaming.camera_stream import CameraStream
from streaming.capacity import Capacity, Most, full
from streaming.ports import Asked, Cameras, KnownStream, OnEnd, Opened, Shown
from streaming.session import Session, SessionRules
from streaming.view_state import End, Role
from streaming.webrtc.network import IceNetwork
from streaming.webrtc.path import Certificate

log = logging.getLogger(__name__)

#: The register holds no view for longer than 12 h: whoever looks on asks again, and is on record again.
LONGEST_SECONDS = 11.5 * 3600
#: A page that was refused comes back after so long.
RETRY_SECONDS = 10
_CAMERA_KINDS = frozenset(
    (
        Kind.UNREACHABLE,
        Kind.REFUSED,
        Kind.TIMEOUT,
        Kind.AUTH,
        Kind.LOCKED,
        Kind.NO_STREAM,
        Kind.NO_KEYFRAME,
        Kind.STALLED,
        Kind.PROTOCOL,
        Kind.NOT_ALLOWED,
    )
)


class Sources(Protocol):
    """:class:`camera_gateway.source.SourceHub`."""

    def source(self, key: str, target: StreamTarget) -> Source: ...


@dataclass(frozen=True, slots=True)
class RelayRules:
    """Seconds; ``linger`` after the last viewer of a stream, ``open`` for the camera to answer a first viewer."""

    most: Most = field(default_factory=Most)
    linger: float = 15.0
    open: float = 3.0
    session: SessionRules = field(default_factory=SessionRules)


class Relay:
    """``ended`` is told once for every view that was opened, with the reason. Always :meth:`close` it."""

    def __init__(
        self,
        sources: Sources,
        cameras: Cameras,
        network: Callable[[], IceNetwork],
        clock: Clock,
        rng: random.Random,
        rules: RelayRules | None = None,
        ended: OnEnd = lambda view_id, reason: None,
    ) -> None:
        self.rules = rules or RelayRules()
        self.capacity = Capacity(self.rules.most)
        self.on_end = ended
        self._sources = sources
        self._cameras = cameras
        self._network = network
        self._clock = clock
        self._random = rng
        self._certificate: Certificate | None = None
        self._streams: dict[tuple[str, Role], CameraStream] = {}
        self._sessions: dict[str, Session] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self, asked: Asked, text: str) -> Opened:
        """Answer an offer. Raises ``INVALID`` (a bad offer; with the fact ``code`` = ``codec`` where nothing fits),
        ``LIMIT`` (``who`` is full) and ``CONFLICT`` with ``code`` = ``offline`` and the ``reason``."""
        self._check_open()
        offered = offer.parse(text)
        self.capacity.take(asked.account, asked.camera_id)
        session: Session | None = None
        try:
            role, why = await self._choose(asked)
            self._check_open()
            session = self._session(asked, offered, role, why)
            self._sessions[session.id] = session
            stream = self._stream(asked.camera_id, role)
            with stream.wanted():
                answer = await session.answer(offered, stream)
        except BaseException:
            if session is None or session.ended is None:  # else its end gave back all there is
                self.capacity.give(asked.account, asked.camera_id)
            if session is not None:
                self._sessions.pop(session.id, None)
                await session.close()
            raise
        return Opened(session.id, answer, role)

    async def trickle(self, session: str, text: str) -> None:
        """Raises ``NOT_FOUND``, and ``INVALID`` (with ``code`` = ``ice_restart`` for another ICE name)."""
        await self._known(session).trickle(trickle.fragment(text))

    async def switch(self, session: str, role: Role) -> Role:
        """Main or sub from the next keyframe on. Raises ``NOT_FOUND`` and, staying as it is, what :meth:`open` does."""
        found = self._known(session)
        streams = await self._cameras.streams(found.asked.camera_id)
        await self._ready(found.asked.camera_id, role, streams)
        self._known(session)  # it may have ended meanwhile
        found.show(role, self._stream(found.asked.camera_id, role))
        return role

    async def end(self, session: str, reason: str = End.CLOSED) -> None:
        """Raises ``NOT_FOUND`` for one that is over."""
        found = self._known(session)
        ending = self._end(found, End(reason))
        if ending is not None:  # this one's alone: where many come and go there is always somebody else's
            await asyncio.wait((ending,))

    def _end_long(self) -> None:
        now = self._clock.monotonic()
        for session in list(self._sessions.values()):
            if now - session.began >= LONGEST_SECONDS:
                self._end(session, End.LONGEST)

    def end_view(self, view_id: str, reason: End) -> bool:
        """The same by the view's id, at once; whether there was one."""
        found = [session for session in self._sessions.values() if session.asked.view_id == view_id]
        for session in found:
            self._end(session, reason)
        return bool(found)

    def view_of(self, session: str) -> Asked:
        """Raises ``NOT_FOUND``."""
        return self._known(session).asked

    def shown(self, account: str | None = None) -> list[Shown]:
        """Everybody's, or those of one account; oldest first."""
        mine = (s for s in self._sessions.values() if account is None or s.asked.account == account)
        return [session.shown() for session in mine]

    def streams(self) -> list[CameraStream]:
        """Those that are open at the cameras."""
        return list(self._streams.values())

    async def close(self) -> None:
        """Every view ends, every camera session is let go."""
        self._closed = True
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        for session in list(self._sessions.values()):
            self._end(session, End.STOPPING)
        await self._settle()
        await asyncio.gather(*(stream.close() for stream in self._streams.values()))
        self._streams.clear()

    async def _settle(self) -> None:
        while self._endings:
            await asyncio.gather(*self._endings, return_exceptions=True)

    def _check_open(self) -> None:
        if self._closed:
            raise XueliangError(
                Kind.UNAVAILABLE, "the service is stopping", where="streaming", fix="Try again in a minute"
            )

    def _known(self, session: str) -> Session:
        found = self._sessions.get(session)
        if found is None:
            raise XueliangError(Kind.NOT_FOUND, "no such view is open", fix="Open a new one")
        return found

    def _session(self, asked: Asked, offered: offer.Offer, role: Role, why: str | None) -> Session:
        self._certificate = self._certificate or Certificate()
        return Session(
            asked,
            offered,
            role,
            why,
            self._network(),
            self._certificate,
            self._clock,
            self._random,
            self.rules.session,
            self._end,
            self._refit,
        )

    async def _choose(self, asked: Asked) -> tuple[Role, str | None]:
        """The stream that is asked for, else the other one, and why. Raises what stands against both."""
        streams = await self._cameras.streams(asked.camera_id)
        if not streams:
            raise _offline("no address of a stream is known", "no_stream")
        role = asked.role if asked.role in streams else asked.role.other
        try:
            await self._ready(asked.camera_id, role, streams)
        except XueliangError as error:
            if error.facts.get("code") != "codec" or role.other not in streams:
                raise
            await self._ready(asked.camera_id, role.other, streams)
            return role.other, str(error.facts.get("codec"))
        return role, None if role is asked.role else "not there"

    async def _ready(self, camera_id: str, role: Role, streams: Mapping[Role, KnownStream]) -> None:
        """The stream flows and browsers can show it. Raises ``INVALID`` with ``codec``, ``LIMIT`` where the camera has
        no session left, ``CONFLICT`` with ``offline``."""
        known = streams.get(role)
        if known is None:
            raise _offline(f"the camera has no {role.value} stream", "no_stream")
        stream = self._stream(camera_id, role)
        try:
            with stream.wanted():
                await stream.ready(self.rules.open)
        except XueliangError as error:
            if error.kind is Kind.BUSY:
                raise full("camera", 0, 0, RETRY_SECONDS) from error
            if error.kind not in _CAMERA_KINDS:
                raise
            raise _offline(error.what, error.kind.value) from error
        reason = stream.reason
        if reason is not None:
            name = fitness.word(reason)
            raise XueliangError(
                Kind.INVALID,
                f"browsers cannot show this stream: {name}",
                where=camera_id,
                fix="Switch on an H.264 sub-stream without B-frames in the camera",
                facts={"code": "codec", "codec": name},
            )

    def _stream(self, camera_id: str, role: Role) -> CameraStream:
        self._check_open()  # what was opened now would never be let go
        found = self._streams.get((camera_id, role))
        if found is None:
            get = self._getter(camera_id, role)
            found = CameraStream(f"{camera_id}/{role.value}", get, self._clock, self.rules.linger)
            self._streams[camera_id, role] = found
        found.start()
        self._ticking = self._ticking or asyncio.create_task(self._tick(), name="relay")
        return found

    def _getter(self, camera_id: str, role: Role) -> Callable[[], Awaitable[Source]]:
        async def get() -> Source:
            known = (await self._cameras.streams(camera_id)).get(role)
            if known is None:
                raise XueliangError(Kind.NO_STREAM, f"no {role.value} stream is known", where=camera_id)
            return self._sources.source(f"{camera_id}/{role.value}", known.target)

        return get

    def _refit(self, session: Session) -> None:
        """The stream became one that browsers cannot show: the other one, else the view is over."""
        task = asyncio.create_task(self._fall_back(session), name="relay fall back")
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def _fall_back(self, session: Session) -> None:
        camera_id, why = session.asked.camera_id, session.reason()
        try:
            streams = await self._cameras.streams(camera_id)
            await self._ready(camera_id, session.role.other, streams)
            session.show(session.role.other, self._stream(camera_id, session.role.other), why)
        except XueliangError as error:
            log.info("x view %s: %s", session.asked.view_id, error.what)
            self._end(session, End.CODEC)

    def _end(self, session: Session, reason: End) -> asyncio.Task[None] | None:
        """What closes it; ``None`` where that is under way."""
        if session.ended is not None:
            return None
        session.ended = reason
        self._sessions.pop(session.id, None)
        self.capacity.give(session.asked.account, session.asked.camera_id)
        why = f" ({session.trouble})" if session.trouble else ""
        log.info("- view %s: %s%s", session.asked.view_id, reason.value, why)
        self.on_end(session.asked.view_id, reason.value)
        task = asyncio.create_task(session.close(), name="view end")
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        return task

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            await self._look_round()

    async def _look_round(self) -> None:
        for session in list(self._sessions.values()):
            self._look_at(session)
        self._end_long()
        for key, stream in list(self._streams.items()):
            if stream.idle():  # asked right before: while another is closed, somebody may come for this one
                del self._streams[key]
                await stream.close()

    def _look_at(self, session: Session) -> None:
        """Whatever goes wrong with one view ends that one, not the care for all others."""
        try:
            session.tick()
        except Exception:
            log.exception("x view %s failed", session.asked.view_id)
            self._end(session, End.FAULT)


def _offline(what: str, cause: str) -> XueliangError:
    return XueliangError(
        Kind.CONFLICT,
        f"the camera is not live: {what}",
        fix="Look at its state; the view can be asked for again",
        facts={"code": "offline", "reason": cause, "retry_after": RETRY_SECONDS},
    )
