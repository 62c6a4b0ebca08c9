"""What the unit and the image start, started without either: another user, no rights, nothing to write but its data."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.installation import Root, require_root, root
from tests.support.tree import ROOT

USER = "10001"
SECONDS = 120
#: Every mount is this process's own and ends with it.
_ROOT = """
mount --bind {root} {root}
{binds}
mount -t proc proc {root}/proc
mount --rbind /dev {root}/dev
mount --bind {root}/var/lib/xueliang {root}/var/lib/xueliang
mount -o remount,bind,ro {root}
exec chroot {root} /usr/bin/setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs --inh-caps=-all \\
  --bounding-set=-all -- /usr/bin/env -i LANG=C.UTF-8 PATH=/usr/bin \\
  NOTIFY_SOCKET={notify} WATCHDOG_USEC=3000000 {command}
"""


@pytest.fixture
def house() -> Iterator[Root]:
    require_root()
    with root() as made:
        made.data.mkdir(mode=0o700)
        os.chown(made.data, int(USER), int(USER))
        made.put("etc/xueliang/xueliang.toml", '[service]\nlisten = "127.0.0.1:0"\n')
        yield made


def exec_start() -> str:
    text = (ROOT / "deploy/xueliang.service").read_text("utf-8")
    (found,) = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    return str(found)


def heard(manager: socket.socket, wanted: str) -> dict[str, str]:
    """The next message with ``wanted`` in it."""
    while True:
        fields = dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines())
        if wanted in fields:
            return fields


def test_ready_watched_and_ended_on_a_root_that_nobody_can_write(house: Root) -> None:
    notify = f"@xueliang-unit-{os.getpid()}"
    mounts = [
        f"mount --bind {source} {house.path}{place} && mount -o remount,bind,ro {house.path}{place}"
        for place, source in house.binds.items()
    ]
    command = _ROOT.format(root=house.path, binds="\n".join(mounts), user=USER, notify=notify, command=exec_start())
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind("\0" + notify[1:])
        manager.settimeout(SECONDS)
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-eu", "-c", command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        try:
            ready = heard(manager, "READY")
            assert ready["STATUS"].startswith("serving http://127.0.0.1:")
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            status = dict(line.split(":", 1) for line in lines)
            assert status["Uid"].split() == [USER] * 4
            assert status["NoNewPrivs"].split() == ["1"]
            assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 0
            for _ in range(3):
                assert heard(manager, "WATCHDOG")["WATCHDOG"] == "1"
            process.send_signal(signal.SIGTERM)
            assert int(heard(manager, "STOPPING")["EXTEND_TIMEOUT_USEC"]) >= 15_000_000
            _, said = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, said
        except TimeoutError:
            process.kill()
            pytest.fail(process.communicate()[1].decode()[-2000:])
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
    assert {entry.name for entry in house.data.iterdir()} >= {"xueliang.sqlite", "keys", "first-admin-password"}
    assert (house.data / "keys/master.key").stat().st_mode & 0o777 == 0o600


def test_the_image_starts_the_same_command() -> None:
    words = shlex.split(exec_start())
    text = (ROOT / "deploy/Containerfile").read_text("utf-8")
    (command,) = re.findall(r"^CMD (\[.+\])$", text, re.MULTILINE)
    assert re.findall(r'"([^"]+)"', command) == words[1:]
