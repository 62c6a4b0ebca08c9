"""Wiring: the cameras that are watched, kept up with the registry, and how each is reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from camera_gateway.target import Credentials, StreamTarget
from config.errors import Kind, XueliangError
from config.scope import Scope
from health.schedule import Planned
from registry import camera_list_store
from registry.camera_list import credentials_of
from registry.change_feed_store import head
from registry.credential_store import find_many_credentials
from registry.database import Connection, Database
from registry.vault import Vault
from registry.watched_camera import WatchedCamera, WatchedStream
from registry.window import WindowKind, standing

#: During a guard period (特护期) a camera is checked twice as often.
GUARD_FACTOR = 0.5


@dataclass(frozen=True, slots=True)
class News:
    """What a look at the registry brought; empty most of the time."""

    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone)


class WatchBook:
    """Passwords are opened once for each device and secret version and stay in memory, no longer than the camera."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self.revision = 0  # grows whenever the cameras changed
        self._db = db
        self._vault = vault
        self._scope = Scope.system("health")
        self._cameras: dict[str, WatchedCamera] = {}
        self._opened: dict[str, tuple[str, Credentials | None]] = {}
        self._position: int | None = None

    def camera(self, camera_id: str) -> WatchedCamera | None:
        return self._cameras.get(camera_id)

    def cameras(self) -> list[WatchedCamera]:
        return list(self._cameras.values())

    async def refresh(self) -> News:
        """Everything the first time, afterwards what the change feed names."""
        async with self._db.read() as connection:  # one consistent view of feed and list
            now = (await head(self._scope, connection)).position
            if self._position == now:
                return News()
            try:
                touched = await camera_list_store.touched(self._scope, connection, self._position)
            except XueliangError as error:
                if error.kind is not Kind.GONE:
                    raise
                touched = None
            listed = await camera_list_store.rows(self._scope, connection, touched)
            await self._open_ahead(connection, listed)
        self._position = now
        active = {c.camera_id: c for c in listed if c.active}
        left = (
            {c.camera_id for c in listed if not c.active} if touched is not None else set(self._cameras) - set(active)
        )
        gone = [c for c in self._cameras if c in left]
        changed = [i for i, c in active.items() if self._cameras.get(i) != c]
        self._cameras.update(active)
        for camera_id in gone:
            del self._cameras[camera_id]
        self.revision += bool(changed or gone)
        if gone:
            held = {c.device_id for c in self._cameras.values()}
            self._opened = {d: o for d, o in self._opened.items() if d in held}
        return News(tuple(changed), tuple(gone))

    async def target(self, camera: WatchedCamera) -> StreamTarget | None:
        """The main stream, else the sub-stream; ``None`` where neither is known."""
        stream = camera.main or camera.sub
        return None if stream is None else stream.target(await self._credentials(camera))

    async def stream_target(self, camera: WatchedCamera, stream: WatchedStream) -> StreamTarget:
        """One of the camera's streams, with what opens it."""
        return stream.target(await self._credentials(camera))

    async def _open_ahead(self, connection: Connection, listed: Sequence[WatchedCamera]) -> None:
        """A fleet's passwords by a few queries, where its first looks would ask for them one by one."""
        refs = {c.device_id: c.credential_ref for c in listed if c.active and c.credential_ref is not None}
        wanted = [d for d, ref in refs.items() if self._opened.get(d, ("", None))[0] != ref]
        found = await find_many_credentials(self._scope, connection, self._vault, wanted)
        self._opened.update({device_id: (refs[device_id], login) for device_id, login in found.items()})

    async def _credentials(self, camera: WatchedCamera) -> Credentials | None:
        if camera.credential_ref is None:
            return None
        opened = self._opened.get(camera.device_id)
        if opened is None or opened[0] != camera.credential_ref:
            found = await credentials_of(self._scope, self._db, self._vault, camera.device_id)
            opened = (camera.credential_ref, found)
            self._opened[camera.device_id] = opened
        return opened[1]

    def plan(self, cameras: Iterable[WatchedCamera]) -> list[Planned]:
        now = self._db.clock.now()
        return [
            Planned(
                c.camera_id,
                c.device_id,
                GUARD_FACTOR if c.windows and standing(c.windows, WindowKind.GUARD, now) else 1.0,
            )
            for c in cameras
        ]

    def in_maintenance(self, camera: WatchedCamera) -> bool:
        """Only a window filed and approved lies over the state."""
        if not camera.windows:
            return False
        approved = [w for w in camera.windows if w.approved_by is not None]
        return standing(approved, WindowKind.MAINTENANCE, self._db.clock.now()) is not None
