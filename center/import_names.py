"""Pure: names in Chinese and English of what an import finds, does and reads."""

from __future__ import annotations

from collections.abc import Mapping

from center.names import Words
from registry.import_columns import HEADERS
from registry.import_csv import Level
from registry.import_plan import RowAct

LEVELS: Mapping[Level, Words] = {
    Level.ERROR: ("错误", "error"),
    Level.WARNING: ("提醒", "warning"),
    Level.INFO: ("说明", "information"),
}
ROW_ACTS: Mapping[RowAct, Words] = {
    RowAct.ADD: ("新增", "added"),
    RowAct.CHANGE: ("修改", "changed"),
    RowAct.SAME: ("不变", "unchanged"),
    RowAct.REJECT: ("有误", "rejected"),
}
#: Codes of findings, as the pure parts of the import give them.
FINDINGS: Mapping[str, Words] = {
    "area_twice": ("有多个同名区域，请填代码", "several areas are called that; give the code"),
    "cell_too_long": ("单元格过长", "the cell is too long"),
    "cells_too_many": ("单元格多于表头，可能缺引号", "more cells than headers; a quotation mark may be missing"),
    "column_missing": ("缺少必需的列", "a column that must be there is missing"),
    "column_twice": ("列重复，只读第一列", "the column stands twice; only the first is read"),
    "column_unknown": ("有不认识的列，未读取", "columns not known were not read"),
    "duplicate": ("与前面某行重复", "the same as in a line before"),
    "empty": ("只有表头，没有数据", "headers and no rows"),
    "gb_id_unusual": ("国标编码不合惯例", "the GB/T id is unusual"),
    "lifecycle": ("状态不能这样变更", "the state cannot change like that"),
    "missing": ("必填项为空", "must be filled in"),
    "new_area": ("将新增区域", "a new area comes with it"),
    "new_unit": ("将新增单位", "a new unit comes with it"),
    "no_area": ("没有写区域，也没有给默认区域", "no area is named, and none was given for such rows"),
    "no_address": ("没有 IP 地址，只建点位", "no address: a point without a camera"),
    "other_host": ("码流地址与设备地址不符", "the stream's address is another than the device's"),
    "outside_networks": ("地址不在摄像机网段内，不会连接", "outside the camera networks, never contacted"),
    "password_moved": ("地址里的密码已移入保管库", "the password in the address moves into the vault"),
    "swapped": ("经纬度填反，已换回", "longitude and latitude were in each other's column"),
    "unreadable": ("内容读不懂", "cannot be read"),
}
_ENGLISH = {"gb_id": "GB/T id", "mac": "MAC", "host": "address", "ptz_type": "camera type"}
COLUMNS: Mapping[str, Words] = {
    column: (headers[0], _ENGLISH.get(column, column.replace("_", " "))) for column, headers in HEADERS.items()
}
