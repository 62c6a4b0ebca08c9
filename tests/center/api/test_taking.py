"""What is brought in and taken out: an inventory tried and imported, a table exported; and a first run."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

import pytest

from center.api.export_routes import safe_cell
from center.import_names import FINDINGS
from config.scope import Role
from registry.area import Area
from registry.area_store import add_area
from tests.support.api_rig import PASSWORD, SYSTEM, Client, Rig
from tests.support.api_world import add_district, camera_id
from tests.support.tree import modules

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def db_kind() -> str:
    """Every route is asked of both databases elsewhere (``test_every_route``); here it is what they answer."""
    return "sqlite"


TABLE = """监控点位台账
点位名称*,点位编号,区域,IP地址,通道号,用户名,密码,主码流地址
南桥路口,NQ-1,南桥镇,10.9.0.1,1,admin,sec-ret-1,rtsp://10.9.0.1/main
南桥东街,NQ-2,南桥镇,10.9.0.1,2,admin,sec-ret-1,rtsp://10.9.0.1/second
北河学校,BH-1,北河镇,10.9.0.2,1,,,
"""


def body(table: str, **more: Any) -> dict[str, Any]:
    return {"data": base64.b64encode(table.encode()).decode(), **more}


async def imported(client: Client, table: str, **more: Any) -> dict[str, Any]:
    answered = await client.post("/api/v1/imports", body(table, **more))
    assert answered.status == 200, answered.body
    found: dict[str, Any] = answered.json
    return found


async def test_an_inventory_is_tried_then_taken(rig: Rig) -> None:
    admin = await rig.user("admin", Role.ADMIN)
    tried = await imported(admin, TABLE)
    assert (tried["acceptable"], tried["done"], tried["batch_id"]) == (True, False, None)
    assert (tried["counts"]["add"], tried["cameras"], tried["devices"]) == (3, 3, 2)
    assert tried["new_areas"] == ["南桥镇", "北河镇"]
    assert (await admin.get("/api/v1/cameras")).json["total"] == 0
    done = await imported(admin, TABLE, dry_run=False)
    assert done["done"]
    assert done["batch_id"]
    assert (await admin.get("/api/v1/cameras")).json["total"] == 3
    again = await imported(admin, TABLE, dry_run=False)
    # A password in the file is compared where it is kept, not in what is told.
    assert again["counts"] == {"add": 0, "change": 2, "same": 1, "reject": 0}
    assert "sec-ret-1" not in json.dumps([tried, done, again])
    sets = (await admin.get("/api/v1/password-sets")).json["items"]
    assert [(one["account"], one["devices"]) for one in sets] == [("admin", 1)]


async def test_an_error_anywhere_and_nothing_is_taken(rig: Rig) -> None:
    admin = await rig.user("admin", Role.ADMIN)
    wrong = TABLE.replace("南桥东街,NQ-2", "南桥东街,NQ-1")
    told = await imported(admin, wrong, dry_run=False)
    assert (told["acceptable"], told["done"]) == (False, False)
    assert told["findings"][0]["level"] == "error"
    assert {one["code"] for one in told["findings"]} <= set(FINDINGS)
    assert (await admin.get("/api/v1/cameras")).json["total"] == 0
    many = "点位名称,经度\n" + "\n".join(f"点{n},多少" for n in range(1500))
    told = await imported(admin, many)
    assert (len(told["findings"]), told["found"]["error"] > 1000) == (1000, True)


async def test_what_is_no_inventory_is_a_problem(rig: Rig) -> None:
    admin = await rig.user("admin", Role.ADMIN)
    for given, code in (
        ({"data": "%%%"}, "invalid"),
        (body("a,b\n1,2\n"), "invalid"),
        (body("PK\x03\x04\x00\x00"), "invalid"),
        ({"data": ""}, "invalid"),
    ):
        assert (await admin.post("/api/v1/imports", given)).code == code
    # A table may be larger than any other body.
    large = b'{"data": "' + b"A" * (1024 * 1024) + b'"}'
    assert (await admin.send("POST", "/api/v1/imports", None, large)).code == "invalid"
    assert (await admin.send("POST", "/api/v1/checks", None, large)).code == "too_large"


async def test_an_import_needs_the_permission_everywhere(rig: Rig) -> None:
    async with rig.db.write() as connection:
        await add_area(SYSTEM, connection, Area("north", "Nanqiao"))
    here = await rig.user("here", Role.ADMIN, area="north")
    assert (await here.post("/api/v1/imports", body(TABLE))).code == "forbidden"
    operator = await rig.user("op", Role.OPERATOR)
    assert (await operator.post("/api/v1/imports", body(TABLE))).json["permission"] == "edit"


def test_every_finding_has_its_words() -> None:
    """Codes are the third word after a level, wherever a finding is made."""
    import ast

    codes = set()
    for module in modules("registry"):
        for call in ast.walk(module.tree):
            if isinstance(call, ast.Call) and any(
                isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "Level"
                for one in call.args
            ):
                place = next(n for n, one in enumerate(call.args) if isinstance(one, ast.Attribute))
                code = call.args[place + 1]
                code = call.args[place + 2] if not _is_code(code, call.args) else code
                assert isinstance(code, ast.Constant)
                codes.add(code.value)
    assert len(codes) > 15
    assert codes <= set(FINDINGS)


def _is_code(node: Any, arguments: list[Any]) -> bool:
    """``Finding(line, column, level, code, text)``; ``say(level, column, code, text)``."""
    return len(arguments) == 5 and arguments[3] is node


async def test_a_list_is_taken_away_with_a_reason(rig: Rig) -> None:
    for number, name in enumerate("ab", 1):
        await add_district(rig.db, rig.core.storage.folder.evidence, name, number)
    operator = await rig.user("op", Role.OPERATOR, area="a")
    path = "/api/v1/cameras/export"
    for purpose in ("duty", " ", "a\nb"):
        assert (await operator.post(path, {"purpose": purpose})).code == "invalid"
    answered = await operator.post(path, {"purpose": "周报", "state": ["offline"]}, accept_language="zh")
    assert answered.headers["content-type"] == "text/csv; charset=utf-8"
    assert answered.headers["content-disposition"].startswith('attachment; filename="cameras-')
    rows = list(csv.reader(io.StringIO(answered.body.decode("utf-8-sig"))))
    assert rows[0][0] == "名称"
    assert [(row[0], row[4], row[6], row[9], row[10], row[-1]) for row in rows[1:]] == [
        ("Camera 2 a", "Village a", "NVR a", "离线", "网络不可达", camera_id("a", 2))
    ]
    auditor = await rig.user("aud", Role.AUDITOR)
    (written,) = (await auditor.get("/api/v1/audit?what=camera.export")).json["items"]
    assert (written["who"], written["details"]["purpose"], written["details"]["rows"]) == ("op", "周报", 1)
    late = await operator.post(path, {"purpose": "late ones", "looked": "late", "device": "a-nvr"})
    never = [camera_id("a", 3), camera_id("a", 4)]
    assert [row[-1] for row in csv.reader(io.StringIO(late.body.decode("utf-8-sig")))][1:] == never
    one = await operator.post(path, {"purpose": "check", "ids": [camera_id("b", 1), camera_id("a", 1)]})
    assert [row[0] for row in csv.reader(io.StringIO(one.body.decode("utf-8-sig")))] == ["name", "Camera 1 a"]


def test_a_name_is_no_formula() -> None:
    assert safe_cell("=cmd|'/c calc'!A0") == "'=cmd|'/c calc'!A0"
    assert safe_cell("南桥路口") == "南桥路口"


async def test_a_first_run_reads_itself_from_what_exists(rig: Rig) -> None:
    admin = await rig.user("admin", Role.ADMIN)
    told = (await admin.get("/api/v1/setup")).json
    assert (told["done"], told["next"]) == (False, "areas")
    assert [(step["step"], step["done"]) for step in told["steps"]][:2] == [("password", True), ("areas", False)]
    await add_district(rig.db, rig.core.storage.folder.evidence, "a", 1)
    told = (await admin.get("/api/v1/setup")).json
    assert (told["done"], told["next"]) == (False, "operator")
    numbers = {name: told[name] for name in ("areas", "units", "proposals", "devices", "with_password", "cameras")}
    assert numbers == {"areas": 2, "units": 1, "proposals": 1, "devices": 1, "with_password": 1, "cameras": 4}
    assert (told["checked"], told["judged"], told["operators"]) == (2, 2, 0)
    await rig.account("op", Role.OPERATOR, area="a")
    told = (await admin.get("/api/v1/setup")).json
    assert (told["done"], told["next"], told["operators"]) == (True, None, 1)
    operator = await rig.user("op2", Role.OPERATOR)
    assert (await operator.get("/api/v1/setup")).json["permission"] == "system"


async def test_a_first_password_is_drawn_and_told_once(rig: Rig) -> None:
    admin = await rig.user("admin", Role.ADMIN)
    key = {"Idempotency_Key": "one"}
    made = (await admin.post("/api/v1/users", {"name": "li"}, **key)).json
    drawn = made["first_password"]
    assert len(drawn) > 15
    assert (await admin.post("/api/v1/users", {"name": "li"}, **key)).json["first_password"] is None
    li = rig.client()
    assert (await li.log_in("li", drawn)).json["must_change"] is True
    given = (await admin.post("/api/v1/users", {"name": "wang", "password": PASSWORD})).json
    assert given["first_password"] is None
    anew = await admin.send("PUT", f"/api/v1/users/{made['id']}/password", {})
    assert (anew.status, anew.json["first_password"] != drawn) == (200, True)
    same = await admin.send("PUT", f"/api/v1/users/{made['id']}/password", {"password": PASSWORD})
    assert same.status == 204
    await rig.account("op", Role.OPERATOR)
    (only,) = (await admin.get("/api/v1/users?role=operator")).json["items"]
    assert only["name"] == "op"


async def test_the_audit_names_its_objects(rig: Rig) -> None:
    """By the names of today, and only those that the auditor may read."""
    await add_district(rig.db, rig.core.storage.folder.evidence, "a", 1)
    operator = await rig.user("op", Role.OPERATOR)
    await operator.post(f"/api/v1/cameras/{camera_id('a', 1)}/views", {})
    auditor = await rig.user("aud", Role.AUDITOR)
    (row,) = (await auditor.get("/api/v1/audit?what=view.begin")).json["items"]
    assert (row["who"], row["object_name"]) == ("op", "Camera 1 a")
    (seen,) = (await auditor.get("/api/v1/views")).json["items"]
    assert seen["camera_name"] == "Camera 1 a"
