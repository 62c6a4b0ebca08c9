"""The project's own files, read once as syntax trees, for the tests about the frame."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: What each room may import of ours, besides itself. A room that is not there yet simply has no files.
ROOMS: dict[str, frozenset[str]] = {
    "config": frozenset(),
    "camera_gateway": frozenset({"config"}),
    "registry": frozenset({"config", "camera_gateway"}),
    "health": frozenset({"config", "camera_gateway", "registry"}),
    "streaming": frozenset({"config", "camera_gateway", "registry"}),
    "alerts": frozenset({"config", "registry", "health"}),
    "center": frozenset({"config", "camera_gateway", "registry", "health", "streaming", "alerts"}),
}


@dataclass(frozen=True, slots=True)
class Module:
    """``path`` is relative to the project, with forward slashes."""

    path: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.path.split("/", 1)[0]

    @classmethod
    def parse(cls, path: str, text: str) -> Module:
        return cls(path, text, ast.parse(text))


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Every Python file under the folders, in order."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "__pycache__" not in path.parts:
                found.append(Module.parse(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")))
    return tuple(found)


def rooms() -> tuple[Module, ...]:
    return modules(*ROOMS)


def imports(module: Module) -> Iterator[tuple[str, int]]:
    """Dotted names a module imports anywhere in it, with their lines; relative ones resolved; constant
    ``import_module`` calls and dotted ``"room.module:function"`` strings are the caller's to judge."""
    package = module.path.split("/")[:-1]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield ".".join([*base, *([node.module] if node.module else [])]), node.lineno
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value, node.lineno


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def calls(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Everything called, with its dotted name: ``asyncio.open_connection``, ``loop.create_server``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"
