"""Wiring: one view under way: its path and its viewer, from the offer to the end."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from config.clock import Clock
from config.errors import Kind, XueliangError
from config.text import printable
from streaming import answer
from streaming.camera_stream import CameraStream
from streaming.fitness import Unfit, word
from streaming.numbering import Numbering
from streaming.offer import Offer
from streaming.pacing import Bucket
from streaming.ports import Asked, Shown
from streaming.trickle import Trickle
from streaming.view_state import End, Facts, Role, state
from streaming.viewer import Viewer
from streaming.webrtc.network import IceNetwork
from streaming.webrtc.path import Certificate, Path

log = logging.getLogger(__name__)

#: Whatever goes wrong while a viewer connects, its place is free again soon after its time.
GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class SessionRules:
    """``connect`` seconds for ICE and DTLS together; ``burst`` bytes a second at most to one viewer."""

    connect: float = 10.0
    burst: float = 6_000_000.0


class Session:
    """``end`` is called when the view cannot go on, ``refit`` when its stream cannot be shown any longer."""

    def __init__(
        self,
        asked: Asked,
        offered: Offer,
        role: Role,
        fell_back: str | None,
        network: IceNetwork,
        certificate: Certificate,
        clock: Clock,
        rng: random.Random,
        rules: SessionRules,
        end: Callable[[Session, End], object],
        refit: Callable[[Session], None],
    ) -> None:
        self.id = secrets.token_hex(16)
        self.asked = asked
        self.role = role
        self.ended: End | None = None
        #: Why no way to the viewer came about, for the log.
        self.trouble = ""
        self._fell_back = fell_back
        self._ufrag = offered.ufrag
        self._clock = clock
        self._rules = rules
        self._end = end
        self.began = clock.monotonic()
        self._sent = (self.began, 0, 0.0)
        self._ssrcs = (1 + secrets.randbelow(0xFFFFFFFE), 1 + secrets.randbelow(0xFFFFFFFE))
        self._connecting: asyncio.Task[None] | None = None
        self._connected = False
        self._path = Path(network, certificate, rng, self._control, self._lost)
        self._viewer = Viewer(
            self._path,
            offered.h264,
            self._ssrcs,
            Numbering(secrets.randbits(15), secrets.randbits(31)),
            Bucket(rules.burst),
            clock,
            asyncio.get_running_loop().call_later,
            lambda reason: end(self, reason),
            lambda unfit: refit(self),
        )

    async def answer(self, offered: Offer, stream: CameraStream) -> str:
        """Binds the sockets and begins to wait for the viewer. Raises what :meth:`Path.gather` does."""
        candidates = await self._path.gather()
        if self.ended is not None:
            raise XueliangError(Kind.GONE, "the view ended before it began", fix="Open a new one")
        local = answer.Local(
            self._path.ufrag,
            self._path.password,
            self._path.fingerprint,
            candidates,
            *self._ssrcs,
            session=secrets.randbits(62),
        )
        self._viewer.watch(stream)
        self._connecting = asyncio.create_task(self._connect(offered), name=f"view {self.asked.view_id} connect")
        return answer.text(offered, local)

    async def trickle(self, more: Trickle) -> None:
        """Raises ``INVALID`` with ``code`` = ``ice_restart``: a view that lost its way is opened anew."""
        if more.ufrag and more.ufrag != self._ufrag:
            raise XueliangError(
                Kind.INVALID,
                "ICE restarts are not done here",
                where="ice-ufrag",
                fix="Open a new view",
                facts={"code": "ice_restart"},
            )
        await self._path.trickle(more.candidates)

    def show(self, role: Role, stream: CameraStream, fell_back: str | None = None) -> None:
        """Nothing when the view is over."""
        if self.ended is None:
            self.role, self._fell_back = role, fell_back
            self._viewer.watch(stream)

    def reason(self) -> str | None:
        """Why the stream cannot be shown."""
        unfit = self._unfit()
        return word(unfit) if unfit is not None else None

    def tick(self) -> None:
        """Once a second."""
        if not self._connected:
            if self._clock.monotonic() - self.began > self._rules.connect + GRACE_SECONDS:
                self._end(self, End.BLOCKED)
            return
        self._path.look()
        self._viewer.tick()
        at, count, _ = self._sent
        now, total = self._clock.monotonic(), self._viewer.counters.bytes
        if now - at >= 1.0:
            self._sent = (now, total, (total - count) * 8 / (now - at))

    def shown(self) -> Shown:
        counters, stream = self._viewer.counters, self._viewer.stream
        failure = stream.failure if stream is not None else None
        age = stream.age() if stream is not None else None
        facts = Facts(
            ended=self.ended is not None,
            connected=self._connected,
            shown=self._viewer.shown,
            unfit=self._unfit() is not None,
            failing=failure is not None,
            age=age,
        )
        return Shown(
            view_id=self.asked.view_id,
            camera_id=self.asked.camera_id,
            session=self.id,
            state=state(facts),
            role=self.role,
            fell_back=self._fell_back,
            codec=stream.codec if stream is not None else None,
            cause=failure.kind.value if failure is not None else None,
            picture_age=age,
            seconds=self._clock.monotonic() - self.began,
            frames=counters.frames,
            skipped=counters.skips,
            lost=counters.lost,
            round_trip=counters.round_trip,
            bitrate=self._sent[2],
        )

    async def close(self) -> None:
        self._viewer.leave()
        if self._connecting is not None and self._connecting is not asyncio.current_task():
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self._path.close()

    def _unfit(self) -> Unfit | None:
        return self._viewer.stream.reason if self._viewer.stream is not None else None

    async def _connect(self, offered: Offer) -> None:
        try:
            await self._path.connect(offered, self._ssrcs[0], self._rules.connect)
        except (XueliangError, ConnectionError) as error:
            self.trouble = printable(str(error), 300)
            self._end(self, End.BLOCKED)
            return
        except Exception:
            log.exception("x view %s: no way to the viewer", self.asked.view_id)
            self._end(self, End.FAULT)
            return
        self._connected = True
        self._viewer.connected()

    def _control(self, data: bytes, waited: float) -> None:
        self._viewer.control(data, waited)

    def _lost(self, reason: str) -> None:
        self._end(self, End.SILENT if reason == "silent" else End.LEFT)
