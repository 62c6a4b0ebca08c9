"""Edge: the folder of small pictures: the last one of every camera, overwritten, and evidence named by its id.

All files are 0600 and written beside their place before they take it, so that a reader never sees half of one.
"""

from __future__ import annotations

import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

from config.errors import Kind, XueliangError

#: Ids are ours (UUIDv7); anything else as a file name would be somebody's attempt.
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_PICTURE = 2 * 1024 * 1024


class PictureFiles:
    """``last/<camera>.jpg`` (the last sample, where it is not good), ``good/<camera>.jpg`` (the last good one),
    ``bad/<camera>.jpg`` (the first bad one of a run under way), ``plain/<camera>.jpg`` (the same, nothing drawn in),
    ``evidence/<id>.jpg``. Calls write a few kB each and are made in threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("last", "good", "bad", "plain", "evidence"):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def put_last(self, camera_id: str, picture: bytes) -> None:
        self._put("last", camera_id, picture)

    def put_good(self, camera_id: str, picture: bytes) -> None:
        """Written once: while there is no ``last``, the last good one is the last."""
        self._put("good", camera_id, picture)
        self._path("last", camera_id).unlink(missing_ok=True)

    def put_bad(self, camera_id: str, picture: bytes, plain: bytes = b"") -> None:
        self._put("bad", camera_id, picture)
        self._put("plain", camera_id, plain)

    def last(self, camera_id: str) -> bytes | None:
        return self._get("last", camera_id) or self._get("good", camera_id)

    def last_at(self, camera_id: str) -> datetime | None:
        """When the last sample was written."""
        for kind in ("last", "good"):
            try:
                return datetime.fromtimestamp(self._path(kind, camera_id).stat().st_mtime, UTC)
            except FileNotFoundError:
                continue
        return None

    def good(self, camera_id: str) -> bytes | None:
        return self._get("good", camera_id)

    def bad(self, camera_id: str) -> bytes | None:
        return self._get("bad", camera_id)

    def plain(self, camera_id: str) -> bytes | None:
        return self._get("plain", camera_id)

    def drop_bad(self, camera_id: str) -> None:
        for kind in ("bad", "plain"):
            self._path(kind, camera_id).unlink(missing_ok=True)

    def put_evidence(self, evidence_id: str, picture: bytes) -> None:
        self._put("evidence", evidence_id, picture)

    def evidence(self, evidence_id: str) -> bytes | None:
        return self._get("evidence", evidence_id)

    def remove_evidence(self, ids: list[str]) -> None:
        for evidence_id in ids:
            self._path("evidence", evidence_id).unlink(missing_ok=True)

    def forget(self, camera_id: str) -> None:
        """A camera that is no longer watched leaves no picture behind but its evidence."""
        for kind in ("last", "good", "bad", "plain"):
            self._path(kind, camera_id).unlink(missing_ok=True)

    def _path(self, kind: str, name: str) -> Path:
        if not _ID.fullmatch(name):
            raise XueliangError(Kind.INVALID, "not an id of ours")
        return self._folder / kind / f"{name}.jpg"

    def _get(self, kind: str, name: str) -> bytes | None:
        try:
            with self._path(kind, name).open("rb") as file:
                return file.read(MAX_PICTURE)
        except FileNotFoundError:
            return None

    def _put(self, kind: str, name: str, picture: bytes) -> None:
        """Raises ``TOO_LARGE``, and ``UNAVAILABLE`` when the disk does not take it."""
        path = self._path(kind, name)
        if len(picture) > MAX_PICTURE:
            raise XueliangError(Kind.TOO_LARGE, f"a picture of {len(picture)} bytes, more than {MAX_PICTURE}")
        # Two checks of one camera may end together: each writes a file of its own.
        beside = path.with_suffix(f".{secrets.token_hex(4)}.new")
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(picture)
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise XueliangError(
                Kind.UNAVAILABLE,
                f"a picture cannot be kept: {error.strerror}",
                where=str(path.parent),
                fix="Free space on the data disk, or give the service the right to write there",
            ) from error
