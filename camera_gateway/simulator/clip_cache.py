"""Edge: encoded GOPs as files in a folder of our own (0700), named by parameter hash, each checked when read.

A file is the SHA-256 of the rest, then one msgpack list of ``[keyframe, order, [nal, ...]]``.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import stat
import tempfile
from pathlib import Path

import msgpack

from camera_gateway.media.encode import CodedPicture
from config.errors import Kind, XueliangError

log = logging.getLogger(__name__)

MAX_FILE = 64 * 1024 * 1024
_SUFFIX = ".gop"


def default_folder() -> Path:
    """``$XDG_CACHE_HOME/xueliang/clips``, by default under ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "xueliang" / "clips"


class ClipCache:
    """At most ``max_bytes`` on disk; what was read longest ago goes first. Blocking: call it from a worker thread."""

    def __init__(self, folder: Path, max_bytes: int = 4 * 1024**3) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._written = 0

    def open(self) -> None:
        """Make the folder. Raises ``FORBIDDEN`` where it belongs to somebody else or others may write to it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        state = self.folder.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o022:
            raise XueliangError(
                Kind.FORBIDDEN,
                "the folder for cached clips is not a folder of yours alone",
                where=str(self.folder),
                fix="Give another one with --cache, or chmod it to 0700",
            )
        self._trim()

    def load(self, name: str) -> list[CodedPicture] | None:
        """The GOP, or ``None`` where there is none or the file is damaged (then it is removed)."""
        path = self.folder / (name + _SUFFIX)
        try:
            if path.stat().st_size > MAX_FILE:
                return None
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            log.warning("x the cached clip %s is damaged and is made anew", path.name)
            path.unlink(missing_ok=True)
            return None
        return [CodedPicture(tuple(nals), key, order) for key, order, nals in msgpack.unpackb(data[32:])]

    def save(self, name: str, gop: list[CodedPicture]) -> None:
        """A full or read-only disk costs the cache, not the fleet."""
        body = bytes(msgpack.packb([[p.keyframe, p.order, list(p.nals)] for p in gop]))
        data = hashlib.sha256(body).digest() + body
        temporary = ""
        try:
            handle, temporary = tempfile.mkstemp(dir=self.folder, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, self.folder / (name + _SUFFIX))
        except OSError as error:
            log.warning("x a clip could not be cached in %s: %s", self.folder, error.strerror)
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            return
        self._written += len(data)
        if self._written > self.max_bytes // 16:
            self._trim()

    def _trim(self) -> None:
        """Back to nine tenths of the limit."""
        self._written = 0
        files = []
        for entry in os.scandir(self.folder):
            if entry.name.endswith((_SUFFIX, ".part")):
                with contextlib.suppress(OSError):
                    state = entry.stat()
                    files.append((state.st_mtime, state.st_size, entry.path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files) if total > self.max_bytes else ():
            if total <= self.max_bytes * 0.9:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)
                total -= size
