"""Pure: no device leads us to another host."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera_gateway.onvif import address

DIALLED = "http://10.0.0.5:8080/onvif/device_service"


@pytest.mark.parametrize(
    ("said", "url", "moved", "user"),
    [
        ("http://10.0.0.5/onvif/media", "http://10.0.0.5/onvif/media", False, False),
        ("http://10.0.0.5:81/m?x=1", "http://10.0.0.5:81/m?x=1", False, False),
        ("http://192.168.1.64/onvif/media", "http://10.0.0.5:8080/onvif/media", True, False),
        ("https://169.254.1.1:443/m", "http://10.0.0.5:8080/m", True, False),
        ("http://admin:pw@10.0.0.5/m", "http://10.0.0.5/m", False, True),
        ("http://[fe80::1]/m", "http://10.0.0.5:8080/m", True, False),
    ],
)
def test_services_keep_the_dialled_host(said: str, url: str, moved: bool, user: bool) -> None:
    assert address.service(said, DIALLED) == address.Held(url, moved, user)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "/m",
        "file:///etc/passwd",
        "ftp://10.0.0.5/",
        "http://",
        "http://a b/",
        "http://[::1/",
        "http://h:99999/",
        "http://h/" + "x" * 3000,
        "http://h/\r\nX: y",
    ],
)
def test_what_is_no_address_is_dropped(said: str) -> None:
    assert address.service(said, DIALLED) is None
    assert address.stream(said, "10.0.0.5") is None


def test_streams_keep_their_own_port_and_lose_the_user() -> None:
    held = address.stream("rtsp://u:p@203.0.113.9:8554/ch1?a=b", "10.0.0.5")
    assert held == address.Held("rtsp://10.0.0.5:8554/ch1?a=b", True, True)
    six = address.stream("rtsp://10.0.0.1/a", "fd00::5")
    assert six is not None
    assert six.url == "rtsp://[fd00::5]/a"


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "169.254.7.7", "fe80::1", "fe80::1%eth0", "::", "::ffff:169.254.1.1", "239.255.255.250", ""]
)
def test_dead_hosts(host: str) -> None:
    assert address.dead_host(host)


def test_the_address_that_answered_is_preferred() -> None:
    said = ["http://169.254.3.3/onvif/a", "http://192.168.0.9:81/onvif/b", "http://10.0.0.5:82/onvif/c"]
    assert address.prefer(said, "10.0.0.5") == "http://10.0.0.5:82/onvif/c"
    assert address.prefer(said[:2], "10.0.0.5") == "http://10.0.0.5:81/onvif/b"
    assert address.prefer(said[:1], "10.0.0.5") == "http://10.0.0.5/onvif/a"
    assert address.prefer([], "10.0.0.5") is None
    assert address.usable_xaddrs(said) == said[1:]


@given(st.text(max_size=60))
def test_whatever_is_said_the_host_stays(text: str) -> None:
    for said in (text, f"http://{text}", f"http://x/{text}", f"rtsp://{text}@h/"):
        for held in (address.service(said, DIALLED), address.stream(said, "10.0.0.5")):
            if held is not None:
                assert urlsplit(held.url).hostname == "10.0.0.5"
                assert "@" not in urlsplit(held.url).netloc
