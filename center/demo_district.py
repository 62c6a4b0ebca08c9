"""Pure: the invented district that the demo's cameras stand in: areas, units, streets, switches and links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.scope import Role
from registry.unit import UnitKind


@dataclass(frozen=True, slots=True)
class Named:
    """A name in Chinese and its English alias. They are stored as one: a search finds either."""

    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh} {self.en}"


@dataclass(frozen=True, slots=True)
class Community:
    name: Named
    code: str


@dataclass(frozen=True, slots=True)
class Town:
    """One link leads to it; each community has a switch. ``mark`` begins the codes of its points; ``unit`` is the place
    of its maintenance unit in ``MAINTENANCE``."""

    name: Named
    code: str
    mark: str
    communities: tuple[Community, Community]
    unit: int


def _town(zh: str, en: str, code: str, mark: str, unit: int, *communities: tuple[str, str]) -> Town:
    first, second = (
        Community(Named(zh_, en_), f"{code}{number:02d}") for number, (zh_, en_) in enumerate(communities, 1)
    )
    return Town(Named(zh, en), code, mark, (first, second), unit)


#: No province has these codes. Adopted devices come into the district itself and are then given their places.
DISTRICT, DISTRICT_CODE = Named("岚川区", "Lanchuan District"), "9901"
TOWNS = (
    _town("南桥镇", "Nanqiao", "990101", "NQ", 0, ("桥东村", "Qiaodong"), ("石井村", "Shijing")),
    _town("北河镇", "Beihe", "990102", "BH", 0, ("河口村", "Hekou"), ("柳湾村", "Liuwan")),
    _town("东山街道", "Dongshan", "990103", "DS", 1, ("松林社区", "Songlin"), ("文昌社区", "Wenchang")),
    _town("云栖街道", "Yunqi", "990104", "YQ", 1, ("茶园社区", "Chayuan"), ("湖滨社区", "Hubin")),
)
MANAGEMENT = Named("岚川区雪亮工程办公室", "Lanchuan Office")
MAINTENANCE = (Named("禾光运维", "Heguang Maintenance"), Named("竹影运维", "Zhuying Maintenance"))
UNITS = (
    (MANAGEMENT, UnitKind.MANAGEMENT),
    *((unit, UnitKind.MAINTENANCE) for unit in MAINTENANCE),
)
ROADS = (
    *(Named("新华路", "Xinhua Rd"), Named("滨河路", "Binhe Rd"), Named("文昌街", "Wenchang St")),
    *(Named("育才路", "Yucai Rd"), Named("站前路", "Zhanqian Rd"), Named("桥头街", "Qiaotou St")),
    *(Named("果园路", "Guoyuan Rd"), Named("水塔巷", "Shuita Ln")),
)
SPOTS = (
    *(Named("东口", "E end"), Named("西口", "W end"), Named("小学门口", "School gate")),
    *(Named("集市北侧", "Market N"), Named("公交站", "Bus stop"), Named("卫生院", "Clinic"), Named("广场", "Square")),
)
#: What a recorder's channels look at; it stands in the house itself.
INDOORS = (
    *(Named("正门", "door"), Named("后院", "yard"), Named("大厅", "lobby"), Named("停车场", "parking")),
    *(Named("楼梯间", "stairs"), Named("走廊", "corridor"), Named("库房", "store"), Named("侧门", "side door")),
)
HOUSE = Named("文化站", "Hall")


@dataclass(frozen=True, slots=True)
class Login:
    """One account of the demo: named as its role. Its grant holds in ``area`` or for ``unit``, else everywhere."""

    role: Role
    area: Named | None = None
    unit: Named | None = None

    @property
    def name(self) -> str:
        return self.role.value


LOGINS = (
    Login(Role.ADMIN),
    Login(Role.OPERATOR),
    Login(Role.VIEWER, area=TOWNS[0].name),
    Login(Role.TECHNICIAN, unit=MAINTENANCE[0]),
    Login(Role.LEAD, area=DISTRICT),
    Login(Role.AUDITOR),
    Login(Role.SCREEN),
)


@dataclass(frozen=True, slots=True)
class Box:
    """A device of the virtual network: its address, the link it hangs on (``link-03``), and the virtual camera of each
    of its channels."""

    host: str
    link: str
    recorder: bool
    channels: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Spot:
    """What one camera looks at, the code of its point, and which virtual camera it is."""

    name: str
    code: str
    virtual: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a device stands, what it and its cameras (by channel) are called, and the way to the centre."""

    name: str
    area: str
    unit: str
    address: str
    path: tuple[dict[str, str], ...]
    spots: dict[int, Spot]


def place(boxes: Iterable[Box]) -> dict[str, Placed]:
    """Every device by its address; the same network is placed the same way each time, and no two names are alike."""
    placed: dict[str, Placed] = {}
    standing: Counter[int] = Counter()
    cameras: Counter[int] = Counter()
    named: Counter[Named] = Counter()
    for number, box in enumerate(boxes):
        at = _number(box.link) % len(TOWNS)
        town = TOWNS[at]
        community = town.communities[standing[at] % len(town.communities)]
        # Seven and eight have no common factor: all fifty-six pairs come up before the first comes again.
        street = _joined(ROADS[number % len(ROADS)], SPOTS[number % len(SPOTS)])
        base = _joined(community.name, HOUSE) if box.recorder else street
        named[base] += 1
        name = base if named[base] == 1 else _joined(base, Named(f"{named[base]}号", f"No. {named[base]}"))
        codes = [f"{town.mark}-{cameras[at] + n:04d}" for n in range(1, len(box.channels) + 1)]
        spots = {
            channel: Spot(str(_joined(name, INDOORS[n % len(INDOORS)]) if box.recorder else name), codes[n], virtual)
            for n, (channel, virtual) in enumerate(sorted(box.channels.items()))
        }
        standing[at] += 1
        cameras[at] += len(box.channels)
        address = f"{DISTRICT.zh}{town.name.zh}{community.name.zh}{ROADS[number % len(ROADS)].zh}{number + 1}号"
        placed[box.host] = Placed(
            f"{name.zh}录像机 {name.en} NVR" if box.recorder else str(name),
            str(community.name),
            str(MAINTENANCE[town.unit]),
            address,
            _path(town, community, box.link),
            spots,
        )
    return placed


def _path(town: Town, community: Community, link: str) -> tuple[dict[str, str], ...]:
    """From the device outwards."""
    switch = f"{community.name.zh}交换机 {community.name.en} switch"
    return (
        {"kind": "switch", "id": f"sw-{community.code}", "name": switch},
        {"kind": "link", "id": link, "name": f"{town.name.zh}上联 {town.name.en} uplink"},
    )


def _number(link: str) -> int:
    digits = link.rpartition("-")[2]
    return int(digits) - 1 if digits.isdecimal() else 0


def _joined(*parts: Named) -> Named:
    return Named("".join(part.zh for part in parts), " ".join(part.en for part in parts))
