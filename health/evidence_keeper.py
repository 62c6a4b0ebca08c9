"""Wiring: which pictures are kept of a camera: the last, the last good one, and both sides of a confirmed fault with
what differs between them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from config.clock import Clock
from config.ids import new_id
from config.scope import Scope
from health import evidence_store
from health.confirm import Standing
from health.difference import compare
from health.evidence_store import Evidence, EvidenceKind
from health.observation import Observation, Picture
from health.picture_files import PictureFiles
from health.ports import Outcome
from health.state import Aspect, Change, State
from registry.database import Connection, Database

#: Three pictures a fault: the last ten faults of a camera.
KEEP = 30
_TROUBLE = frozenset({State.FAULT, State.OFFLINE})


class EvidenceKeeper:
    def __init__(self, files: PictureFiles, db: Database, clock: Clock) -> None:
        self.files = files
        self._db = db
        self._clock = clock
        self._scope = Scope.system("health")
        self._good_at: dict[str, datetime] = {}

    async def keep(self, seen: Observation, outcome: Outcome) -> None:
        """Raises ``UNAVAILABLE`` where the disk does not take a picture; the verdict stands without it."""
        await asyncio.to_thread(self._keep_last, seen, outcome)
        for change in outcome.changes:
            if change.aspect is not Aspect.STATE:
                continue
            if change.new == State.OK:
                await self._close(change)
            elif change.new in _TROUBLE and change.old != change.new:
                await self._file(seen, change)

    def _keep_last(self, seen: Observation, outcome: Outcome) -> None:
        camera_id, files = seen.camera_id, self.files
        shown = seen.evidence or seen.thumbnail
        if seen.picture is Picture.BAD and shown and (_begins(outcome) or files.bad(camera_id) is None):
            files.put_bad(camera_id, shown, seen.thumbnail)
        if not seen.thumbnail:
            return
        if seen.picture is Picture.GOOD:
            files.put_good(camera_id, seen.thumbnail)
            self._good_at[camera_id] = seen.at
        else:
            files.put_last(camera_id, seen.thumbnail)

    async def _file(self, seen: Observation, change: Change) -> None:
        pictures = await asyncio.to_thread(self._sides, seen, change)
        rows: list[Evidence] = []
        for kind, picture in pictures.items():
            if picture:
                item = self._item(seen, change, kind, len(picture))
                await asyncio.to_thread(self.files.put_evidence, item.id, picture)
                rows.append(item)
        if not rows:
            return

        async def work(connection: Connection) -> None:
            for item in rows:
                await evidence_store.add(self._scope, connection, item)

        await (await self._db.batch.add_work(work))
        async with self._db.read() as connection:
            surplus = await evidence_store.surplus(self._scope, connection, seen.camera_id, KEEP)
        await self.remove(surplus)

    def _sides(self, seen: Observation, change: Change) -> dict[EvidenceKind, bytes]:
        camera_id, files = seen.camera_id, self.files
        found = {EvidenceKind.LAST_GOOD: files.good(camera_id) or b""}
        if change.new != State.FAULT:
            return found
        # A change that is told late comes with a picture of now, which may be a good one.
        bad, plain = (seen.evidence or seen.thumbnail, seen.thumbnail) if seen.picture is Picture.BAD else (b"", b"")
        if change.since != seen.at and (kept := files.bad(camera_id)):
            bad, plain = kept, files.plain(camera_id) or b""
        found[EvidenceKind.FIRST_BAD] = bad
        differs = compare(found[EvidenceKind.LAST_GOOD], plain)
        found[EvidenceKind.DIFFERENCE] = differs.jpeg if differs is not None else b""
        return found

    def _item(self, seen: Observation, change: Change, kind: EvidenceKind, size: int) -> Evidence:
        good_at = self._good_at.get(seen.camera_id)
        at = good_at if kind is EvidenceKind.LAST_GOOD and good_at is not None else change.since
        return Evidence(new_id(), seen.camera_id, kind, change.cause, at, self._clock.now(), size)

    async def _close(self, change: Change) -> None:
        await asyncio.to_thread(self.files.drop_bad, change.camera_id)

        async def work(connection: Connection) -> None:
            await evidence_store.close(self._scope, connection, change.camera_id, change.since)

        # With the group: when a whole fleet comes back, thousands are closed in the same second.
        await (await self._db.batch.add_work(work))

    async def remove(self, ids: Sequence[str]) -> None:
        """Files first: a row without its file says so; a file without its row would lie there for ever."""
        if not ids:
            return
        await asyncio.to_thread(self.files.remove_evidence, list(ids))
        async with self._db.write() as connection:
            await evidence_store.remove(self._scope, connection, list(ids))

    def forget(self, camera_id: str) -> None:
        self._good_at.pop(camera_id, None)
        self.files.forget(camera_id)


def _begins(outcome: Outcome) -> bool:
    """Whether this sample is the first bad one of a run that is not confirmed yet."""
    track = outcome.state.picture
    return track.proved is not Standing.BAD and [s.bad for s in track.window] == [True]
