"""Wiring: programs of others that tests and benches run, each in an environment of its own under ``.peers``.

``python -m tests.peers.setup [NAME ...]`` installs what is missing or of another version; nothing here is part of
the project or of its environment: ``ipycam`` drags in another OpenCV. Exit 1 when one could not be had.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """``requirement`` is the pinned package; ``module`` is imported to see that it works."""

    requirement: str
    module: str


KNOWN = {
    "ipycam": Peer("ipycam==1.3.0", "ipycam"),
    "wsdiscovery": Peer("WSDiscovery==2.1.2", "wsdiscovery"),
}


def installed(folder: Path) -> str:
    """The requirement that was installed there, empty for none or for one cut short."""
    mark = folder / "installed"
    return mark.read_text("utf-8") if mark.exists() else ""


def install(peer: Peer, folder: Path) -> None:
    """Raises ``CalledProcessError`` where pip or the import fails; the folder then counts as not installed."""
    (folder / "installed").unlink(missing_ok=True)
    venv.create(folder, with_pip=True, clear=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", peer.requirement]
    subprocess.run(pip, check=True)
    subprocess.run([python, "-c", f"import {peer.module}"], check=True)
    (folder / "installed").write_text(peer.requirement, "utf-8")


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
        try:
            install(KNOWN[name], folder)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name} could not be installed: {error}", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
