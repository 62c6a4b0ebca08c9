"""What the Containerfile promises: no root, nothing but packages and hashes, and what it exposes is what we open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from center.choices import USUAL
from center.cli import parser
from config.settings import Settings, split_listen
from tests.support.tree import ROOMS, ROOT

FILE = ROOT / "deploy" / "Containerfile"


@dataclass(frozen=True)
class Step:
    stage: int
    word: str
    rest: str


def steps(text: str) -> list[Step]:
    """Instruction by instruction, continuation lines joined; those before the first ``FROM`` are of stage 0."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stage, found = 0, []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            stage += word == "FROM"
            found.append(Step(stage, word, " ".join(rest.split())))
    return found


STEPS = steps(FILE.read_text("utf-8"))
LAST = [step for step in STEPS if step.stage == STEPS[-1].stage]


def test_it_runs_as_nobody_of_note() -> None:
    (user,) = [step.rest for step in LAST if step.word == "USER"]
    assert re.fullmatch(r"\d{5}:\d{5}", user), "by number, so that a cluster sees that it is not root"
    made = next(step.rest for step in LAST if "useradd" in step.rest)
    assert f"--uid {user.split(':')[0]} " in made
    assert LAST.index(next(s for s in LAST if s.word == "USER")) < LAST.index(next(s for s in LAST if s.word == "CMD"))


def test_nothing_comes_from_an_address_and_no_base_is_the_latest() -> None:
    assert [step for step in STEPS if step.word == "ADD"] == []
    for step in STEPS:
        assert not re.search(r"https?://|git@|\bcurl\b|\bwget\b", step.rest), step
    bases = {step.rest.split()[0] for step in STEPS if step.word == "FROM"}
    assert bases == {"${BASE}"}
    (given,) = [step.rest for step in STEPS if step.word == "ARG"]
    name = given.removeprefix("BASE=")
    assert re.search(r":\d+\.\d+[\w.-]*$|@sha256:[0-9a-f]{64}$", name), name


def test_every_library_comes_by_its_hash() -> None:
    installs = [part for step in STEPS for part in step.rest.split(" && ") if " install " in part and "pip" in part]
    assert len(installs) == 3
    for words in installs:
        assert "--require-hashes" in words or ("--no-deps" in words and "--no-index" in words), words


def test_what_runs_has_no_tools_to_build_and_no_sources() -> None:
    copied = [step.rest for step in LAST if step.word == "COPY"]
    assert copied == ["--from=installed /opt/xueliang /opt/xueliang"]
    assert not [step for step in LAST if re.search(r"\b(gcc|npm|node|pip|python3-venv)\b", step.rest)]


def test_every_room_is_in_the_wheel_that_is_built() -> None:
    copied = {step.rest.split()[0] for step in STEPS if step.word == "COPY" and step.stage == 1}
    assert {room for room in ROOMS if (ROOT / room).is_dir()} <= copied
    ignored = Path(ROOT / ".containerignore").read_text("utf-8").split()
    wanted = {name for step in STEPS if step.word == "COPY" and "--from" not in step.rest for name in step.rest.split()}
    named = {name for name in wanted if (ROOT / name).exists() and name not in (".", "./")}
    assert {f"!{name}" for name in named} <= set(ignored)


def test_it_exposes_what_the_settings_say_and_writes_where_they_say() -> None:
    settings = Settings()
    (exposed,) = [step.rest for step in LAST if step.word == "EXPOSE"]
    _, port = split_listen(settings.service.listen)
    assert exposed.split() == [f"{port}/tcp", f"{settings.streaming.ice_port_range}/udp"]
    assert [step.rest for step in LAST if step.word == "VOLUME"] == [str(settings.service.data_dir)]
    assert [step.rest for step in LAST if step.word == "WORKDIR"] == [str(settings.service.data_dir)]


def test_its_commands_are_ours() -> None:
    (entry,) = [step.rest for step in LAST if step.word == "ENTRYPOINT"]
    (command,) = [step.rest for step in LAST if step.word == "CMD"]
    (health,) = [step.rest for step in LAST if step.word == "HEALTHCHECK"]
    assert entry == '["xueliang"]'
    words = re.findall(r'"([^"]+)"', command)
    assert parser("serve").parse_args(words).config == USUAL
    program, *asked = re.findall(r'"([^"]+)"', health.partition("CMD ")[2])
    assert program == "xueliang"
    assert parser("status").parse_args(asked).ready
    assert [step.rest for step in LAST if step.word == "STOPSIGNAL"] == ["SIGTERM"]
