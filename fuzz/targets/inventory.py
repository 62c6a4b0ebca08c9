"""Pure: point inventories. Whatever the bytes, a plan says of every row what it would do, and shows no password."""

from __future__ import annotations

from ipaddress import ip_network

from registry.import_csv import MAX_CELL, MAX_COLUMNS, parse
from registry.import_plan import Existing, RowAct, plan

_SHEET = """某某区点位台账,,,,,,,,,
点位名称*,国标编码,行政区划代码*,区域,运维单位,IP地址*,通道号,经度,纬度,监视方位,安装时间,主码流地址,密码
新华路东,51010600001311000001,510106,金牛区,甲公司,１０．８．３．２１,,104°03′59.4″,30.6586,东,2024年5月1日,,Canary-1
学校门口,51010600001321000002,51010601,营门口,甲公司,10.8.3.40,2,104.05,30.66,4,45413,rtsp://u:Canary-2@10.8.3.40/1,
"""
SEEDS = [
    _SHEET.encode(),
    _SHEET.encode("utf-8-sig"),
    _SHEET.encode("gb18030"),
    _SHEET.encode("utf-16"),
    b'name;ip;area;lon lat;mac;state\nA;10.8.0.1;X;"104.06,30.5";0A-1B-2C-3D-4E-5F;1\n'
    b'"B ""b""";10.8.0.1;X;E104 3 59;;3\n',
]
_EXISTING = Existing(networks=(ip_network("10.8.0.0/16"),))


def one(data: bytes) -> None:
    inventory = parse(data)
    assert len(inventory.columns) <= MAX_COLUMNS
    assert all(len(cell) <= MAX_CELL for row in inventory.rows for cell in row.values.values())
    planned = plan(inventory, _EXISTING)
    assert [row.line for row in planned.rows] == [row.line for row in inventory.rows]
    rejected = {row.line for row in planned.rows if row.act is RowAct.REJECT}
    assert planned.acceptable or rejected or inventory.findings
    for row in planned.rows:
        for stream in row.streams:
            assert "@" not in stream.url.split("/")[2]
        if row.point is not None and row.point.longitude is not None:
            assert -180 <= row.point.longitude <= 180
            assert row.point.latitude is not None
            assert -90 <= row.point.latitude <= 90
