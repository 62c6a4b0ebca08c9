"""Wiring: a backup: the database as of one moment, references and pictures, a signed manifest, all of it read back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from center import backup_files, backup_place
from center.backup_files import Shelf
from center.backup_place import BackupPlace
from center.data_folder import DataFolder
from center.master_key import key_place
from center.operations import perform
from center.storage import database_url
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Scope
from config.settings import Settings
from config.settled import settled
from registry import audit_store, backup_store, postgres_dump, sqlite_copy
from registry.audit_chain import Report, anchor_text, make_anchor
from registry.backup_manifest import POSTGRES, SQLITE, BackedFile, Manifest, ring_of, sign, to_bytes
from registry.backup_store import Contents
from registry.database import Connection, Database, sqlite_file
from registry.keys import KeyRing, MasterKey, Purpose
from registry.migrations.run import current

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
OURS = Scope.system("backup")
#: Told now and then how far it is: done, of how many.
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Copied:
    schema: str
    contents: Contents
    ring: KeyRing
    report: Report


async def backup(settings: Settings, target: Path, tell: Tell) -> dict[str, Any]:
    """``target`` is a new folder, there only once it is whole. Raises ``CONFLICT`` where something stands in its place,
    and what the parts raise; then nothing of it is left. What killed ones left beside it goes first."""
    folder, target = DataFolder(settings.service.data_dir), target.absolute()  # noqa: ASYNC240 - a name
    _require_new(folder, target)
    swept = await settled(asyncio.to_thread(backup_place.sweep, target.parent))
    url = database_url(settings, folder)
    backup_files.require_room(target.parent, _weight(folder, url))
    keys, place = key_place(folder), BackupPlace(target)
    await perform(settings, "backup begin", {"id": (made := new_id()), "target": str(target)}, may_migrate=False)
    try:
        place.begin()
        masters = keys.read()
        copied = await _database(url, place.path, lambda: (*masters, *keys.read()))
        manifest = await _manifest(made, folder, place.path, copied, tell)
        await settled(asyncio.to_thread(_seal, place.path, manifest, copied.ring))
        place.become()
    except OSError as error:
        raise backup_files.trouble(error, target) from error
    finally:
        await asyncio.to_thread(place.end)
    return {**_told(manifest, target, copied.report), "swept": swept}


def _require_new(folder: DataFolder, target: Path) -> None:
    if target.exists() or target.is_symlink():
        fix = "Name a new folder: a backup is never written over another"
        raise XueliangError(Kind.CONFLICT, "something stands there already", where=str(target), fix=fix)
    if not target.parent.is_dir():
        raise XueliangError(Kind.NOT_FOUND, "there is no such folder", where=str(target.parent), fix="Make it first")
    if target.resolve().is_relative_to(folder.path.resolve()):
        fix = "Name a place on another disk"
        raise XueliangError(Kind.INVALID, "a backup inside the data folder is lost with it", where=str(target), fix=fix)


def _weight(folder: DataFolder, url: str) -> int:
    """Bytes that a copy takes at most; of a PostgreSQL database nobody knows before."""
    file = sqlite_file(url)
    size = file.stat().st_size if file is not None and file.is_file() else 0
    shelf = Shelf(folder.path, links=True)
    for path in backup_files.small_files(folder.path):
        try:
            size += shelf.size(path)
        except XueliangError as error:
            if error.kind is not Kind.NOT_FOUND:  # it went meanwhile
                raise
    return size


async def _database(url: str, partial: Path, masters: Callable[[], tuple[MasterKey, ...]]) -> _Copied:
    """What is told of the database is read from the copy, or in the very snapshot that is dumped."""
    file = sqlite_file(url)
    if file is not None:
        await sqlite_copy.copy_into(file, partial / SQLITE)
        db = await Database.open(f"sqlite:///{partial / SQLITE}")
        try:
            async with db.read() as connection:
                copied = await _read(db, connection, masters)
        finally:
            await db.close()
        await sqlite_copy.require_sound(partial / SQLITE)
        return copied
    db = await Database.open(url)
    try:
        async with db.read() as connection:
            name, schema = await backup_store.snapshot(OURS, connection)
            copied = await _read(db, connection, masters)
            await postgres_dump.dump(url, partial / POSTGRES, snapshot=name, schema=schema)
    finally:
        await db.close()
    await postgres_dump.require_readable(partial / POSTGRES)
    return copied


async def _read(db: Database, connection: Connection, masters: Callable[[], tuple[MasterKey, ...]]) -> _Copied:
    found = await backup_store.contents(OURS, connection)
    # The key's file after the copy as well as before: a rotation may have come between.
    ring = ring_of(found.keys, masters())
    db.use_keys(ring)
    report = await audit_store.verify(OURS, connection)
    return _Copied(await current(db) or "", found, ring, report)


async def _manifest(made: str, folder: DataFolder, partial: Path, copied: _Copied, tell: Tell) -> Manifest:
    """With every small file copied; those that went meanwhile are counted."""
    now = SystemClock().now()
    database = SQLITE if (partial / SQLITE).exists() else POSTGRES
    files: list[BackedFile] = [await settled(asyncio.to_thread(backup_files.finish, partial, database))]
    shelf, vanished = Shelf(folder.path, links=True), 0
    wanted = await asyncio.to_thread(backup_files.small_files, folder.path)
    for number, path in enumerate(wanted):
        file = await settled(asyncio.to_thread(backup_files.take, shelf, path, partial))
        if file is None:
            vanished += 1
        else:
            files.append(file)
        tell(number + 1, len(wanted))
    found = copied.contents
    anchor = make_anchor(copied.ring.current(Purpose.ANCHOR), found.rows, found.mac, now)
    of_database = (copied.schema, found.epoch, found.position)
    return Manifest(made, now, version("xueliang"), *of_database, anchor, found.keys, vanished, tuple(files))


def _seal(partial: Path, manifest: Manifest, ring: KeyRing) -> None:
    """Written down, signed, brought to the disk, and read back from there."""
    data = to_bytes(manifest)
    backup_files.write_new(partial / MANIFEST, data)
    backup_files.write_new(partial / SIGNATURE, sign(ring, data))
    backup_files.sync_disk(partial)
    shelf = Shelf(partial)
    for file in manifest.files:
        backup_files.read_back(shelf, file)


def _told(manifest: Manifest, target: Path, report: Report) -> dict[str, Any]:
    return {
        "id": manifest.id,
        "target": str(target),
        "made": manifest.made.isoformat(),
        "schema": manifest.schema,
        "database": "sqlite" if manifest.database.path == SQLITE else "postgresql",
        "epoch": manifest.epoch,
        "position": manifest.position,
        "files": len(manifest.files),
        "bytes": manifest.size,
        "vanished": manifest.vanished,
        "master_keys": sorted({key.sealed.key_id for key in manifest.keys}),
        "anchor": anchor_text(manifest.anchor),
        **audit_words(report),
    }


def audit_words(report: Report) -> dict[str, Any]:
    faults = [{"kind": f.kind.value, "first": f.seq, "last": f.last, "text": f.text} for f in report.faults]
    return {"audit": {"sound": report.sound, "rows": report.count, "faults": faults}}
