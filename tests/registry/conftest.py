"""Wiring: fixtures of the registry's tests."""

from __future__ import annotations

from tests.support.databases import (  # noqa: F401  (fixtures are found by name)
    clock,
    database_url,
    db,
    db_kind,
    postgres_folder,
)
