"""Addresses as people type them: the password leaves the address whole, or the address is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.target import split_credentials
from config.errors import Kind, XueliangError
from registry.stream import is_url


@pytest.mark.parametrize(
    ("typed", "url", "user", "password"),
    [
        ("rtsp://u:p@10.0.0.1/1", "rtsp://10.0.0.1/1", "u", "p"),
        ("rtsp://u:p@a@10.0.0.1:8554/1?x=2", "rtsp://10.0.0.1:8554/1?x=2", "u", "p@a"),
        ("rtsp://u:p%2Fa%3F@cam.example/1", "rtsp://cam.example/1", "u", "p/a?"),
        ("rtsp://u:p@[fe80::1]/1@2", "rtsp://[fe80::1]/1@2", "u", "p"),
    ],
)
def test_parted(typed: str, url: str, user: str, password: str) -> None:
    clean, credentials = split_credentials(typed)
    assert credentials is not None
    assert (clean, credentials.user, credentials.password.get_secret_value()) == (url, user, password)


@pytest.mark.parametrize(
    "typed",
    [
        "rtsp://u?Canary@10.0.0.1/1",
        "rtsp://u#Canary@10.0.0.1/1",
        "rtsp://u:12?Canary@10.0.0.1/1",
        "rtsp://u:12/Canary@10.0.0.1/1",
        "rtsp://u:p@s/Canary@10.0.0.1/1",
        "rtsp://10.0.0.1?Canary@10.0.0.1/1",
    ],
)
def test_a_password_that_cannot_be_told_apart_is_refused_and_not_shown(typed: str) -> None:
    with pytest.raises(XueliangError) as caught:
        split_credentials(typed)
    assert caught.value.kind is Kind.INVALID
    assert "Canary" not in str(caught.value)
    assert not is_url(typed)


@settings(max_examples=300)
@given(st.text("aA1:/?#@%[].", max_size=12), st.sampled_from(["u:", "", "10.0.0.2:", "u:1"]))
def test_no_password_stays_in_an_address(password: str, before: str) -> None:
    """Whatever is typed before the last ``@``: the address is refused, or that ``@`` was taken for what it is."""
    typed = f"rtsp://{before}{password}@10.0.0.1/1"
    try:
        clean, credentials = split_credentials(typed)
    except XueliangError:
        return
    if clean.startswith("rtsp://10.0.0.2"):
        return  # an address, a path and an "@" in it: nobody could tell
    assert clean == "rtsp://10.0.0.1/1"
    assert credentials is not None
