"""Edge: a machine with a true systemd in it (systemd-nspawn) on a root of ours, with a network of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.installation import CHECKOUT, PREFIX, Root
from tests.support.peers import missing

SECONDS = 240


class Machine:
    """``inside`` runs a command in it as root."""

    def __init__(self, root: Root, leader: int) -> None:
        self.root = root
        self._into = ["nsenter", "-t", str(leader), "-m", "-u", "-i", "-n", "-C"]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A program that goes on beside the test; a process of the test's own, that ends with its signal."""
        return subprocess.Popen([*self._into, "--", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def inside(self, *words: str, check: bool = True) -> str:
        """What it said; fails with it where it fails."""
        done = subprocess.run([*self._into, "-p", "--", *words], capture_output=True, text=True, timeout=SECONDS)
        if check and done.returncode:
            journal = self.inside("journalctl", "--no-pager", "-n", "40", check=False)
            pytest.fail(f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}\n{journal}")
        return done.stdout + done.stderr

    def block(self, commands: str) -> str:
        """A block of a guide, in a root's shell in the checkout; the first of its commands that fails ends it."""
        path = f"PATH=/{PREFIX}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
        script = f"cd /{CHECKOUT}\n{commands}"
        return self.inside("env", path, "bash", "--noprofile", "--norc", "-eu", "-o", "pipefail", "-c", script)

    def shown(self, unit: str, *properties: str) -> list[str]:
        words = [f"--property={name}" for name in properties]
        told = dict(line.split("=", 1) for line in self.inside("systemctl", "show", unit, *words).splitlines())
        return [told[name] for name in properties]

    def until(self, unit: str, wanted: str) -> None:
        """Until a line of the journal of ``unit`` has ``wanted`` in it."""
        end = time.monotonic() + SECONDS
        said = ""
        while time.monotonic() < end:
            said = self.inside("journalctl", "--no-pager", "-o", "cat", "-u", unit)
            if wanted in said:
                return
        pytest.fail(f"{unit} never said {wanted!r}:\n{said[-3000:]}")


@contextmanager
def booted(root: Root) -> Iterator[Machine]:
    """Skips where no systemd can be started."""
    if shutil.which("systemd-nspawn") is None:
        missing("no systemd-nspawn is installed (Debian: systemd-container)")
    with tempfile.TemporaryDirectory() as folder, closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as heard:
        heard.bind(f"{folder}/notify")
        heard.settimeout(SECONDS)
        binds = [f"--bind-ro={source}:{place}" for place, source in root.binds.items()]
        words = ["--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe", "--notify-ready=yes"]
        with Path(folder, "console").open("w+") as console:
            process = subprocess.Popen(
                ["systemd-nspawn", *words, f"--directory={root.path}", *binds, "--boot", "--", "--unit=basic.target"],
                env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": f"{folder}/notify"},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
            try:
                leader = _leader(process, heard)
                heard.close()  # it tells more, and would wait for a reader: one that is gone it passes over
                if leader is None:
                    console.seek(0)
                    pytest.skip(f"systemd cannot be started here: {console.read()[-500:]}")
                yield Machine(root, leader)
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _leader(process: subprocess.Popen[bytes], heard: socket.socket) -> int | None:
    """Process number of its systemd, once that is ready; ``None`` where it ended before."""
    leader: int | None = None
    heard.settimeout(1)
    for _ in range(SECONDS):
        try:
            told = heard.recv(4096).decode().splitlines()
        except TimeoutError:
            if process.poll() is not None:
                return None
            continue
        fields = dict(line.split("=", 1) for line in told if "=" in line)
        leader = int(fields.get("X_NSPAWN_LEADER_PID", leader or 0)) or None
        if fields.get("READY") == "1" and leader is not None:
            return leader
    return None
