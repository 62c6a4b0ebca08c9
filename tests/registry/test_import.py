"""Inventories: what they look like in the field, what is said of each row, and that a wrong file changes nothing."""

from __future__ import annotations

import contextlib
from ipaddress import ip_network
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import Kind, XueliangError
from registry import import_csv
from registry.audit_store import page
from registry.camera_list import camera_list, credentials_of
from registry.database import Database
from registry.device import Device, DeviceKind
from registry.import_columns import reference
from registry.import_csv import Level, parse
from registry.import_plan import Existing, ImportPlan, RowAct, plan
from registry.import_store import Applied, apply, existing
from registry.import_values import angle, coded, day, gb_doubts, mac, pair
from registry.log_tables import changes
from registry.point_store import list_points
from registry.tables import areas, points, units
from registry.vault import Vault
from tests.support.registry_world import SYSTEM

SHEET = """某某区雪亮工程点位台账,,,,,,,,,,,,
填表说明：带*为必填,,,,,,,,,,,,
点位名称*,国标编码,行政区划代码*,区域,管理单位,运维单位,IP地址*,通道号,经度,纬度,监视方位,用户名,密码
新华路东,51010600001311000001,510106,金牛区,金牛分局,甲公司,１０．８．３．２１,,104°03′59.4″,30.6586,东,admin,p@ss-1
学校门口,51010600001321000002,51010601,营门口,金牛分局,甲公司,10.8.3.40,1,104.05,30.66,4,admin,p@ss-2
学校后门,51010600001321000003,51010601,营门口,金牛分局,甲公司,10.8.3.40,2,30.66,104.05,西北,admin,p@ss-2
"""


def codes(planned: ImportPlan) -> set[tuple[int, str, str]]:
    return {(finding.line, finding.level.value, finding.code) for finding in planned.all_findings}


async def bring(db: Database, text: str | bytes) -> tuple[ImportPlan, Applied]:
    data = text.encode() if isinstance(text, str) else text
    async with db.read() as connection:
        stands = await existing(SYSTEM, connection, networks=(ip_network("10.8.0.0/16"),))
    planned = plan(parse(data), stands)
    assert db.keys is not None
    return planned, await apply(SYSTEM, db, planned, Vault(db.keys))


async def count(db: Database, table: sa.Table) -> int:
    async with db.read() as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
async def test_a_sheet_of_the_field_comes_in_whole(db: Database, encoding: str) -> None:
    planned, applied = await bring(db, SHEET.encode(encoding))
    assert (applied.added, applied.changed, applied.same) == (3, 0, 0)
    assert codes(planned) == {
        (4, "info", "new_area"),
        (4, "info", "new_unit"),
        (5, "info", "new_area"),
        (6, "warning", "swapped"),
    }
    async with db.read() as connection:
        found = {point.name: point for point in (await list_points(SYSTEM, connection)).items}
        area = {row.name: row for row in await connection.execute(sa.select(areas))}
    assert area["营门口"].parent_id == area["金牛区"].id
    assert found["新华路东"].longitude == pytest.approx(104.0665, abs=1e-6)
    assert (found["学校后门"].longitude, found["学校后门"].latitude) == (104.05, 30.66)
    assert found["学校后门"].direction == 8
    watched = {camera.camera_name: camera for camera in await camera_list(SYSTEM, db)}
    assert watched["新华路东"].host == "10.8.3.21"
    assert watched["新华路东"].device_kind is DeviceKind.CAMERA
    assert watched["学校后门"].device_id == watched["学校门口"].device_id
    assert watched["学校后门"].device_kind is DeviceKind.RECORDER
    assert (watched["学校后门"].channel, watched["学校后门"].point_name) == (2, "学校后门")
    assert db.keys is not None
    credentials = await credentials_of(SYSTEM, db, Vault(db.keys), watched["学校后门"].device_id)
    assert credentials is not None
    assert (credentials.user, credentials.password.get_secret_value()) == ("admin", "p@ss-2")
    assert credentials.fingerprint == watched["学校后门"].credential_ref


async def test_the_same_sheet_again_changes_nothing_but_is_noted(db: Database) -> None:
    await bring(db, SHEET)
    before = await count(db, changes)
    planned, _ = await bring(db, SHEET)
    assert await count(db, changes) == before + 1
    assert planned.count(RowAct.ADD) == 0
    assert await count(db, points) == 3


async def test_a_changed_sheet_changes_what_it_names(db: Database) -> None:
    await bring(db, SHEET)
    planned, applied = await bring(db, SHEET.replace("学校门口", "一中门口"))
    assert planned.rows[1].changed == ("name",)
    assert applied.added == 0
    async with db.read() as connection:
        named = {point.name for point in (await list_points(SYSTEM, connection)).items}
        rows = await page(SYSTEM, connection, act="point.import")
    assert named == {"新华路东", "一中门口", "学校后门"}
    assert applied.batch_id in rows[0].details


async def test_passwords_are_in_no_text_of_the_plan(db: Database) -> None:
    async with db.read() as connection:
        planned = plan(parse(SHEET.encode()), await existing(SYSTEM, connection))
    assert "p@ss" not in repr(planned)
    assert "p@ss" not in repr(parse(SHEET.encode()))


BAD_ROWS = {
    ",510106": "missing",
    "A\n新华路东,51010600001311000001": "missing",
    "甲,x,510106,,,,300.1.1.1": "unreadable",
    "甲,x,510106,,,,10.8.0.1,0": "unreadable",
    "甲,x,510106,,,,10.8.0.1,1,abc,30": "unreadable",
    "甲,x,510106,,,,10.8.0.1,1,104.05,": "unreadable",
    "甲,x,510106,,,,10.8.0.1,1,104.05,30,上": "unreadable",
    "甲,1,510106,,,,10.8.0.1\n乙,1,510106,,,,10.8.0.2": "duplicate",
    "甲,1,510106,,,,10.8.0.1\n乙,2,510106,,,,10.8.0.1": "duplicate",
    f"{'长' * 300},1,510106,,,,10.8.0.1": "unreadable",
    f"{'长' * 3000},1,510106,,,,10.8.0.1": "cell_too_long",
    "甲,1,510106,,,,10.8.0.1,,,,,,,,多": "cells_too_many",
}


@pytest.mark.parametrize("rows", BAD_ROWS)
@pytest.mark.parametrize("db_kind", ["sqlite"])
async def test_one_wrong_row_and_nothing_changes(db: Database, rows: str) -> None:
    good = "好,9,510106,金牛区,,,10.8.9.9\n"
    text = "\n".join(SHEET.splitlines()[2:3]) + "\n" + good + rows + "\n"
    planned = plan(parse(text.encode()), Existing())
    assert BAD_ROWS[rows] in {finding.code for finding in planned.all_findings if finding.level is Level.ERROR}
    assert planned.count(RowAct.REJECT) >= 1
    with pytest.raises(XueliangError) as caught:
        await bring(db, text)
    assert caught.value.kind is Kind.INVALID
    assert [await count(db, table) for table in (points, areas, units, changes)] == [0, 0, 0, 0]


async def test_a_failure_on_the_way_undoes_all(db: Database) -> None:
    await bring(db, SHEET)
    async with db.read() as connection:
        stands = await existing(SYSTEM, connection)
    planned = plan(parse(SHEET.replace("新华路东", "改名").encode()), stands)
    await bring(db, SHEET.replace("新华路东", "别人改过"))
    before = await count(db, changes)
    with pytest.raises(XueliangError) as caught:
        await apply(SYSTEM, db, planned)
    assert caught.value.kind is Kind.CONFLICT
    assert await count(db, changes) == before


def test_a_device_found_before_at_another_port_is_that_device() -> None:
    known = Device("d", "Found", DeviceKind.CAMERA, "10.8.0.1", 8000, "x")
    text = "name,ip,area,port\nA,10.8.0.1,X,\nB,10.8.0.1,X,8001\n"
    planned = plan(parse(text.encode()), Existing(devices=(known,)))
    assert [row.device and row.device.id == "d" for row in planned.rows] == [True, False]


def test_hosts_outside_the_networks_are_told() -> None:
    text = "name,ip,area\nA,10.8.0.1,X\nB,192.0.2.7,X\n"
    planned = plan(parse(text.encode()), Existing(networks=(ip_network("10.8.0.0/16"),)))
    assert (3, "warning", "outside_networks") in codes(planned)
    assert planned.acceptable


def test_an_address_gives_up_its_password() -> None:
    text = "name,area,rtsp,gb id\nA,X,rtsp://admin:s3cret@10.8.0.1:554/main,123\n"
    planned = plan(parse(text.encode()), Existing())
    row = planned.rows[0]
    assert row.password is not None
    assert row.password.get_secret_value() == "s3cret"
    assert row.streams[0].url == "rtsp://10.8.0.1:554/main"
    assert "s3cret" not in repr(planned)
    assert {(2, "info", "password_moved"), (2, "warning", "gb_id_unusual")} <= codes(planned)


def test_columns_not_known_and_named_twice_are_told() -> None:
    found = parse("名称,IP,IP地址,神秘列\nA,10.0.0.1,10.0.0.2,x\n".encode())
    assert found.ignored == ("神秘列",)
    assert {finding.code for finding in found.findings} == {"column_twice", "column_unknown"}
    assert found.rows[0].values["host"] == "10.0.0.1"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", Kind.INVALID),
        (b"PK\x03\x04" + b"\xff\xfe\x00" * 50, Kind.INVALID),
        (b"name,ip\x00\nA,1\n", Kind.INVALID),
        (b"hello\nworld\n", Kind.INVALID),
        (b'name,ip\n"A,10.0.0.1\n', Kind.INVALID),
        (("name,ip\n" + "," * 300).encode(), Kind.TOO_LARGE),
        (b"x" * (import_csv.MAX_BYTES + 1), Kind.TOO_LARGE),
        (b"name,ip\n" + b"A,1\n" * (import_csv.MAX_ROWS + 1), Kind.TOO_LARGE),
    ],
)
def test_what_is_no_inventory_is_refused(data: bytes, kind: Kind) -> None:
    with pytest.raises(XueliangError) as caught:
        parse(data)
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    "text",
    [
        "104.0665",
        "104°03′59.4″",
        "104°3'59.4\"",
        "104 3 59.4",
        "E104.0665",
        "104.0665E",
        "东经104°3′59.4″",
        "１０４．０６６５",
        "104度3分59.4秒",
        "104 3.99",
    ],
)
def test_coordinates_are_written_in_many_ways(text: str) -> None:
    assert angle(text, 180) == pytest.approx(104.0665, abs=1e-6)


def test_west_and_south_are_negative() -> None:
    assert angle("W 75 30", 180) == -75.5
    assert angle("南纬33.5", 180) == -33.5
    assert pair("104.1，30.6") == ("104.1", "30.6")


@pytest.mark.parametrize("text", ["2024-05-01", "2024/5/1", "2024年5月1日", "20240501", "45413", "2024.5.1 00:00"])
def test_dates_are_written_in_many_ways(text: str) -> None:
    assert day(text).isoformat() == "2024-05-01"


def test_words_and_numbers_of_the_catalogue() -> None:
    assert [coded("direction", word) for word in ("东", "7", "东北向", "ＮＷ")] == [1, 7, 6, 8]
    assert mac("0A1B2C3D4E5F") == mac("0a-1b-2c-3d-4e-5f") == "0a:1b:2c:3d:4e:5f"
    assert gb_doubts("51010600001311000001") is None
    assert gb_doubts("5101060000131100000") is not None


def test_the_reference_names_every_column() -> None:
    page_of_docs = Path(__file__).resolve().parents[2] / "docs" / "ref" / "inventory.md"
    assert reference() in page_of_docs.read_text(encoding="utf-8")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_an_error(data: bytes) -> None:
    _planned_or_refused(data)


def _planned_or_refused(data: bytes) -> None:
    """A plan that says of each row of the table, in its order, what becomes of it; or words about the table."""
    try:
        table = parse(data)
        planned = plan(table, Existing())
    except XueliangError as error:
        refused: XueliangError | None = error
    else:
        refused = None
    if refused is not None:
        assert refused.kind in (Kind.INVALID, Kind.TOO_LARGE)
        assert str(refused).replace("\n", "").isprintable()
        return
    assert [row.line for row in planned.rows] == [row.line for row in table.rows]
    assert [row.line for row in table.rows] == sorted({row.line for row in table.rows})
    for row in planned.rows:
        worst = any(finding.level is Level.ERROR for finding in row.findings)
        assert (row.act is RowAct.REJECT) == worst, "rejected with a reason, and for nothing else"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=8), max_size=6))
def test_any_cells_are_findings_never_exceptions(rows: list[list[str]]) -> None:
    header = "名称,IP,经度,纬度,安装时间,通道号,rtsp,密码"
    text = header + "\n" + "\n".join(",".join(cell.replace('"', "'") for cell in row) for row in rows)
    with contextlib.suppress(XueliangError):
        planned = plan(parse(text.encode("utf-8", "replace")), Existing())
        assert len(planned.rows) <= text.count("\n") + text.count("\r") + 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SHEET.encode())), st.binary(max_size=4))
def test_a_sheet_cut_or_broken_anywhere(at: int, noise: bytes) -> None:
    data = SHEET.encode()
    for broken in (data[:at], data[:at] + noise + data[at + len(noise) :]):
        _planned_or_refused(broken)
