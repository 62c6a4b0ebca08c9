"""Edge: xueliang as it is installed: its wheel in ``/opt/xueliang``, in a small root of its own.

The root holds what is ours and what every program needs of ``/etc``; ``/usr`` is this machine's. The libraries are
those of the tests: they are put in their place where the root is mounted (:attr:`Root.binds`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.tree import ROOT

#: Debian's Python, of the same minor version as the tests': what is in /root or /home is hidden from the service.
PYTHON = "/usr/bin/python3"
PREFIX = Path("opt/xueliang")
CHECKOUT = Path("root/xueliang")
_NEEDED = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "os-release",
    "localtime",
    "nsswitch.conf",
    "pam.d",
    "security",
    "login.defs",
)


@dataclass(frozen=True, slots=True)
class Root:
    path: Path

    @property
    def binds(self) -> dict[str, Path]:
        """What is mounted read-only: place -> from where."""
        return {"/usr": Path("/usr"), f"/{PREFIX}/deps": Path(sysconfig.get_paths()["purelib"])}

    @property
    def data(self) -> Path:
        return self.path / "var/lib/xueliang"

    def put(self, name: str, text: str, mode: int = 0o644) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        return file


def require_root() -> None:
    """Skips where no root of its own can be made."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a root of its own")
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not Path(PYTHON).exists() or wanted not in _version(PYTHON):
        pytest.skip(f"{PYTHON} is not Python {wanted}, which the libraries here are for")
    if not Path("/bin").is_symlink():
        pytest.skip("this system keeps programs outside /usr")


def _version(python: str) -> str:
    return subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout


@contextmanager
def root() -> Iterator[Root]:
    """With the program in its place, and ``deploy/`` where a checkout would be; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="xueliang-root-"))
    try:
        folder.chmod(0o755)
        made = Root(folder)
        _skeleton(made)
        _install(made)
        shutil.copytree(ROOT / "deploy", made.path / CHECKOUT / "deploy")
        yield made
    finally:
        shutil.rmtree(folder)


def _skeleton(made: Root) -> None:
    for name in (
        "usr",
        "proc",
        "sys",
        "dev",
        "run",
        "tmp",
        "root",
        "var/lib",
        "etc",
        "opt",
        "mnt/backup",
        "media/key",
        "etc/systemd/system",
    ):
        (made.path / name).mkdir(parents=True)
    (made.path / "tmp").chmod(0o1777)
    for name in ("bin", "sbin", "lib", "lib64"):
        if Path("/", name).is_symlink():
            (made.path / name).symlink_to(f"usr/{name}")
    for name in _NEEDED:
        there = Path("/etc", name)
        if there.is_dir():
            shutil.copytree(there, made.path / "etc" / name)
        elif there.exists():
            shutil.copy(there, made.path / "etc" / name)
    made.put("etc/machine-id", "c0ffee00c0ffee00c0ffee00c0ffee00\n")
    made.put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n")
    made.put("etc/group", "root:x:0:\nnogroup:x:65534:\n")


def _install(made: Root) -> None:
    """The wheel, by pip, into an environment of the system's Python; its scripts name the place it will be at."""
    prefix = made.path / PREFIX
    run = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", str(prefix)], **run)  # type: ignore[call-overload]
    with tempfile.TemporaryDirectory() as dist:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", dist]
        subprocess.run(build, cwd=ROOT, **run)  # type: ignore[call-overload]
        (wheel,) = Path(dist).glob("*.whl")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(prefix / "bin/python3")]
        words = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
        subprocess.run([*pip, *words], **run)  # type: ignore[call-overload]
    script = prefix / "bin/xueliang"
    first, _, rest = script.read_text().partition("\n")
    assert str(prefix) in first, first
    script.write_text(f"{first.replace(str(prefix), f'/{PREFIX}')}\n{rest}")
    (prefix / "deps").mkdir()
    (site,) = prefix.glob("lib/python3*/site-packages")
    (site / "deps.pth").write_text(f"/{PREFIX}/deps\n")


def guide(page: str) -> list[str]:
    """The blocks of commands of a page of the guide, as they stand on it."""
    text = (ROOT / "docs/guide" / page).read_text("utf-8")
    return re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
