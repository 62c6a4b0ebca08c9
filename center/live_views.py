"""Wiring: the relay in the service: cameras from the watch book, a network from the settings, ends on record."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from contextlib import suppress

from camera_gateway.source import SourceHub
from config.errors import XueliangError
from config.scope import Scope
from config.settings import Settings, split_listen
from health.watch_book import WatchBook
from registry import view_register_store
from registry.database import Database
from streaming.candidate import PeerRules, plain
from streaming.capacity import Most
from streaming.ports import KnownStream, Shown
from streaming.relay import Relay, RelayRules
from streaming.session import SessionRules
from streaming.view_state import End, Role
from streaming.webrtc.ice import own_addresses
from streaming.webrtc.network import IceNetwork, Turn

log = logging.getLogger(__name__)

OURS = Scope.system("relay")
_RETRY_SECONDS = 1.0


class WatchedStreams:
    """What the relay asks of the list of cameras."""

    def __init__(self, book: WatchBook) -> None:
        self._book = book

    async def streams(self, camera_id: str) -> Mapping[Role, KnownStream]:
        camera = self._book.camera(camera_id)
        found: dict[Role, KnownStream] = {}
        if camera is not None:
            for role, stream in ((Role.MAIN, camera.main), (Role.SUB, camera.sub)):
                if stream is not None:
                    found[role] = KnownStream(await self._book.stream_target(camera, stream), stream.codec)
        return found


class LiveViews:
    """``start`` before the first view, ``close`` after the last. No end is lost while the database takes writes."""

    def __init__(
        self, settings: Settings, sources: SourceHub, book: WatchBook, db: Database, rng: random.Random
    ) -> None:
        own = settings.streaming
        rules = RelayRules(
            Most(own.max_viewers, own.max_per_account, own.max_per_camera),
            own.linger_seconds,
            own.open_seconds,
            SessionRules(own.connect_seconds, own.burst_mbit * 1_000_000 / 8),
        )
        self.enabled = own.enabled
        self.relay = Relay(
            sources, WatchedStreams(book), lambda: network_of(settings), db.clock, rng, rules, self._ended
        )
        self._db = db
        self._ends: dict[str, str] = {}
        self._some = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Views that a killed service left open are over."""
        async with self._db.write() as connection:
            left = await view_register_store.end_begun(OURS, connection, End.RESTARTED)
        if left:
            log.warning("- %d views were open when the service was killed", left)
        self._writing = asyncio.create_task(self._write(), name="ends of views")

    def revoked(self, view_ids: list[str]) -> None:
        """Taken away: over now. The row is written by whoever found out, again and again until it stands."""
        for view_id in view_ids:
            self.relay.end_view(view_id, End.WITHDRAWN)

    def not_shown(self, view_id: str, reason: str) -> None:
        """Its row was written and then nothing could be shown: that is its end."""
        self._ended(view_id, reason)

    def shown(self, principal_id: str) -> list[Shown]:
        """What one account or token has open."""
        return self.relay.shown(principal_id)

    def close_view(self, view_id: str) -> None:
        """Its holder ended it through the register."""
        self.relay.end_view(view_id, End.CLOSED)

    async def close(self) -> None:
        """Every picture stops, and its end is written."""
        await self.relay.close()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        with suppress(XueliangError):  # the next start ends what this one could not
            await self._write_once()

    def _ended(self, view_id: str, reason: str) -> None:
        if reason != End.WITHDRAWN:
            self._ends[view_id] = reason
            self._some.set()

    async def _write(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            try:
                await self._write_once()
            except XueliangError as error:
                log.warning("x %d ends of views wait for their row: %s", len(self._ends), error)
                self._some.set()
                await self._db.clock.sleep(_RETRY_SECONDS)

    async def _write_once(self) -> None:
        ends = dict(self._ends)
        for reason in set(ends.values()):
            ids = [view_id for view_id, why in ends.items() if why == reason]
            async with self._db.write() as connection:
                await view_register_store.end_views(OURS, connection, ids, reason)
            for view_id in ids:
                self._ends.pop(view_id, None)


def network_of(settings: Settings) -> IceNetwork:
    """As it is now: addresses of this machine come and go."""
    own = settings.streaming
    low, _, high = own.ice_port_range.partition("-")
    turn = None
    if own.turn_url and own.turn_password is not None:
        host, port = _server(own.turn_url)
        turn = Turn(host, port, own.turn_user, own.turn_password.get_secret_value())
    return IceNetwork(
        tuple(own.addresses) or _addresses(settings),
        tuple(own.advertised_addresses),
        (int(low), int(high or low)),
        PeerRules(tuple(own.viewer_networks), tuple(settings.reach.networks)),
        _server(own.stun_url) if own.stun_url else None,
        turn,
        own.relay_only,
    )


def _addresses(settings: Settings) -> tuple[str, ...]:
    """Those of the HTTP side; behind a proxy of this machine, and for a wildcard, all that others can reach."""
    host, _ = split_listen(settings.service.listen)
    where = plain(host)
    if where is None or (where.is_loopback and (settings.service.trusted_proxies or settings.service.public_url)):
        return own_addresses()
    return (host,)


def _server(url: str) -> tuple[str, int]:
    host, port = split_listen(url.partition(":")[2])
    return host, port
