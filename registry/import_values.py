"""Pure: one cell of an inventory to one value. Every function gives the value, or raises ``ValueError`` in words."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from ipaddress import ip_address

from registry.device import DeviceKind
from registry.lifecycle import Lifecycle

_EXCEL_DAY_ZERO = date(1899, 12, 30)
_MARKS = {
    "e": 1,
    "东经": 1,
    "东": 1,
    "n": 1,
    "北纬": 1,
    "北": 1,
    "w": -1,
    "西经": -1,
    "西": -1,
    "s": -1,
    "南纬": -1,
    "南": -1,
}
_DIRECTIONS = {"东": 1, "西": 2, "南": 3, "北": 4, "东南": 5, "东北": 6, "西南": 7, "西北": 8, "全向": 9}
WORDS: dict[str, dict[str, int]] = {
    "direction": _DIRECTIONS
    | {f"{word}向": number for word, number in _DIRECTIONS.items()}
    | {"e": 1, "w": 2, "s": 3, "n": 4, "se": 5, "ne": 6, "sw": 7, "nw": 8, "all": 9, "环视": 9},
    "room": {"室外": 1, "室内": 2, "outdoor": 1, "indoor": 2},
    "light": {
        "无": 1,
        "无补光": 1,
        "红外": 2,
        "红外补光": 2,
        "白光": 3,
        "白光补光": 3,
        "激光": 4,
        "其他": 9,
        "none": 1,
        "ir": 2,
    },
    "mount": {"立杆": 1, "借杆": 2, "壁装": 3, "墙装": 3, "pole": 1, "borrowed pole": 2, "wall": 3},
    "point_class": {
        "一类": 1,
        "二类": 2,
        "三类": 3,
        "一类点": 1,
        "二类点": 2,
        "三类点": 3,
        "内部": 4,
        "公安内部": 4,
        "其他": 9,
    },
    "ptz_type": {
        "球机": 1,
        "半球": 2,
        "半球机": 2,
        "固定枪机": 3,
        "枪机": 3,
        "遥控枪机": 4,
        "遥控半球": 5,
        "全景": 6,
        "多目": 6,
        "分割": 7,
        "dome": 1,
        "half-dome": 2,
        "fixed": 3,
    },
}
ALLOWED = {
    "direction": range(1, 10),
    "room": (1, 2),
    "light": (1, 2, 3, 4, 9),
    "mount": (1, 2, 3),
    "point_class": (1, 2, 3, 4, 9),
    "ptz_type": range(1, 8),
}
_LIFECYCLES = {
    "1": Lifecycle.IN_USE,
    "在用": Lifecycle.IN_USE,
    "正常": Lifecycle.IN_USE,
    "in use": Lifecycle.IN_USE,
    "2": Lifecycle.UNDER_REPAIR,
    "维修": Lifecycle.UNDER_REPAIR,
    "under repair": Lifecycle.UNDER_REPAIR,
    "3": Lifecycle.REMOVED,
    "拆除": Lifecycle.REMOVED,
    "removed": Lifecycle.REMOVED,
}
_KINDS = {
    "摄像机": DeviceKind.CAMERA,
    "网络摄像机": DeviceKind.CAMERA,
    "ipc": DeviceKind.CAMERA,
    "录像机": DeviceKind.RECORDER,
    "nvr": DeviceKind.RECORDER,
    "dvr": DeviceKind.RECORDER,
    "编码器": DeviceKind.ENCODER,
    "dvs": DeviceKind.ENCODER,
} | {kind.value: kind for kind in DeviceKind}


def folded(text: str) -> str:
    """Full-width digits, letters and signs as plain ones."""
    return unicodedata.normalize("NFKC", text).strip()


def number(text: str) -> float:
    plain = folded(text).replace(" ", "")
    if not re.fullmatch(r"[+-]?\d{1,9}(\.\d{1,12})?", plain, re.ASCII):
        raise ValueError("not a number")
    return float(plain)


def whole(text: str, low: int, high: int) -> int:
    value = number(text)
    if value != int(value) or not low <= value <= high:
        raise ValueError(f"not a whole number from {low} to {high}")
    return int(value)


def coded(column: str, text: str) -> int:
    """A number of the catalogue, or the word that people write for it."""
    word = folded(text).casefold()
    found = WORDS[column].get(word)
    if found is not None:
        return found
    allowed = ALLOWED[column]
    if word.isascii() and word.isdigit() and int(word[:3]) in allowed:
        return int(word[:3])
    raise ValueError(f"not one of {', '.join(map(str, allowed))} or {', '.join(list(WORDS[column])[:4])} ...")


def angle(text: str, limit: int) -> float:
    """Degrees from 104.0665, 104°03′59.4″, 104 3 59.4 E, 东经104度3分59.4秒; west and south are negative."""
    plain = folded(text).casefold()
    sign = 1
    for mark in sorted(_MARKS, key=len, reverse=True):
        if plain.startswith(mark) or plain.endswith(mark):
            sign, plain = _MARKS[mark], plain.removeprefix(mark).removesuffix(mark).strip(" :")
            break
    parts = [part for part in re.split(r"[°º˚度′'’分″\"”秒\s]+", plain) if part]
    if not 1 <= len(parts) <= 3 or not all(re.fullmatch(r"-?\d{1,3}(\.\d{1,12})?", p, re.ASCII) for p in parts):
        raise ValueError("not a coordinate such as 104.0665 or 104°03′59.4″")
    values = [float(part) for part in parts]
    if any(not 0 <= value < 60 for value in values[1:]):
        raise ValueError("minutes and seconds lie between 0 and 60")
    if plain.startswith("-"):
        sign = -sign
    degrees = sign * sum((abs(value) / float(60**place) for place, value in enumerate(values)), 0.0)
    if abs(degrees) > limit:
        raise ValueError(f"a coordinate beyond {limit} degrees")
    return round(degrees, 8)


def pair(text: str) -> tuple[str, str]:
    """Longitude and latitude in one cell, in that order."""
    parts = [part for part in re.split(r"[,;/|，；、]", folded(text)) if part.strip()]
    if len(parts) != 2:
        raise ValueError("not a longitude and a latitude with a comma between them")
    return parts[0], parts[1]


def day(text: str) -> date:
    """2024-05-01, 2024/5/1, 2024年5月1日, 2024.5.1, 20240501, or a spreadsheet's day number."""
    plain = folded(text)
    match = re.match(r"(\d{4})[-/.年](\d{1,2})(?:[-/.月](\d{1,2}))?日?(?:\s+[\d:.]+)?$", plain, re.ASCII)
    if match is None:
        match = re.match(r"(\d{4})(\d{2})(\d{2})$", plain, re.ASCII)
    if match is not None:
        return date(int(match[1]), int(match[2]), int(match[3] or 1))
    if re.fullmatch(r"[3-6]\d{4}", plain, re.ASCII):
        return _EXCEL_DAY_ZERO + timedelta(days=int(plain))
    raise ValueError("not a date such as 2024-05-01")


def host(text: str) -> str:
    plain = folded(text)
    try:
        return str(ip_address(plain))
    except ValueError:
        raise ValueError("not an IP address") from None


def mac(text: str) -> str:
    digits = re.sub(r"[:\-. ]", "", folded(text)).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise ValueError("not a MAC address of 12 hexadecimal digits")
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def lifecycle(text: str) -> Lifecycle:
    found = _LIFECYCLES.get(folded(text).casefold())
    if found is None:
        raise ValueError("not one of 在用 (1), 维修 (2), 拆除 (3)")
    return found


def kind(text: str) -> DeviceKind:
    found = _KINDS.get(folded(text).casefold())
    if found is None:
        raise ValueError(f"not one of {', '.join(kind.value for kind in DeviceKind)}")
    return found


def gb_doubts(gb_id: str) -> str | None:
    """What is odd about a GB/T 28181 id; it is kept all the same, sets of old are numbered otherwise."""
    if not (gb_id.isascii() and gb_id.isdigit()):
        return "has other characters than digits"
    if len(gb_id) != 20:
        return f"has {len(gb_id)} digits, 20 are usual"
    if gb_id[10:13] not in {"111", "118", "121", "122", "131", "132", "200", "215", "216"}:
        return f"has the type {gb_id[10:13]}, cameras are 131 or 132"
    return None
