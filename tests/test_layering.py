"""Imports point inwards, every heavy library has one importer, and one file opens sockets to cameras."""

from __future__ import annotations

import fnmatch

import pytest

from tests.support.tree import ROOMS, Module, calls, imports, rooms

_TABLES = (
    "registry/database.py",
    "registry/migrations/*",
    "*/store.py",
    "*_store.py",
    "*/tables.py",
    "*_tables.py",
    "*/stores/*",
)

#: Library -> the files that may import it (patterns over paths; ``*`` crosses folders).
SOLE: dict[str, tuple[str, ...]] = {
    "av": ("camera_gateway/media/*",),
    "cv2": ("health/*",),
    "sqlalchemy": _TABLES,
    "alembic": ("registry/database.py", "registry/migrations/*", "registry/migrate.py"),
    "aiosqlite": ("registry/sqlite_driver.py",),
    "psycopg": ("registry/database.py",),
    "fastapi": ("center/*",),
    "starlette": ("center/*",),
    "uvicorn": ("center/*",),
    "prometheus_client": ("center/*",),
    "aiortc": ("streaming/webrtc/*",),
    "aioice": ("streaming/webrtc/*",),
    "pylibsrtp": ("streaming/webrtc/*",),
    "zeep": ("camera_gateway/onvif/*",),
}

#: Libraries that must have at most this many importing files.
AT_MOST: dict[str, int] = {"zeep": 1, "aiortc": 1, "aioice": 1, "pylibsrtp": 1, "uvicorn": 1}

#: Nobody: ``onvif`` runs ``logging.basicConfig`` when imported, the others open sockets past our one door.
NEVER = (
    "onvif",
    "httpx",
    "requests",
    "aiohttp",
    "urllib.request",
    "http.client",
    "urllib3",
    "pickle",
    "ftplib",
    "telnetlib",
)

_OPENERS = (
    "open_connection",
    "create_connection",
    "create_datagram_endpoint",
    "sock_connect",
    "sock_sendto",
    "connect_ex",
    "socket.socket",
)
#: The one door to cameras, those to receivers of messages and to a syslog collector, and listening sockets: the
#: virtual fleet's own and the discovery listener's.
_DOORS = (
    "camera_gateway/reach.py",
    "alerts/opener.py",
    "center/syslog.py",
    "center/service_manager.py",
    "camera_gateway/simulator/*",
    "camera_gateway/discovery/listener.py",
    "streaming/webrtc/network.py",
)


def foreign_imports(module: Module) -> list[str]:
    allowed = ROOMS[module.room] | {module.room}
    return [
        f"{module.path}:{line}: {module.room} imports {name}"
        for name, line in imports(module)
        if name.split(".")[0] in ROOMS and name.split(".")[0] not in allowed
    ]


def unlawful_libraries(module: Module) -> list[str]:
    found = []
    for name, line in imports(module):
        if any(name == never or name.startswith(never + ".") for never in NEVER):
            found.append(f"{module.path}:{line}: imports {name}, which nobody may")
        patterns = SOLE.get(name.split(".")[0])
        if patterns and not any(fnmatch.fnmatch(module.path, pattern) for pattern in patterns):
            found.append(f"{module.path}:{line}: imports {name}; only {', '.join(patterns)} may")
    return found


def doors(module: Module) -> list[str]:
    if any(fnmatch.fnmatch(module.path, pattern) for pattern in _DOORS):
        return []
    return [
        f"{module.path}:{call.lineno}: {name} opens a socket"
        for name, call in calls(module)
        if any(name == opener or name.endswith("." + opener) for opener in _OPENERS)
        and not {keyword.arg for keyword in call.keywords} & {"sock", "fileno"}  # takes over one that is open
    ]


def test_imports_point_inwards() -> None:
    assert [finding for module in rooms() for finding in foreign_imports(module)] == []


def test_every_heavy_library_has_its_importer() -> None:
    assert [finding for module in rooms() for finding in unlawful_libraries(module)] == []


@pytest.mark.parametrize(("library", "limit"), AT_MOST.items())
def test_no_more_importers_than_agreed(library: str, limit: int) -> None:
    importers = {m.path for m in rooms() if any(n.split(".")[0] == library for n, _ in imports(m))}
    assert len(importers) <= limit, sorted(importers)


def test_one_door_to_cameras() -> None:
    assert [finding for module in rooms() for finding in doors(module)] == []


def test_tests_and_tools_are_not_imported() -> None:
    tools = {"tests", "bench", "fuzz"}
    assert [f"{m.path}:{line}: {n}" for m in rooms() for n, line in imports(m) if n.split(".")[0] in tools] == []


@pytest.mark.parametrize(
    ("path", "source", "check"),
    [
        ("config/a.py", "import registry.point", foreign_imports),
        ("health/a.py", "def f():\n    from streaming import hub", foreign_imports),
        ("registry/a.py", "from ..health import state", foreign_imports),
        ("camera_gateway/a.py", "import importlib\nimportlib.import_module('health.judge')", foreign_imports),
        ("center/a.py", "import cv2", unlawful_libraries),
        ("health/scheduling.py", "from sqlalchemy import select", unlawful_libraries),
        ("camera_gateway/onvif/a.py", "from onvif import ONVIFCamera", unlawful_libraries),
        ("health/a.py", "import urllib.request", unlawful_libraries),
        ("health/a.py", "import asyncio\nasyncio.open_connection('h', 1)", doors),
        ("alerts/webhook.py", "import asyncio\nasyncio.open_connection('h', 1)", doors),
        ("alerts/a.py", "from camera_gateway.reach import Reach", foreign_imports),
        ("health/a.py", "from alerts import incident", foreign_imports),
        ("camera_gateway/rtsp/a.py", "loop.create_datagram_endpoint(P)", doors),
    ],
)
def test_the_rules_catch_what_they_are_for(path: str, source: str, check: object) -> None:
    assert callable(check)
    assert check(Module.parse(path, source)) != []
