"""Edge: what is asked of any database of this process (SQLAlchemy's events)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked meanwhile; rows written together are one."""
    asked: list[str] = []

    def ask(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", ask)
    try:
        yield asked
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", ask)
