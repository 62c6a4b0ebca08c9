"""Files and bodies stay readable, and each file says in its first line what it is."""

from __future__ import annotations

import ast

from tests.support.tree import Module, modules, rooms

MAX_FILE = 600
MAX_FUNCTION = 60
KINDS = ("Pure: ", "Edge: ", "Wiring: ")


def everything() -> tuple[Module, ...]:
    return rooms() + modules("tests", "bench", "fuzz")


def long_functions(module: Module) -> list[str]:
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > MAX_FUNCTION:
                found.append(f"{module.path}:{node.lineno}: {node.name} has {size} lines")
    return found


def unnamed_kind(module: Module) -> list[str]:
    first = (ast.get_docstring(module.tree) or "").split("\n")[0]
    if module.path.endswith(("__init__.py", "__main__.py")):
        return [] if first or not module.text.strip() else [f"{module.path}: no docstring"]
    if "/migrations/" in module.path:  # Alembic's own form: one step of the schema a file
        return [] if first else [f"{module.path}: no docstring"]
    return [] if first.startswith(KINDS) else [f"{module.path}: {first!r} does not begin with one of {KINDS}"]


def test_files_are_short() -> None:
    sizes = {module.path: module.text.count("\n") for module in everything()}
    assert {path: size for path, size in sizes.items() if size > MAX_FILE} == {}


def test_bodies_are_short() -> None:
    assert [finding for module in everything() for finding in long_functions(module)] == []


def test_every_file_says_what_it_is() -> None:
    assert [finding for module in rooms() for finding in unnamed_kind(module)] == []


def test_the_rules_catch_what_they_are_for() -> None:
    long = "def f():\n" + "    x = 1\n" * MAX_FUNCTION
    assert long_functions(Module.parse("health/a.py", long)) != []
    assert unnamed_kind(Module.parse("health/a.py", '"""Things that help."""')) != []
    assert unnamed_kind(Module.parse("health/a.py", '"""Pure: one thing."""')) == []
