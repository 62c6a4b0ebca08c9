"""Where messages may go, and over what; and that a receiver can tell ours from others."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from alerts.opener import Opener, OpenerPolicy
from alerts.signature import headers, sign, verified
from alerts.webhook import Destination, Webhook
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from tests.support.certificate import certificate
from tests.support.receiver import SECRET, Receiver, receiving


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "127.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ],
)
async def test_never_contacted(host: str) -> None:
    with pytest.raises(XueliangError) as caught:
        await Opener(OpenerPolicy()).check(host, 443)
    assert caught.value.kind is Kind.NOT_ALLOWED


@pytest.mark.parametrize("host", ["10.1.2.3", "192.168.1.1", "203.0.113.9", "2001:db8::1", "64:ff9b::a01:203"])
def test_networks_of_a_district_are_allowed(host: str) -> None:
    assert OpenerPolicy().refusal(ip_address(host), 443) is None


@pytest.mark.parametrize("own", ["127.0.0.1", "0.0.0.0", "::"])
async def test_our_own_ports_are_not_contacted(own: str) -> None:
    opener = Opener(OpenerPolicy(allow_loopback=True, deny=((own, 8080),)))
    with pytest.raises(XueliangError) as caught:
        await opener.check("127.0.0.1", 8080)
    assert caught.value.kind is Kind.NOT_ALLOWED
    assert await opener.check("127.0.0.1", 8081) == "127.0.0.1"


async def test_a_name_is_checked_by_what_it_stands_for() -> None:
    async def names(host: str) -> list[str]:
        return ["169.254.169.254"]

    with pytest.raises(XueliangError) as caught:
        await Opener(OpenerPolicy(), names).check("metadata.example", 80)
    assert caught.value.kind is Kind.NOT_ALLOWED


async def _local(host: str) -> list[str]:
    return ["127.0.0.1"]


@pytest_asyncio.fixture
async def secured(tmp_path: Path) -> AsyncIterator[tuple[Path, Receiver]]:
    file, context = certificate(tmp_path, "receiver.example")
    async with receiving(SystemClock().now, context) as receiver:
        yield file, receiver


def webhook() -> Webhook:
    return Webhook(Opener(OpenerPolicy(allow_loopback=True), _local), SystemClock(), 5.0)


async def test_tls_with_a_known_authority(secured: tuple[Path, Receiver]) -> None:
    file, receiver = secured
    to = Destination("x", f"https://receiver.example:{receiver.port}/", SecretStr(SECRET), file)
    answer = await webhook().send(to, "k", b"{}")
    assert answer.status == 204
    assert [got.key for got in receiver.got] == ["k"]


@pytest.mark.parametrize(("host", "known"), [("receiver.example", False), ("other.example", True)])
async def test_tls_that_is_not_trusted_gets_nothing(secured: tuple[Path, Receiver], host: str, known: bool) -> None:
    file, receiver = secured
    to = Destination("x", f"https://{host}:{receiver.port}/", SecretStr(SECRET), file if known else None)
    with pytest.raises(XueliangError) as caught:
        await webhook().send(to, "k", b"{}")
    assert caught.value.kind is Kind.PROTOCOL
    assert "certificate" in str(caught.value)
    assert receiver.got == []


async def test_a_certificate_file_that_is_not_there(secured: tuple[Path, Receiver], tmp_path: Path) -> None:
    to = Destination("x", f"https://receiver.example:{secured[1].port}/", SecretStr(SECRET), tmp_path / "none.pem")
    with pytest.raises(XueliangError) as caught:
        await webhook().send(to, "k", b"{}")
    assert caught.value.kind is Kind.INVALID


def test_a_signature_holds_time_body_and_secret_together() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    sent = {name.lower(): value for name, value in headers("s", "k", now, b"{}").items()}
    assert sent["idempotency-key"] == "k"
    assert verified("s", sent, b"{}", now + dt.timedelta(seconds=299))
    assert not verified("s", sent, b"{}", now + dt.timedelta(seconds=301))
    assert not verified("s", sent, b"{ }", now)
    assert not verified("t", sent, b"{}", now)
    assert not verified("s", {**sent, "xueliang-timestamp": str(int(now.timestamp()) + 1)}, b"{}", now)
    assert not verified("s", {**sent, "xueliang-timestamp": "９"}, b"{}", now)
    assert not verified("s", {}, b"{}", now)


def test_the_signature_is_the_documented_one() -> None:
    # openssl: printf '1772323200.{"a":1}' | openssl dgst -sha256 -hmac secret
    import hashlib
    import hmac

    by_hand = hmac.new(b"secret", b'1772323200.{"a":1}', hashlib.sha256).hexdigest()
    assert sign("secret", 1772323200, b'{"a":1}') == f"v1={by_hand}"
