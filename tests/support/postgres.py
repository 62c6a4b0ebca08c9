"""Edge: a private PostgreSQL cluster for the tests, on a Unix socket in a folder of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg


def binaries() -> Path | None:
    """Where Debian puts the newest server's programs, if it is installed."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: float(path.parent.name), default=None)


@contextmanager
def cluster(programs: Path) -> Iterator[Path]:
    """The folder of the socket. The server refuses to run as root, so root starts it as ``postgres``."""
    # Not pytest's folder: a socket's path may have 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="xl-pg-"))
    run_as = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if run_as:
        shutil.chown(folder, "postgres", "postgres")
    data, log = folder / "data", folder / "log"
    options = f"-k {folder} -c listen_addresses='' -c fsync=off -c shared_buffers=16MB -c max_connections=60"

    def call(*words: str) -> None:
        subprocess.run([*run_as, *words], check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    try:
        call(str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        pg_ctl = str(programs / "pg_ctl")
        call(pg_ctl, "-D", str(data), "-l", str(log), "-o", options, "-w", "-t", "60", "start")
        try:
            yield folder
        finally:
            call(pg_ctl, "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def schema_url(socket_folder: Path, schema: str) -> str:
    """Make an empty schema and give the address that works in it alone."""
    _say(socket_folder, "CREATE SCHEMA {}", schema)
    where = quote(str(socket_folder), safe="")
    return f"postgresql://postgres@/postgres?host={where}&options=-csearch_path%3D{schema}"


def drop_schema(socket_folder: Path, schema: str) -> None:
    _say(socket_folder, "DROP SCHEMA {} CASCADE", schema)


def copied_url(socket_folder: Path, name: str, template: str) -> str:
    """Make database ``name`` as a copy of another, to which nobody is connected, and give its address."""
    _say(socket_folder, "CREATE DATABASE {} TEMPLATE {}", name, template)
    return f"postgresql://postgres@/{name}?host={quote(str(socket_folder), safe='')}"


def drop_database(socket_folder: Path, name: str) -> None:
    _say(socket_folder, "DROP DATABASE {} WITH (FORCE)", name)


def _say(socket_folder: Path, statement: str, *names: str) -> None:
    with psycopg.connect(host=str(socket_folder), user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL(statement).format(*map(psycopg.sql.Identifier, names)))


async def settle() -> None:
    """Let callbacks that are due run; never time."""
    for _ in range(5):
        await asyncio.sleep(0)
