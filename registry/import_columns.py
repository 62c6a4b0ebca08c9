"""Pure: the columns of a point inventory, and the Chinese and English headers they come under."""

from __future__ import annotations

import re
import unicodedata

#: Column to its headers. The first Chinese one is what messages call it. Compared without spaces, case and marks.
HEADERS: dict[str, tuple[str, ...]] = {
    "name": ("点位名称", "名称", "监控点名称", "设备名称", "摄像机名称", "name", "point name", "point"),
    "code": ("点位编号", "编号", "点位编码", "监控点编号", "code", "point code", "point id", "number"),
    "gb_id": ("国标编码", "国标id", "国标编号", "设备编码", "gb28181编码", "gb id", "gb_id", "gb28181 id", "device id"),
    "area_code": ("行政区划代码", "行政区域", "行政区划编码", "区划代码", "civil code", "civilcode", "area code"),
    "area_name": ("区域", "所属区域", "行政区划", "镇街", "乡镇", "村社", "所属辖区", "area", "district", "town"),
    "unit": ("管理单位", "所属单位", "建设单位", "management unit", "unit", "owner"),
    "maintenance_unit": ("运维单位", "维护单位", "维保单位", "maintenance unit", "maintainer"),
    "kind": ("设备类型", "device kind", "device type", "kind"),
    "make": ("厂商", "设备厂商", "生产厂商", "品牌", "make", "manufacturer", "vendor", "brand"),
    "model": ("型号", "设备型号", "规格型号", "model"),
    "firmware": ("固件版本", "软件版本", "firmware"),
    "serial": ("序列号", "设备序列号", "sn", "serial", "serial number"),
    "host": ("ip地址", "ip", "设备ip", "ipv4地址", "ip address", "host", "address ip"),
    "port": ("端口", "端口号", "设备端口", "port", "onvif port"),
    "mac": ("mac地址", "mac", "mac address"),
    "channel": ("通道号", "通道", "通道编号", "channel", "channel number"),
    "account": ("用户名", "登录名", "账号", "user", "username", "account"),
    "password": ("密码", "口令", "登录密码", "password"),
    "main_url": ("主码流地址", "主码流", "rtsp地址", "rtsp", "main url", "main stream", "rtsp url"),
    "sub_url": ("子码流地址", "子码流", "辅码流地址", "sub url", "sub stream"),
    "longitude": ("经度", "longitude", "lon", "lng"),
    "latitude": ("纬度", "latitude", "lat"),
    "coordinates": ("经纬度", "坐标", "gps坐标", "coordinates", "lon lat", "position"),
    "address": ("安装地址", "详细地址", "地址", "安装位置", "address", "location"),
    "common_name": ("俗称", "点位俗称", "common name"),
    "block": ("警区", "block"),
    "network": ("联网网络", "接入网络", "所属网络", "network"),
    "industry": ("所属行业", "行业编码", "industry"),
    "position_kind": ("位置类型", "摄像机位置类型", "position kind"),
    "point_class": ("点位类型", "监控点位类型", "点位类别", "point type", "point class", "class"),
    "ptz_type": ("摄像机类型", "摄像机结构类型", "云台类型", "ptz type", "camera type"),
    "room": ("室内外", "安装位置室内外", "indoor outdoor", "room"),
    "light": ("补光属性", "补光", "supplement light", "light"),
    "direction": ("监视方位", "方位", "朝向", "direction"),
    "mount": ("安装方式", "杆件类型", "mount"),
    "field_angle": ("视场角", "field angle", "fov"),
    "view_distance": ("可视距离", "view distance"),
    "install_date": ("安装时间", "安装日期", "install date", "installed"),
    "warranty_end": ("质保到期", "质保截止", "质保到期时间", "warranty end", "warranty"),
    "contacts": ("联系人", "联系方式", "管理单位联系方式", "contacts", "contact"),
    "recording_days": ("录像保存天数", "存储天数", "recording days"),
    "lifecycle": ("设备状态", "状态", "使用状态", "state", "status"),
    "recorder": ("所属nvr", "所属录像机", "nvr", "recorder"),
    "switch": ("接入交换机", "交换机", "switch"),
    "link": ("接入链路", "上联链路", "链路", "link", "uplink"),
    "key_place": ("重点场所", "重点部位", "key place"),
    "key_road": ("重点道路", "重点路段", "key road"),
    "tags": ("标签", "tags"),
}

_MARKS = re.compile(r"[*\s_\-:.()\[\]/\\]+")


def squeeze(header: str) -> str:
    """As headers are compared: full-width folded, without case, spaces, marks, and the words in brackets."""
    text = unicodedata.normalize("NFKC", header).casefold()
    return _MARKS.sub("", re.sub(r"[(\[【].*?[)\]】]", "", text))


_KNOWN = {squeeze(header): column for column, headers in HEADERS.items() for header in headers}


def column_of(header: str) -> str | None:
    return _KNOWN.get(squeeze(header))


def is_mandatory(header: str) -> bool:
    """Inventories mark the columns that must be filled in with an asterisk, full-width or not."""
    return "*" in unicodedata.normalize("NFKC", header)


def title(column: str) -> str:
    """For messages: the Chinese header and our own name."""
    return f"{HEADERS[column][0]} ({column})" if column in HEADERS else column


def reference() -> str:
    """The table of columns for the documentation."""
    lines = ["| column | headers it is found under |", "|---|---|"]
    lines += [f"| `{column}` | {', '.join(headers)} |" for column, headers in HEADERS.items()]
    return "\n".join(lines) + "\n"
