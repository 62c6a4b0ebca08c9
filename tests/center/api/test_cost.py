"""What a request may cost the database: a handful of statements, whatever the size of its answer."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.api_rig import Rig
from tests.support.api_world import add_district

pytestmark = pytest.mark.usefixtures("no_leaks")

#: Who asks is one statement; a list is one, its counts are one where a page does not hold everything.
MOST = {
    "/api/v1/cameras?limit=1": 3,
    "/api/v1/cameras?limit=500": 2,
    "/api/v1/cameras?q=camera&state=ok&state=offline&area=a&sort=-since&limit=1": 3,
    "/api/v1/cameras?q=camera&sort=-name&limit=500": 2,
    "/api/v1/areas": 4,
    "/api/v1/status?limit=1": 2,
    "/api/v1/status?limit=500": 2,
    "/api/v1/status?gb_id=32011500001320000102": 2,
    "/api/v1/status?" + "&".join(f"gb_id=3201150000132000{n:04}" for n in range(200)): 2,
    "/api/v1/changes": 2,
}


async def test_so_many_statements_and_no_more(rig: Rig) -> None:
    for number, name in enumerate("ab", 1):
        await add_district(rig.db, rig.core.storage.folder.evidence, name, number)
    client = await rig.token("centre", area="a")
    sent: list[str] = []

    def heard(_c: Any, _cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    engine = rig.db._reader.sync_engine
    sa.event.listen(engine, "before_cursor_execute", heard)
    try:
        for path, most in MOST.items():
            sent.clear()
            assert (await client.get(path)).status == 200
            assert len(sent) == most, (path[:80], sent)
    finally:
        sa.event.remove(engine, "before_cursor_execute", heard)
