"""Edge: the console as built: a table of names read from its folder once."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from config.errors import Kind, XueliangError

log = logging.getLogger(__name__)

INDEX = "index.html"
#: What a build may hold; a folder beyond it is something else.
MAX_FILES = 2000
MAX_BYTES = 64 * 1024 * 1024
_MAX_DEPTH = 4
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
#: The bundler puts eight characters of the content's hash before the suffix: such a name never changes its content.
_HASHED = re.compile(r"assets/(?:.*/)?[^/]*-[A-Za-z0-9_-]{8}\.[a-z0-9.]+")
_REFERRED = re.compile(r"""(?:src|href)=["']/([^"'?#]+)["']""")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".txt": "text/plain; charset=utf-8",
}
#: Suffix of a file that was compressed beside another -> its content coding (RFC 9110 section 8.4.1), best first.
_CODINGS = {".br": "br", ".gz": "gzip"}
IMMUTABLE = "public, max-age=31536000, immutable"
#: Kept, but asked after each time: a new release shows itself at the next look.
REVALIDATED = "no-cache"


@dataclass(frozen=True, slots=True)
class Form:
    """One content in one coding (``""``: as it is)."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, body: bytes) -> Form:
        return cls(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """``name`` is its path below the folder, such as ``assets/now-3fa9c1d2.js``."""

    name: str
    media_type: str
    cache: str
    forms: Mapping[str, Form]

    def coding(self, accept_encoding: str) -> str:
        """The best coding that the asker takes (RFC 9110 section 12.5.3); a weight of 0 is a refusal."""
        taken = set(_accepted(accept_encoding))
        return next((coding for coding in _CODINGS.values() if coding in taken and coding in self.forms), "")


@dataclass(frozen=True, slots=True)
class ConsoleFiles:
    """Every file by its name. What is not in the table is not there, whatever a path is made of."""

    files: Mapping[str, BuiltFile]

    @property
    def index(self) -> BuiltFile:
        return self.files[INDEX]


def _accepted(header: str) -> Iterator[str]:
    for item in header[:1000].split(","):
        coding, _, parameter = item.partition(";")
        weight = parameter.strip().lower().removeprefix("q=")
        if not parameter or weight.strip("0."):
            yield coding.strip().lower()


def found() -> ConsoleFiles | None:
    """The console of this installation: inside the package as installed, else as built in the checkout around it."""
    packaged = resources.files("center") / "console"
    if packaged.is_dir():
        return load(packaged)
    checkout = Path(__file__).resolve().parent.parent / "console"
    if (checkout / "package.json").is_file():
        return load(checkout / "dist")
    return None


def load(folder: Traversable) -> ConsoleFiles | None:
    """``None`` where no build is, or half of one. Raises ``INVALID`` for a folder that cannot be a console's."""
    if not (folder / INDEX).is_file():
        return None
    raw = dict(_read(folder))
    files = {name: built for name in raw if (built := _file(name, raw)) is not None}
    missing = sorted(set(_REFERRED.findall(raw[INDEX].decode("utf-8", "replace"))) - files.keys())
    if missing:
        log.warning("x the console is not whole: %s names %s, which is not there", INDEX, missing[0])
        return None
    return ConsoleFiles(files)


def _file(name: str, raw: Mapping[str, bytes]) -> BuiltFile | None:
    media_type = _TYPES.get(PurePosixPath(name).suffix)
    if media_type is None:
        return None
    forms = {"": Form.of(raw[name])}
    forms |= {coding: Form.of(raw[name + suffix]) for suffix, coding in _CODINGS.items() if name + suffix in raw}
    return BuiltFile(name, media_type, IMMUTABLE if _HASHED.fullmatch(name) else REVALIDATED, forms)


def _read(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    number = size = 0
    for name, entry in _walk(folder, "", 0):
        body = entry.read_bytes()
        number, size = number + 1, size + len(body)
        if number > MAX_FILES or size > MAX_BYTES:
            raise XueliangError(
                Kind.INVALID,
                f"the console's folder holds more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB",
                where=str(folder),
                fix="Build it anew: make console",
            )
        yield name, body


def _walk(folder: Traversable, prefix: str, depth: int) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        # A link may lead out of the folder; no build makes one.
        if not _NAME.fullmatch(entry.name) or (isinstance(entry, Path) and entry.is_symlink()):
            continue
        if entry.is_file():
            yield prefix + entry.name, entry
        elif entry.is_dir() and depth < _MAX_DEPTH:
            yield from _walk(entry, f"{prefix}{entry.name}/", depth + 1)
