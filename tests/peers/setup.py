"""Wiring: programs of others that tests and benches run, each in an environment of its own under ``.peers``.

``python -m tests.peers.setup [NAME ...]`` installs what is missing or of another version; nothing here is part of
the project or of its environment: ``ipycam`` drags in another OpenCV. Exit 1 when one could not be had.
Packages for browsers come by npm, without their scripts, and are held against their digests. Programs in Go are built
from their modules where Go is; without it, or where they cannot be had, it is said and what wants them is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".peers"
#: Seconds for a program in Go to be fetched, and to be built; a proxy that hangs must not hold everything up.
PATIENCE = 300


@dataclass(frozen=True, slots=True)
class Peer:
    """``requirement`` is the pinned package; ``module`` is imported to see that it works."""

    requirement: str
    module: str


@dataclass(frozen=True, slots=True)
class Page:
    """A package of npm: ``requirement`` pins it, ``integrity`` is the registry's digest of it, ``file`` is what a page
    imports."""

    requirement: str
    integrity: str
    file: str

    @property
    def name(self) -> str:
        return self.requirement.rpartition("@")[0]


@dataclass(frozen=True, slots=True)
class Program:
    """A module of Go with a program at its root: ``requirement`` pins it, ``integrity`` is its sum as Go writes it
    (what it needs in turn is pinned by its own ``go.sum``). ``generated`` are files its build wants and its module
    leaves out."""

    requirement: str
    integrity: str
    generated: tuple[tuple[str, str], ...] = ()


KNOWN: dict[str, Peer | Page | Program] = {
    "ipycam": Peer("ipycam==1.3.0", "ipycam"),
    "wsdiscovery": Peer("WSDiscovery==2.1.2", "wsdiscovery"),
    "whip-whep": Page(
        "whip-whep@1.2.0",
        "sha512-CP+Tht3O/N6QLebW5LxsNKgzFN5KX6WinLr1SLs74feagYu+Gqy+0dw48p5RQuE+FlrM4xyOlOdW2UOQwljImA==",
        "whep.js",
    ),
    "mediamtx": Program(
        "github.com/bluenviron/mediamtx@v1.14.0",
        "h1:4Dh54RnBP4tOdseCZOHBrvGHCiWkp2GkdjujpA5bRmQ=",
        # A player for pages, which is not looked at here, and the version that the program says.
        (("internal/core/VERSION", "v1.14.0\n"), ("internal/servers/hls/hls.min.js", "\n")),
    ),
    "go2rtc": Program("github.com/AlexxIT/go2rtc@v1.9.14", "h1:HjaZ2pR64nTkoTZcKM8Zjybg7swyCZbA8Biru1mbqcY="),
}


def installed(folder: Path) -> str:
    """The requirement that was installed there, empty for none or for one cut short."""
    mark = folder / "installed"
    return mark.read_text("utf-8") if mark.exists() else ""


def install(peer: Peer | Page | Program, folder: Path) -> None:
    """Raises ``CalledProcessError`` or ``OSError`` where it cannot be had or is not what was pinned; the folder then
    counts as not installed."""
    (folder / "installed").unlink(missing_ok=True)
    match peer:
        case Page():
            _install_page(peer, folder)
        case Program():
            _install_program(peer, folder)
        case _:
            _install_peer(peer, folder)
    (folder / "installed").write_text(peer.requirement, "utf-8")


def _install_peer(peer: Peer, folder: Path) -> None:
    venv.create(folder, with_pip=True, clear=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", peer.requirement]
    subprocess.run(pip, check=True)
    subprocess.run([python, "-c", f"import {peer.module}"], check=True)


def _install_page(page: Page, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"private": true}', "utf-8")
    npm = [sys.executable, str(ROOT / "console" / "build.py"), "npm", "install", "--ignore-scripts", "--no-audit"]
    subprocess.run([*npm, "--no-fund", "--loglevel=error", page.requirement], check=True, cwd=folder)
    lock = json.loads((folder / "package-lock.json").read_text("utf-8"))
    found = lock["packages"][f"node_modules/{page.name}"]["integrity"]
    if found != page.integrity:
        raise OSError(f"the registry's package is another one: {found}")


def _install_program(program: Program, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    go = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    # By name and version alone: installing it asks for a list of versions too, which not every proxy gives.
    download = ["go", "mod", "download", "-json", program.requirement]
    got = subprocess.run(download, check=True, cwd=folder, env=go, stdout=subprocess.PIPE, timeout=PATIENCE)
    told = json.loads(got.stdout)
    if told["Sum"] != program.integrity:
        raise OSError(f"the module is another one: {told['Sum']}")
    source = folder / "source"
    shutil.copytree(told["Dir"], source)
    for place in (source, *source.rglob("*")):
        place.chmod(place.stat().st_mode | 0o200)  # a module's files are read-only
    for name, text in program.generated:
        (source / name).write_text(text, "utf-8")
    built = folder / "program"
    build = ["go", "build", "-trimpath", "-o", str(built), "."]
    subprocess.run(build, check=True, cwd=source, env=go, timeout=PATIENCE)
    shutil.rmtree(source)


def program_file(name: str) -> Path:
    """A program in Go; it exists where the pinned version is installed."""
    folder = PEERS / name
    return folder / ("program" if installed(folder) == KNOWN[name].requirement else "missing")


def page_file(name: str) -> Path:
    """What a page imports of an npm package; it exists where the pinned version is installed."""
    page, folder = KNOWN[name], PEERS / name
    assert isinstance(page, Page)
    if installed(folder) != page.requirement:
        return folder / "missing"
    return folder / "node_modules" / page.name / page.file


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.peers.setup")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(KNOWN)} (default: all)")
    options = parser.parse_args(arguments)
    code = 0
    for name in options.names or KNOWN:
        if name not in KNOWN:
            print(f"no such peer: {name}; there are {', '.join(KNOWN)}", file=sys.stderr)
            return 2
        folder = PEERS / name
        if installed(folder) == KNOWN[name].requirement:
            continue
        wanted = KNOWN[name]
        may_lack = isinstance(wanted, Program) and name not in options.names
        if may_lack and shutil.which("go") is None:
            print(f"{name} is left out: there is no Go here", file=sys.stderr)
            continue
        try:
            install(wanted, folder)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{name} could not be installed: {error}", file=sys.stderr)
            code = code if may_lack else 1
    return code


if __name__ == "__main__":
    sys.exit(main())
