"""The schema: one line of migrations, the same as the tables on both databases, and no place for people or plates."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from config.errors import Kind, XueliangError
from registry.database import Database, metadata
from registry.migrations import versions
from registry.migrations.draft import draft
from registry.migrations.run import current, differences, migrate, newest

VERSIONS = Path(str(versions.__file__)).parent
ROOMS = [
    name
    for name in ("registry", "health", "alerts")
    if (VERSIONS.parents[2] / name / "tables.py").exists() and importlib.import_module(f"{name}.tables")
]

#: Words of a schema that would list, recognise or follow people or vehicles.
FORBIDDEN = re.compile(
    r"(^|_)(persons?|people|faces?|facial|gaits?|plates?|licen[cs]e|vehicles?|suspects?|blacklists?|whitelists?"
    r"|watch_?lists?|identity_cards?|renlian|chepai|bukong)(_|$)|人脸|人员|人名|车牌|布控|黑名单|步态|嫌疑"
)


async def test_an_empty_database_becomes_the_tables(database_url: str) -> None:
    db = await Database.open(database_url)
    try:
        assert await current(db) is None
        done = await migrate(db)
        assert (done.before, done.after) == (None, newest())
        assert (await migrate(db)).before == newest()
        assert await differences(db) == []
    finally:
        await db.close()


async def test_the_comparison_sees_a_difference(db: Database) -> None:
    async with db.write() as connection:
        await connection.execute(sa.text("ALTER TABLE areas ADD COLUMN surprise INTEGER"))
    assert any("surprise" in difference for difference in await differences(db))


async def test_a_database_of_a_newer_program_is_refused(db: Database) -> None:
    async with db.write() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(XueliangError) as caught:
        await migrate(db)
    assert caught.value.kind is Kind.UNAVAILABLE


def test_migrations_are_one_line_and_import_no_table() -> None:
    files = sorted(VERSIONS.glob("[0-9]*.py"))
    for number, file in enumerate(files, 1):
        tree = ast.parse(file.read_text())
        values = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        assert file.name.startswith(f"{number:04}_")
        assert values["revision"] == f"{number:04}"
        assert values["down_revision"] == (f"{number - 1:04}" if number > 1 else None)
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert imported <= {"__future__", "alembic", "collections.abc", "typing", "config.ids", "registry.database"}


async def test_there_is_nothing_left_to_draft() -> None:
    body = await draft([f"{room}.tables" for room in ROOMS])
    assert "op." not in body
    assert "pass" in body


def test_the_schema_has_no_place_for_people_or_plates() -> None:
    names = {table.name for table in metadata.tables.values()}
    names |= {column.name for table in metadata.tables.values() for column in table.columns}
    assert [name for name in sorted(names) if FORBIDDEN.search(name)] == []
    for word in ("person_id", "face", "plate_number", "watch_list", "vehicles", "人脸库"):
        assert FORBIDDEN.search(word), word
    for word in ("interface", "template", "surface", "display_name", "watched", "personal"):
        assert not FORBIDDEN.search(word), word


def test_every_table_and_constraint_has_its_name() -> None:
    for table in metadata.tables.values():
        assert table.primary_key.name == f"pk_{table.name}"
        for key in table.foreign_key_constraints:
            assert str(key.name).startswith(f"fk_{table.name}_")
