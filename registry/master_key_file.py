"""Edge: the master key's file, readable by its owner alone, beside and never in the database or a backup."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path

from config.errors import Kind, XueliangError
from registry.keys import MasterKey
from registry.sealing import KEY_BYTES

_MARK = "xueliang-master-key-1"
_MAX_BYTES = 4096


def read_master_keys(path: Path, *, private: bool = True) -> tuple[MasterKey, ...]:
    """The keys in the file, the current one first (a second one only while a rotation is under way).

    ``private`` asks that only its owner can read it; a service manager guards its credentials by their folder instead.
    Raises ``NOT_FOUND`` if there is no file, ``FORBIDDEN`` if others may read it, ``INVALID`` if it is damaged.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise XueliangError(Kind.NOT_FOUND, "there is no master key file", where=str(path)) from error
    except OSError as error:
        raise XueliangError(
            Kind.FORBIDDEN, f"the master key file cannot be opened: {error.strerror}", where=str(path)
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if private and mode & 0o077:
            raise XueliangError(
                Kind.FORBIDDEN,
                f"others may read the master key (mode {mode:04o})",
                where=str(path),
                fix=f"chmod 600 {path}",
            )
        text = file.read(_MAX_BYTES).decode("ascii", "replace")
    keys = tuple(_parse(line, path) for line in text.splitlines() if line.strip())
    if not keys:
        raise XueliangError(Kind.INVALID, "the master key file is empty", where=str(path))
    return keys


def create_master_key(path: Path) -> MasterKey:
    """A new key in a new file; an existing file is never replaced."""
    key = MasterKey.make()
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        _write_new(beside, (key,))
        # A link, not a rename: it fails where a file stands, and a crash never leaves half a key.
        path.hardlink_to(beside)
        beside.unlink()
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise XueliangError(Kind.CONFLICT, "a master key file stands already", where=str(path)) from error
    except OSError as error:
        raise XueliangError(
            Kind.UNAVAILABLE, f"the master key file cannot be written: {error.strerror}", where=str(path)
        ) from error
    return key


def replace_master_keys(path: Path, keys: tuple[MasterKey, ...]) -> None:
    """Atomically: at every moment the file holds the old keys or the new ones, whole."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    _write_new(beside, keys)
    beside.replace(path)
    _sync_folder(path.parent)


def _write_new(path: Path, keys: tuple[MasterKey, ...]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        for key in keys:
            file.write(f"{_MARK} {key.id} {base64.b64encode(key.secret).decode()}\n")
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parse(line: str, path: Path) -> MasterKey:
    mark, _, rest = line.strip().partition(" ")
    key_id, _, encoded = rest.partition(" ")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if mark != _MARK or not key_id or len(secret) != KEY_BYTES:
        raise XueliangError(
            Kind.INVALID,
            "the master key file is damaged",
            where=str(path),
            fix="Restore it from where its copy is kept; without it the stored passwords cannot be opened",
        )
    return MasterKey(key_id, secret)
