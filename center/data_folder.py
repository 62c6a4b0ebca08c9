"""Edge: the folder of everything the service keeps: private to its user, and one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path

from config.errors import Kind, XueliangError


class DataFolder:
    """Made with mode 0700. ``lock`` is held by ``serve`` as long as it runs, and by commands that write without it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def database(self) -> Path:
        return self.path / "xueliang.sqlite"

    @property
    def control(self) -> Path:
        return self.path / "control.sock"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def references(self) -> Path:
        return self.path / "references"

    @property
    def evidence(self) -> Path:
        return self.path / "evidence"

    @property
    def restoring(self) -> Path:
        """There while a backup is being restored into the folder; gone with the last step of it."""
        return self.path / ".restoring"

    def prepare(self) -> None:
        """Make the folder and its parts, or make sure that nobody else can read them.

        Raises ``FORBIDDEN`` for a folder of somebody else, ``UNAVAILABLE`` where none can be made, ``CONFLICT`` for
        one that a restore did not finish: half of it must not be taken for a new installation.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.path.stat()
            if found.st_uid != os.geteuid():
                raise XueliangError(
                    Kind.FORBIDDEN,
                    "the data folder belongs to another user",
                    where=str(self.path),
                    fix="Run as its owner, or name another folder in service.data_dir",
                )
            if stat.S_IMODE(found.st_mode) & 0o077:
                self.path.chmod(0o700)
            for part in (self.keys, self.references, self.evidence):
                part.mkdir(mode=0o700, exist_ok=True)
            if self.restoring.exists():
                raise XueliangError(
                    Kind.CONFLICT,
                    "a backup was not restored to its end here",
                    where=str(self.path),
                    fix="Remove what the folder holds and restore again",
                )
        except OSError as error:
            raise XueliangError(
                Kind.UNAVAILABLE,
                f"the data folder cannot be used: {error.strerror}",
                where=str(self.path),
                fix="Make it, or name another in service.data_dir (XUELIANG__SERVICE__DATA_DIR)",
            ) from error

    def lock(self) -> None:
        """Raises ``CONFLICT`` while another process holds it, ``UNAVAILABLE`` where the disk takes no lock."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise XueliangError(
                Kind.UNAVAILABLE,
                f"the data folder cannot be written: {error.strerror}",
                where=str(self.path),
                fix="Look at the disk and at its rights, or name another folder in service.data_dir",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise XueliangError(
                Kind.CONFLICT,
                f"another process works with this data folder{f' (process {holder})' if holder else ''}",
                where=str(self.path),
                fix="Stop it first, or name another folder",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def unlock(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # a disk gone read-only keeps our number, which harms nobody
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)  # closing lets go of the lock
            self._descriptor = None

    def locked_by_other(self) -> bool:
        """Whether a service works with the folder right now, without taking anything."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False
