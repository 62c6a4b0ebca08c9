"""Edge: where a backup is built: a folder beside its target, held by a lock, so that what a killed one left is known.

A folder of :data:`_NAME` that holds the lock's file is one of ours; nobody has the lock whose process has ended.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from center.backup_files import sync_folder

_NAME = re.compile(r".+\.partial-[0-9a-f]{8}", re.DOTALL)
_LOCK, _NEW_LOCK = ".being-made", ".being-locked"


class BackupPlace:
    """``path`` is there from :meth:`begin` until :meth:`become` or :meth:`end`; always end it."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.partial-{secrets.token_hex(4)}")
        self._held: int | None = None

    def begin(self) -> None:
        """Raises ``OSError``."""
        self.path.mkdir(mode=0o700)
        self._held = os.open(self.path / _NEW_LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # a disk without locks: nobody can take it there, so that nobody removes it either
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (self.path / _NEW_LOCK).rename(self.path / _LOCK)  # seen by others only once it is held

    def become(self) -> None:
        """The whole backup takes its name. Raises ``OSError``."""
        self.path.rename(self.target)
        (self.target / _LOCK).unlink()
        sync_folder(self.target)
        sync_folder(self.target.parent)

    def end(self) -> None:
        """What did not become a backup is gone, as far as the disk lets it go."""
        with suppress(OSError):
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                _empty(descriptor)
            finally:
                os.close(descriptor)
            self.path.rmdir()
        if self._held is not None:
            os.close(self._held)  # lets go of the lock
            self._held = None


def sweep(folder: Path) -> list[str]:
    """Removes from ``folder`` what killed backups left: ours, and held by nobody. The names of what is gone; what
    cannot be removed stays for the next time."""
    gone: list[str] = []
    with suppress(OSError):
        for name in sorted(filter(_NAME.fullmatch, os.listdir(folder))):
            with suppress(OSError):
                if _removed(folder / name):
                    gone.append(name)
    return gone


def _removed(path: Path) -> bool:
    """Raises ``OSError`` for one without our lock, one that is held, and where the disk does not do it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            return False
        lock = os.open(_LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _empty(descriptor)
        finally:
            os.close(lock)
    finally:
        os.close(descriptor)
    path.rmdir()
    return True


def _empty(descriptor: int) -> None:
    """The lock's file goes last: what is left of a folder whose removal was cut short is still known as ours."""
    with os.scandir(descriptor) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries if entry.name != _LOCK]
    for name, folder in found:
        if folder:
            shutil.rmtree(name, dir_fd=descriptor)
        else:
            os.unlink(name, dir_fd=descriptor)
    with suppress(FileNotFoundError):
        os.unlink(_LOCK, dir_fd=descriptor)
