"""Wiring: a backup into an empty data folder: believed first, then copied, begun anew, and there only when whole."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from center import backup_files
from center.backing_up import MANIFEST, SIGNATURE, Tell, audit_words
from center.backup_files import Shelf
from center.data_folder import DataFolder
from center.storage import database_url
from config.errors import Kind, XueliangError
from config.scope import Scope
from config.settings import Settings
from config.settled import settled
from registry import audit_store, backup_store, postgres_dump, sqlite_copy
from registry.audit_chain import Anchor, Report, public_keys, signed
from registry.backup_manifest import MAX_MANIFEST, SQLITE, Manifest, opened, parse
from registry.backup_store import Begun
from registry.database import Database
from registry.key_store import open_keys
from registry.keys import KeyRing, MasterKey
from registry.master_key_file import read_master_keys, replace_master_keys
from registry.migrations.run import current, knows, migrate

OURS = Scope.system("restore")
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Believed:
    """A backup whose manifest is signed by a key that ``masters`` open. Its files are not looked at yet."""

    shelf: Shelf
    manifest: Manifest
    ring: KeyRing
    masters: tuple[MasterKey, ...]


def believed(source: Path, key_file: Path) -> Believed:
    """Nothing is written, and nothing but the manifest is read. Raises ``NOT_FOUND``, ``INVALID``, ``FORBIDDEN``, and
    ``UNAVAILABLE`` for a backup of a newer program."""
    shelf = Shelf(source)
    data = shelf.read(MANIFEST, MAX_MANIFEST)
    manifest = parse(data)
    if not knows(manifest.schema):
        raise XueliangError(
            Kind.UNAVAILABLE,
            f"the backup's database is at revision {manifest.schema}, which this program does not know",
            where=MANIFEST,
            fix=f"Restore it with version {manifest.program} or a newer one",
        )
    masters = read_master_keys(key_file)
    ring = opened(manifest, masters, data, shelf.read(SIGNATURE, _SIGNATURE_BYTES))
    meant = {key.sealed.key_id for key in manifest.keys}
    return Believed(shelf, manifest, ring, tuple(key for key in masters if key.id in meant))


async def check(source: Path, key_file: Path, tell: Tell) -> dict[str, Any]:
    """Every file of a backup against its manifest; nothing is written."""
    found = believed(source, key_file)
    for number, file in enumerate(found.manifest.files):
        await settled(asyncio.to_thread(backup_files.read_back, found.shelf, file))
        tell(number + 1, len(found.manifest.files))
    return _of(found.manifest)


async def restore(
    settings: Settings, source: Path, key_file: Path, anchor: Anchor | None, tell: Tell
) -> dict[str, Any]:
    """Into ``service.data_dir``, which holds nothing yet (and an empty PostgreSQL database, if one is configured).
    Raises as :func:`believed`, ``CONFLICT`` for a folder or database that holds something, and what the disk says."""
    found = believed(source, key_file)
    await _look_before(settings, found, anchor)
    async with _emptied(DataFolder(settings.service.data_dir), found.manifest.size) as folder:
        staged = folder.restoring
        for number, file in enumerate(found.manifest.files):
            await settled(asyncio.to_thread(backup_files.put, found.shelf, file, staged))
            tell(number + 1, len(found.manifest.files))
        (staged / "keys").mkdir(mode=0o700)
        replace_master_keys(staged / "keys" / "master.key", found.masters)
        begun, report = await _begin_anew(_postgres(settings), staged, found, anchor)
        await settled(asyncio.to_thread(_move_in, folder))
    return {
        **_of(found.manifest),
        "data": str(folder.path),
        "epoch": begun.epoch,
        "lost_rows": _lost(found.manifest, anchor),
        "ended": {"sessions": begun.sessions, "views": begun.views},
        "as_they_were": {"accounts": begun.accounts, "tokens": begun.tokens},
        **audit_words(report),
    }


async def _look_before(settings: Settings, found: Believed, anchor: Anchor | None) -> None:
    """What can be known before anything is written. Raises what is wrong."""
    _require_same_sort(settings, found.manifest)
    if anchor is not None and not (signed(anchor) and anchor.public_key in public_keys(found.ring)):
        fix = "Give one of this installation, not younger than the last rotation of the anchors' key before the backup"
        raise XueliangError(Kind.INVALID, "the anchor is not signed by a key of this backup", where="--anchor", fix=fix)
    for file in found.manifest.files:
        if found.shelf.size(file.path) != file.size:
            backup_files.read_back(found.shelf, file)  # raises, naming it
    url = _postgres(settings)
    if url is not None:
        db = await Database.open(url)
        try:
            await _empty_schema(db)
        finally:
            await db.close()


def _postgres(settings: Settings) -> str | None:
    """The address of the PostgreSQL database, or ``None`` for the file in the folder."""
    return database_url(settings, DataFolder(settings.service.data_dir)) if settings.database.url else None


def _require_same_sort(settings: Settings, manifest: Manifest) -> None:
    """Raises ``INVALID`` where backup and settings are not of the same sort of database."""
    own = settings.database.url
    if own.startswith("sqlite:"):
        fix = "Take database.url out of the settings; the database then lies in the data folder"
        raise XueliangError(Kind.INVALID, "a backup is not restored to a file elsewhere", where="database.url", fix=fix)
    if bool(own) == (manifest.database.path == SQLITE):
        there, here = ("SQLite", "PostgreSQL") if own else ("PostgreSQL", "SQLite")
        fix = "Name the settings that belong to this backup with --config"
        what = f"the backup is of {there}, the settings name {here}"
        raise XueliangError(Kind.INVALID, what, where="database.url", fix=fix)


@asynccontextmanager
async def _emptied(folder: DataFolder, size: int) -> AsyncIterator[DataFolder]:
    """Locked, with a place to build in. Should the body fail, the folder is as it was."""
    path = folder.path
    there = path.is_dir()
    try:
        if path.is_symlink() or (path.exists() and (not there or any(path.iterdir()))):
            raise XueliangError(
                Kind.CONFLICT,
                "the data folder holds something; a backup is restored into an empty one only",
                where=str(path),
                fix="Name another with --data, or move away what is there",
            )
        backup_files.require_room(path if there else path.parent, size)
        folder.prepare()
        folder.lock()
    except OSError as error:
        raise backup_files.trouble(error, path) from error
    try:
        folder.restoring.mkdir(mode=0o700)
        yield folder
    except BaseException:
        await asyncio.to_thread(_clear, folder, there)
        raise
    finally:
        folder.unlock()


def _clear(folder: DataFolder, keep: bool) -> None:
    """All that is in it is ours, for it was empty. What says that it is unfinished goes last."""
    for entry in sorted(folder.path.iterdir(), key=lambda entry: entry == folder.restoring):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    if not keep:
        with contextlib.suppress(OSError):  # what could not be removed keeps it; the failure before is what is told
            folder.path.rmdir()


def _move_in(folder: DataFolder) -> None:
    """Until the last step the service refuses the folder, so that half of it is never taken for a new one."""
    backup_files.sync_disk(folder.restoring)
    for entry in list(folder.restoring.iterdir()):
        entry.rename(folder.path / entry.name)
    backup_files.sync_folder(folder.path)
    folder.restoring.rmdir()
    backup_files.sync_folder(folder.path)


async def _begin_anew(url: str | None, staged: Path, found: Believed, anchor: Anchor | None) -> tuple[Begun, Report]:
    """The database opened where it stands now: checked, brought to this program's schema, and cut off from before."""
    file = staged / found.manifest.database.path
    if url is None:
        await sqlite_copy.require_sound(file)
        db = await Database.open(f"sqlite:///{file}")
    else:
        db = await Database.open(url)
    try:
        if url is not None:
            await postgres_dump.restore(url, file, schema=await _empty_schema(db))
            file.unlink()
        if await current(db) != found.manifest.schema:
            what = "the database in the backup is not at the revision that its manifest names"
            raise XueliangError(Kind.INVALID, what, where=file.name, fix="Take an older backup")
        await migrate(db)
        await open_keys(db, staged / "keys" / "master.key")
        lost = _lost(found.manifest, anchor)
        # An anchor of later rows says how many are lost; only one of rows that are here can find a fault in them.
        async with db.read() as connection:
            report = await audit_store.verify(OURS, connection, None if lost else anchor)
        details = {"made": found.manifest.made.isoformat(), "rows": found.manifest.anchor.count}
        details |= {"position": found.manifest.position, "program": found.manifest.program}
        details |= {"lost_rows": lost, "faults": len(report.faults)}
        async with db.write() as connection:
            begun = await backup_store.begin_anew(OURS, connection, found.manifest.id, details)
    finally:
        await db.close()
    return begun, report


async def _empty_schema(db: Database) -> str:
    """Raises ``CONFLICT`` for a database that has tables."""
    async with db.read() as connection:
        schema = await backup_store.empty_schema(OURS, connection)
    if schema is None:
        raise XueliangError(
            Kind.CONFLICT,
            "the database has tables already; a backup is restored into an empty one only",
            where="database.url",
            fix="Make a new database and name it in database.url",
        )
    return schema


def _lost(manifest: Manifest, anchor: Anchor | None) -> int | None:
    """Rows of the audit log that the anchor saw and the backup has not; ``None`` where nobody can say."""
    return None if anchor is None else max(0, anchor.count - manifest.anchor.count)


def _of(manifest: Manifest) -> dict[str, Any]:
    return {
        "id": manifest.id,
        "made": manifest.made.isoformat(),
        "program": manifest.program,
        "schema": manifest.schema,
        "files": len(manifest.files),
        "bytes": manifest.size,
        "vanished": manifest.vanished,
    }
