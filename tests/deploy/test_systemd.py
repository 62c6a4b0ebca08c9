"""The units under a true systemd, installed as the guide says: started, confined, watched over, backed up, restored.

Each test goes on where the one before it ended, as the guide's steps do.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.installation import guide, require_root, root
from tests.support.systemd_machine import Machine, booted
from tests.support.tree import ROOT

FLEET = ("simulate", "--cameras", "1", "--listen", "address", "--main", "640x360", "--gop", "0.5", "--json")
FAST = """
[service]
listen = "127.0.0.1:8080"
[reach]
networks = ["{network}"]
ports = ["1024-65535"]
allow_loopback = true
[discovery]
cidrs = ["{network}"]
multicast = false
adopt = "auto"
adopt_networks = ["{network}"]
port = {port}
wait_seconds = 0.3
[[discovery.accounts]]
networks = ["{network}"]
user = "{user}"
password_file = "camera.password"
[checks]
picture_seconds = 2
burst_count = 1
burst_gap_min_seconds = 0.5
burst_gap_max_seconds = 0.5
[references]
accept_samples = 2
write_seconds = 1
[streaming]
addresses = ["10.30.0.5"]
"""


INSTALL, BACKUP = guide("install.md"), guide("backup.md")


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """After step 2; what step 1 takes from registries is this machine's."""
    require_root()
    with root() as made, booted(made) as machine:
        # An address that others could reach, as in the example of settings: viewers use no loopback.
        machine.inside("ip", "link", "add", "seen0", "type", "veth", "peer", "name", "other0")
        machine.inside("ip", "address", "add", "10.30.0.5/24", "dev", "seen0")
        machine.inside("ip", "link", "set", "seen0", "up")
        machine.inside("ip", "link", "set", "other0", "up")
        machine.block(INSTALL[1])
        assert "no mistakes" in machine.block(INSTALL[2])
        yield machine


@pytest.fixture(scope="module")
def fleet(machine: Machine) -> Iterator[dict[str, str]]:
    """One virtual camera in the machine, unconfined, and the service's configuration for it."""
    running = machine.start("/opt/xueliang/bin/xueliang", *FLEET, "--discovery", "3702")
    try:
        assert running.stdout is not None
        (camera,) = json.loads(running.stdout.readline())["cameras"]
        host = urlsplit(camera["rtsp"]).hostname
        values = {"network": f"{host}/32", "port": 3702, "user": camera["user"]}
        machine.root.put("etc/xueliang/xueliang.toml", FAST.format(**values))
        machine.root.put("etc/xueliang/camera.password", camera["password"], 0o600)
        machine.inside("chown", "xueliang", "/etc/xueliang/camera.password")
        yield camera
    finally:
        running.terminate()
        running.communicate()


def main_pid(machine: Machine) -> str:
    (pid,) = machine.shown("xueliang", "MainPID")
    return pid


def override(machine: Machine, unit: str, text: str) -> None:
    machine.root.put(f"etc/systemd/system/{unit}.d/test.conf", text)
    machine.inside("systemctl", "daemon-reload")


def test_it_starts_confined_and_says_that_it_is_ready(machine: Machine, fleet: dict[str, str]) -> None:
    assert "active" in machine.block(INSTALL[3]).splitlines()
    assert machine.inside("/opt/xueliang/bin/xueliang", "status", "--ready").strip() == "serving http://127.0.0.1:8080"
    (status,) = machine.shown("xueliang", "StatusText")
    assert status == "serving http://127.0.0.1:8080"
    pid = main_pid(machine)
    lines = machine.inside("cat", f"/proc/{pid}/status").splitlines()
    facts = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    user = machine.inside("id", "--user", "xueliang").strip()
    assert set(facts["Uid"]) == {user}
    assert user != "0"
    assert facts["NoNewPrivs"] == ["1"]
    assert facts["Seccomp"] == ["2"]
    assert {*facts["CapEff"], *facts["CapBnd"], *facts["CapAmb"]} == {"0000000000000000"}
    looked = machine.inside("nsenter", "-t", pid, "-m", "--", "touch", "/etc/xueliang/x", check=False)
    assert "Read-only file system" in looked
    assert machine.inside("stat", "-c", "%a %U", "/var/lib/xueliang").split() == ["700", "xueliang"]


def test_pictures_are_judged_in_confinement(machine: Machine, fleet: dict[str, str]) -> None:
    """Decoders and their libraries get along with what they may not do; nothing was forbidden that is needed."""
    machine.until("xueliang", "state unknown -> ok")
    answer = json.loads(machine.inside("/opt/xueliang/bin/xueliang", "status", "--json"))
    assert answer["counts"]["ok"] == 1


def test_live_pictures_leave_it(machine: Machine, fleet: dict[str, str]) -> None:
    (camera,) = json.loads(machine.inside("/opt/xueliang/bin/xueliang", "status", "--json"))["cameras"]
    expires = machine.inside("date", "-d", "tomorrow", "+%Y-%m-%dT%H:%M%:z").strip()
    words = ("token", "add", "screen", "--purpose", "duty", "--expires", expires, "--role", "screen", "--json")
    token = json.loads(machine.inside("/opt/xueliang/bin/xueliang", *words))["secret"]
    viewer = machine.root.path / "root/whep_viewer.py"
    shutil.copy(ROOT / "tests/support/whep_viewer.py", viewer)
    place = ("http://127.0.0.1:8080", "127.0.0.1:8080", token, "5", camera["camera_id"])
    seen = json.loads(machine.inside("/opt/xueliang/bin/python3", "/root/whep_viewer.py", *place).splitlines()[0])
    assert (seen["frames"], seen["ended"]) == (5, 200)


def test_the_rest_of_the_installation(machine: Machine, fleet: dict[str, str]) -> None:
    machine.block(INSTALL[4])
    assert (machine.root.path / "etc/nginx/conf.d/xueliang.conf").is_file()
    name, password = machine.block(INSTALL[5]).split()
    assert (name, len(password) > 10) == ("admin", True)
    assert "li: added" in machine.block(INSTALL[6])
    assert len(INSTALL) == 7
    assert "no mistakes" in machine.block(*guide("behind-nat.md"))


def test_the_key_is_kept_apart_and_the_nightly_backup_made_with_it(machine: Machine, fleet: dict[str, str]) -> None:
    copied, apart, nightly, check, restore, after = BACKUP
    machine.block(copied)
    key = (machine.root.path / "media/key/master.key").read_bytes().split()[2]
    machine.block(apart)
    assert machine.shown("xueliang", "ActiveState") == ["active"]
    assert list((machine.root.data / "keys").iterdir()) == []
    machine.block(nightly)
    (made,) = (machine.root.path / "mnt/backup/xueliang").iterdir()
    written = [*made.rglob("*"), *machine.root.data.rglob("*")]
    assert len(written) > 10
    assert [file for file in written if file.is_file() and key in file.read_bytes()] == []
    assert "whole and signed" in machine.block(check)
    assert machine.inside("systemctl", "is-enabled", "xueliang-backup.timer").strip() == "enabled"

    # On the day.
    assert "restored as of" in machine.block(restore)
    assert machine.shown("xueliang", "Result", "ExecMainStatus") == ["success", "0"]
    told = machine.block(after)
    assert "admin  enabled" in told
    assert "screen  until" in told
    assert machine.shown("xueliang", "ActiveState") == ["active"]
    assert list((machine.root.data / "keys").iterdir()) == []


def test_one_that_stands_still_is_started_anew(machine: Machine, fleet: dict[str, str]) -> None:
    override(machine, "xueliang.service", "[Service]\nWatchdogSec=6\nRestartSec=0\n")
    machine.inside("systemctl", "restart", "xueliang")
    (count,) = machine.shown("xueliang", "NRestarts")
    before = main_pid(machine)
    machine.inside("kill", "-STOP", before)
    machine.until("xueliang", "Watchdog timeout")
    machine.until("xueliang", f"Scheduled restart job, restart counter is at {int(count) + 1}.")
    # Its last words: where each thread stood.
    machine.until("xueliang", "Fatal Python error: Aborted")
    machine.inside("systemctl", "start", "xueliang")
    assert machine.shown("xueliang", "ActiveState") == ["active"]
    assert main_pid(machine) != before


def test_a_mistake_in_the_settings_is_told_and_not_started_again(machine: Machine, fleet: dict[str, str]) -> None:
    machine.inside("systemctl", "stop", "xueliang")
    assert "no service answers" in machine.inside("/opt/xueliang/bin/xueliang", "status", "--ready", check=False)
    file = machine.root.put("etc/xueliang/xueliang.toml", "[service]\nlisten = 'everywhere'\n")
    try:
        machine.inside("systemctl", "start", "xueliang", check=False)
        state, code = machine.shown("xueliang", "ActiveState", "ExecMainStatus")
        assert (state, code) == ("failed", "2")
        machine.until("xueliang", "service.listen")
    finally:
        file.unlink()


def test_systemd_finds_nothing_wrong_with_the_units(machine: Machine) -> None:
    for unit in ("xueliang.service", "xueliang-backup.service", "xueliang-backup.timer"):
        told = machine.inside("systemd-analyze", "verify", f"/etc/systemd/system/{unit}")
        assert [line for line in told.splitlines() if "xueliang" in line] == []


def test_both_languages_have_the_same_commands() -> None:
    assert guide("zh/install.md") == INSTALL


def test_what_systemd_thinks_of_its_exposure() -> None:
    """0 is nothing, 10 everything; below 2 is what it calls OK. Ours needs the network, netlink, and its own limits."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze is installed (Debian: systemd)")
    for unit, most in (("xueliang.service", "15"), ("xueliang-backup.service", "20")):
        words = ["systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={most}"]
        done = subprocess.run([*words, str(ROOT / "deploy" / unit)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-300:] + done.stderr
