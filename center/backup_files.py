"""Edge: the files of a backup: copied whole, hashed on the way, and read back; a backup's own folder trusts nobody."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.errors import Kind, XueliangError
from registry.backup_manifest import EVIDENCE_FOLDERS, BackedFile, is_small_file

_CHUNK = 1024 * 1024
#: Left free for others on the disk that a copy goes to.
_MARGIN = 32 * 1024 * 1024


class Shelf:
    """A folder read by descriptors: nothing but plain files is opened, no link is followed. With ``links`` its own
    folders may be links: an administrator's, in a data folder, to a larger disk."""

    def __init__(self, path: Path, *, links: bool = False) -> None:
        self.path = path
        self._folders = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if links else os.O_NOFOLLOW)

    @contextmanager
    def open(self, relative: str) -> Iterator[int]:
        """Raises ``NOT_FOUND`` where there is no such plain file. ``relative`` has no part that leads out: it is one
        of :func:`registry.backup_manifest.is_small_file` or a name of ours."""
        *folders, name = relative.split("/")
        held: list[int] = []
        try:
            held.append(os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            for folder in folders:
                held.append(os.open(folder, self._folders, dir_fd=held[-1]))
            # Without waiting: a pipe in a file's place would be waited for until somebody writes to it.
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            held.append(os.open(name, flags, dir_fd=held[-1]))
            if not stat.S_ISREG(os.fstat(held[-1]).st_mode):
                raise XueliangError(Kind.INVALID, "not a plain file", where=relative, fix="Take an older backup")
            yield held[-1]
        except (FileNotFoundError, NotADirectoryError) as error:
            raise XueliangError(Kind.NOT_FOUND, "the file is missing", where=relative) from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise XueliangError(Kind.INVALID, "a link stands in its place", where=relative) from error
            raise trouble(error, self.path / relative) from error
        finally:
            for descriptor in reversed(held):
                os.close(descriptor)

    def size(self, relative: str) -> int:
        with self.open(relative) as descriptor:
            return os.fstat(descriptor).st_size

    def read(self, relative: str, most: int) -> bytes:
        """Raises ``TOO_LARGE`` beyond ``most`` bytes."""
        with self.open(relative) as descriptor:
            parts, left = [], most + 1
            while left and (part := os.read(descriptor, min(left, _CHUNK))):
                parts.append(part)
                left -= len(part)
        if not left:
            raise XueliangError(Kind.TOO_LARGE, f"more than {most} bytes", where=relative)
        return b"".join(parts)


def small_files(folder: Path) -> list[str]:
    """References and pictures in a data folder; what is being written just now has another name and is not among
    them."""
    found = []
    for part in ("references", *(f"evidence/{name}" for name in EVIDENCE_FOLDERS)):
        try:
            found += [f"{part}/{name}" for name in os.listdir(folder / part)]
        except FileNotFoundError:
            continue
    return sorted(filter(is_small_file, found))


def take(source: Shelf, relative: str, target: Path) -> BackedFile | None:
    """One file out of a data folder; ``None`` for one that has gone meanwhile. Files there are replaced and never
    written to, so that what is open is whole."""
    try:
        with source.open(relative) as descriptor:
            modified = os.fstat(descriptor).st_mtime_ns // 1000
            size, digest = _copy(descriptor, target / relative, modified)
    except XueliangError as error:
        if error.kind is Kind.NOT_FOUND:
            return None
        raise
    return BackedFile(relative, size, digest, modified)


def finish(target: Path, relative: str) -> BackedFile:
    """A file that stands in the backup already: on the disk, hashed, with its mode."""
    with Shelf(target).open(relative) as descriptor:
        os.fchmod(descriptor, 0o600)
        os.fsync(descriptor)
        modified = os.fstat(descriptor).st_mtime_ns // 1000
        size, digest = _pump(descriptor, None)
    return BackedFile(relative, size, digest, modified)


def read_back(source: Shelf, file: BackedFile) -> None:
    """From the disk, not from the memory that wrote it. Raises ``INVALID`` or ``NOT_FOUND``, naming the file."""
    with source.open(file.path) as descriptor:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        _compare(file, *_pump(descriptor, None, file.size))


def put(source: Shelf, file: BackedFile, target: Path) -> None:
    """One file out of a backup, compared while it is copied. Raises as :func:`read_back`."""
    with source.open(file.path) as descriptor:
        _compare(file, *_copy(descriptor, target / file.path, file.modified, file.size))


def write_new(path: Path, data: bytes) -> None:
    """Mode 0600 and on the disk."""
    with _made(path) as descriptor:
        _write(descriptor, data)
        os.fsync(descriptor)


def sync_disk(folder: Path) -> None:
    """All that was written to the disk of ``folder`` is on it: one wait, where a hundred thousand pictures would each
    have their own (syncfs(2)). Raises ``UNAVAILABLE``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            number = ctypes.get_errno()
            raise trouble(OSError(number, os.strerror(number)), folder)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """The names in it are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_room(folder: Path, size: int) -> None:
    """Raises ``UNAVAILABLE`` where the disk of ``folder`` has not so many bytes left for us."""
    free = shutil.disk_usage(folder).free
    if free < size + _MARGIN:
        raise XueliangError(
            Kind.UNAVAILABLE,
            f"the disk has {free >> 20} MiB left and {(size + _MARGIN) >> 20} are needed",
            where=str(folder),
            fix="Make room there, or name a folder on another disk",
        )


def trouble(error: OSError, where: Path) -> XueliangError:
    what = f"the disk did not do it: {error.strerror}"
    return XueliangError(Kind.UNAVAILABLE, what, where=str(where), fix="Look at its free space and its rights")


def _compare(file: BackedFile, size: int, digest: str) -> None:
    if (size, digest) != (file.size, file.sha256):
        raise XueliangError(
            Kind.INVALID,
            "the file is not the one that was backed up: its bytes were changed",
            where=file.path,
            fix="Take another copy of this backup, or an older one",
        )


def _copy(descriptor: int, path: Path, modified: int, most: int | None = None) -> tuple[int, str]:
    with _made(path) as out:
        found = _pump(descriptor, out, most)
        os.utime(out, ns=(modified * 1000, modified * 1000))
    return found


@contextmanager
def _made(path: Path) -> Iterator[int]:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        raise trouble(error, path) from error


def _pump(descriptor: int, out: int | None, most: int | None = None) -> tuple[int, str]:
    """Size and SHA-256 of all there is, or of one byte more than ``most``."""
    digest, size = hashlib.sha256(), 0
    while most is None or size <= most:
        part = os.read(descriptor, _CHUNK if most is None else min(_CHUNK, most + 1 - size))
        if not part:
            break
        digest.update(part)
        size += len(part)
        if out is not None:
            _write(out, part)
    return size, digest.hexdigest()


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
