"""Settings come from a file, the environment and secret files; mistakes are named all at once and never leak."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from config.errors import Kind, XueliangError
from config.load import load
from config.mistakes import Mistake, SettingsError


def write(folder: Path, text: str) -> Path:
    file = folder / "xueliang.toml"
    file.write_text(text, encoding="utf-8")
    return file


def secret(folder: Path, name: str, text: str, mode: int = 0o600) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def mistakes(file: Path | None, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(file, environment or {})
    assert caught.value.kind is Kind.INVALID
    return [str(mistake) for mistake in caught.value.mistakes]


def outcome(file: Path | None, environment: dict[str, str]) -> tuple[Mistake, ...] | None:
    """``None`` for good settings, else the mistakes; anything but a settings error goes through."""
    try:
        load(file, environment)
    except SettingsError as error:
        return error.mistakes
    return None


def test_defaults_need_nothing() -> None:
    found = load(None, {})
    assert found.service.listen == "127.0.0.1:8080"
    assert found.discovery.adopt == "manual"
    assert found.reach.networks == []
    assert found.checks.confirm == 3


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "[checks]\npicture_seconds = 600\nburst_count = 2\n")
    found = load(
        file, {"XUELIANG__CHECKS__PICTURE_SECONDS": "120", "XUELIANG__REACH__NETWORKS": "10.1.0.0/16, 10.2.0.0/16"}
    )
    assert found.checks.picture_seconds == 120
    assert found.checks.burst_count == 2
    assert [str(n) for n in found.reach.networks] == ["10.1.0.0/16", "10.2.0.0/16"]


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "[checks]\npicture_secs = 5\nconfirm = 0\n[discovery]\nadopt = 'always'\ncidrs = ['10.0.0.0/33']\n"
        "[servise]\nx = 1\n",
    )
    found = mistakes(file)
    assert [
        f"{file}: discovery.adopt = always: allowed is one of manual, auto",
        f"{file}: checks.confirm = 0: allowed is a whole number from 1 to 20, in samples",
    ] == [line for line in found if "confirm = 0" in line or "adopt =" in line]
    assert any("checks.picture_secs = 5" in line and "picture_seconds" in line for line in found)
    assert any("discovery.cidrs.0 = 10.0.0.0/33" in line and "such as 10.20.0.0/16" in line for line in found)
    assert any("servise" in line and "service (did you mean that?)" in line for line in found)
    assert len(found) == 5


def test_what_a_mistake_repeats_can_be_printed(tmp_path: Path) -> None:
    """Found by throwing broken files at it: values that only the checks of pairs of settings refuse."""
    file = tmp_path / "xueliang.toml"
    file.write_text('[reach]\nports = ["80\\u000000-8010\\u202e"]\n["\\u001b[2J"]\na = 1\n', "utf-8")
    with pytest.raises(SettingsError) as caught:
        load(file, {})
    assert str(caught.value).replace("\n", "").isprintable()
    file.write_text('[reach]\nports = ["80\\u000000-8010\\u202e"]\n', "utf-8")
    with pytest.raises(SettingsError) as caught:
        load(file, {})
    assert "reach.ports = 80?00-8010?" in str(caught.value)


def test_a_mistake_in_the_environment_names_the_variable() -> None:
    found = mistakes(None, {"XUELIANG__CHECKS__CONFIRM": "many", "XUELIANG__X": "1"})
    assert any(line.startswith("XUELIANG__CHECKS__CONFIRM: checks.confirm = many: allowed is") for line in found)
    assert any(line.startswith("XUELIANG__X:") for line in found)


def test_secrets_come_from_files(tmp_path: Path) -> None:
    secret(tmp_path, "db", "s3cr3t-canary\n")
    secret(tmp_path, "cam", "cam-canary\n")
    file = write(
        tmp_path,
        "[database]\nurl = 'postgresql://u@localhost/x'\npassword_file = 'db'\n[reach]\nnetworks = ['10.0.0.0/8']\n"
        "[[discovery.accounts]]\nnetworks = ['10.0.0.0/8']\nuser = 'admin'\npassword_file = 'cam'\n",
    )
    found = load(file, {})
    assert found.database.password == SecretStr("s3cr3t-canary")
    assert found.discovery.accounts[0].password == SecretStr("cam-canary")
    assert "canary" not in repr(found)


def test_secrets_come_from_the_environment_and_from_systemd(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    secret(folder, "metrics.token", "from-systemd", 0o440)
    secret(folder, "database.password", "from-systemd", 0o440)
    found = load(None, {"XUELIANG__DATABASE__PASSWORD": "from-env", "CREDENTIALS_DIRECTORY": str(folder)})
    assert found.database.password == SecretStr("from-env")
    assert found.metrics.token == SecretStr("from-systemd")


@pytest.mark.parametrize(
    "text",
    [
        "[database]\npassword = 'canary-1'",
        "[database]\npasswort = 'canary-1'",
        "[metrics]\ntoken = 'canary-1'",
        "[[discovery.accounts]]\npassword = 'canary-1'",
        "[database]\nurl = 'postgresql://u:canary-1@h/x'",
        "[database]\npassword = 'canary-1",
    ],
)
def test_a_misplaced_secret_is_a_mistake_and_is_not_repeated(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load(file, {})
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(caught.value.mistakes)


@pytest.mark.parametrize(("content", "mode"), [("x", 0o644), ("x", 0o640), ("", 0o600), ("x" * 70_000, 0o600)])
def test_a_secret_file_must_be_private_and_small(tmp_path: Path, content: str, mode: int) -> None:
    secret(tmp_path, "db", content, mode)
    file = write(tmp_path, "[database]\npassword_file = 'db'\n")
    [line] = mistakes(file)
    assert "database.password_file = db" in line
    assert "mode 0600" in line


def test_a_missing_secret_file_is_a_mistake(tmp_path: Path) -> None:
    [line] = mistakes(write(tmp_path, "[metrics]\ntoken_file = 'nowhere'\n"))
    assert "No such file" in line


def test_a_missing_file_is_not_a_mistake_in_it(tmp_path: Path) -> None:
    with pytest.raises(XueliangError) as caught:
        load(tmp_path / "none.toml", {})
    assert caught.value.kind is Kind.NOT_FOUND


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[service]\nlisten = '0.0.0.0:8080'", "service.listen"),
        ("[service]\nlisten = '127.0.0.1:99999'", "service.listen"),
        ("[service]\ntls_cert_file = 'a.pem'", "service.tls_cert_file"),
        ("[checks]\nconfirm = 5\nwindow = 4", "checks.window"),
        ("[checks]\nburst_gap_max_seconds = 200", "checks.burst_gap_max_seconds"),
        ("[checks]\nburst_gap_max_seconds = 5", "checks.burst_gap_max_seconds"),
        ("[checks]\nuplink_anchors = ['router']", "checks.uplink_anchors"),
        ("[discovery]\nadopt = 'auto'", "discovery.adopt"),
        ("[discovery]\ncidrs = ['10.0.0.0/24']", "discovery.cidrs"),
        ("[reach]\nnetworks = ['127.0.0.0/8']", "reach.networks"),
        ("[reach]\nports = ['80', '99999']", "reach.ports"),
        ("[[discovery.accounts]]\nuser = 'admin'", "discovery.accounts.0"),
    ],
)
def test_settings_that_do_not_go_together(tmp_path: Path, text: str, key: str) -> None:
    found = mistakes(write(tmp_path, text))
    assert any(f": {key} = " in line for line in found), found


def test_beyond_loopback_with_leave(tmp_path: Path) -> None:
    assert load(write(tmp_path, "[service]\nlisten = '0.0.0.0:8080'\ninsecure_http = true\n"), {}).service.insecure_http


@settings(max_examples=200)
@given(st.binary(max_size=300) | st.text(alphabet="[]=\"'.\n abc19{},#", max_size=120).map(str.encode))
def test_any_bytes_are_settings_or_a_mistake(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(data)
    found = outcome(file, {})
    if found is not None:
        assert found, "refused for nothing"
        assert all(mistake.place and mistake.allowed for mistake in found), "where, and what would be right"
        assert all(str(mistake).replace("\n", "").isprintable() for mistake in found)


@settings(max_examples=100)
@given(
    st.sampled_from(["CHECKS__CONFIRM", "REACH__PORTS", "SERVICE__LISTEN", "DATABASE__URL", "NO__KEY"]),
    st.text(max_size=60),
)
def test_any_environment_is_settings_or_a_mistake(key: str, value: str) -> None:
    found = outcome(None, {f"XUELIANG__{key}": value}) or ()
    assert [m for m in found if not m.place.startswith("XUELIANG__")] == []
