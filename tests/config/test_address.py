"""What an address carries inside."""

from __future__ import annotations

import ipaddress

from config.address import unwrap


def test_unwrap() -> None:
    for text in ("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::5", "10.0.0.1"):
        assert str(unwrap(ipaddress.ip_address(text))) == "10.0.0.1"
    assert str(unwrap(ipaddress.ip_address("2001:db8::1"))) == "2001:db8::1"
