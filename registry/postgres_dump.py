"""Edge: ``pg_dump`` and ``pg_restore``, PostgreSQL's own tools. A password goes by a file of mode 0600, never by an
argument or the environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from config.errors import Kind, XueliangError
from config.text import printable


async def dump(url: str, file: Path, *, snapshot: str, schema: str) -> None:
    """What the exported ``snapshot`` sees of ``schema``, in PostgreSQL's custom form. Raises ``UNAVAILABLE``."""
    what = ["--format=custom", f"--snapshot={snapshot}", f"--schema={schema}", "--no-owner", "--no-privileges"]
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    await _run("pg_dump", url, [*what, f"--file={file}"])


async def require_readable(file: Path) -> None:
    """Its table of contents can be read. Raises ``UNAVAILABLE``."""
    await _run("pg_restore", None, ["--list", "--file=/dev/null", str(file)])


async def restore(url: str, file: Path, *, schema: str) -> None:
    """Into ``schema``, which stands and has no tables, in one transaction. Raises ``UNAVAILABLE``; then it is as it
    was."""
    what = ["--single-transaction", "--exit-on-error", f"--schema={schema}", "--no-owner", "--no-privileges"]
    await _run("pg_restore", url, [*what, str(file)])


async def _run(program: str, url: str | None, words: Sequence[str]) -> None:
    found = shutil.which(program)
    if found is None:
        raise XueliangError(
            Kind.UNAVAILABLE,
            f"{program} is not installed, and a PostgreSQL database is copied with nothing else",
            fix="Install PostgreSQL's client programs, of the server's version or newer (postgresql-client)",
        )
    with _password(url) as (place, environment):
        to = [] if place is None else [f"--dbname={place}", "--no-password"]
        process = await asyncio.create_subprocess_exec(
            *(found, *to, *words),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await process.communicate()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    if process.returncode:
        last = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()][:1]
        why = printable(" ".join(last), 300) or f"exit code {process.returncode}"
        raise XueliangError(Kind.UNAVAILABLE, f"{program}: {why}", fix="Look at the database's server and its log")


@contextmanager
def _password(url: str | None) -> Iterator[tuple[str | None, dict[str, str]]]:
    """The address without its password, and an environment that names a file with it."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    if url is None:
        yield None, environment
        return
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    user, colon, password = login.partition(":")
    if not colon:
        yield url, environment
        return
    with tempfile.TemporaryDirectory(prefix="xueliang-") as folder:
        file = Path(folder) / "pgpass"
        escaped = unquote(password).replace("\\", "\\\\").replace(":", "\\:")
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(f"*:*:*:*:{escaped}\n")
        yield urlunsplit(parts._replace(netloc=f"{user}{at}{host}")), {**environment, "PGPASSFILE": str(file)}
