"""Edge: Debian's nginx on loopback with our own example of a configuration, its names, ports and files put in."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.support.peers import missing
from tests.support.tree import ROOT

EXAMPLE = ROOT / "deploy" / "nginx.conf"
NAME = "xueliang.example"
_MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


def free_tcp_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


def program() -> str:
    """Where nginx is. Skips without one."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        missing("no nginx is installed (Debian: nginx-light)")
    return found


def site(secure: int, plain: int, service: int, certificate: Path) -> str:
    """Our example for this machine. Everything else in it stays as it is handed out."""
    text = re.sub(r"^\s*listen \[::\].*\n", "", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    changed = [
        (r"listen 443 ", f"listen 127.0.0.1:{secure} "),
        (r"listen 80 ", f"listen 127.0.0.1:{plain} "),
        (r"server 127\.0\.0\.1:8080;", f"server 127.0.0.1:{service};"),
        (r"/etc/xueliang/tls/\w+\.pem", str(certificate)),
        (rf"https://{re.escape(NAME)}\$", f"https://{NAME}:{secure}$"),
    ]
    for old, new in changed:
        text, times = re.subn(old, new, text)
        assert times, old
    return text


@asynccontextmanager
async def nginx(folder: Path, text: str, as_root: bool) -> AsyncIterator[list[str]]:
    """Until the body ends; yields what it wrote to its log."""
    (folder / "site.conf").write_text(text, encoding="utf-8")
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user="user root;" if as_root else ""))
    process = await asyncio.create_subprocess_exec(
        *(program(), "-p", str(folder), "-c", str(folder / "nginx.conf")),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said: list[str] = []
    started = asyncio.Event()

    async def listen(lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            said.append(line.decode("utf-8", "replace").rstrip())
            if "start worker process" in said[-1]:
                started.set()
        started.set()

    hearing = asyncio.create_task(listen(process.stderr))
    try:
        async with asyncio.timeout(20):
            await started.wait()
        assert process.returncode is None, said
        yield said
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await hearing
