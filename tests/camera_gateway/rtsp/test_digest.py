"""Digest against the examples of its RFCs, and client against server side."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.rtsp.digest import Challenge, authorization, choose, parse_challenges, verify
from config.errors import Kind, XueliangError


@dataclass(frozen=True)
class Policy:
    allow_clear: bool = False


def test_rfc_7616_examples() -> None:
    """Section 3.9.1."""
    header = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    for algorithm, answer in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        (challenge,) = parse_challenges([header.format(algorithm)])
        value = authorization(challenge, "GET", "/dir/index.html", "Mufasa", "Circle of Life", 1, cnonce)
        assert f'response="{answer}"' in value
        assert "qop=auth, nc=00000001" in value


def test_rfc_2069_form_without_qop() -> None:
    (challenge,) = parse_challenges(['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'])
    value = authorization(challenge, "GET", "/dir/index.html", "Mufasa", "CircleOfLife")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in value
    assert "cnonce" not in value


def test_several_challenges_and_the_strongest() -> None:
    one_header = (
        'Basic realm="a, b", Digest realm="r", nonce="1", algorithm=MD5, Digest realm="r", nonce="2", algorithm=SHA-256'
    )
    for values in ([one_header], one_header.replace(", Digest", "\0Digest").split("\0")):
        challenges = parse_challenges(values)
        assert [c.scheme for c in challenges] == ["basic", "digest", "digest"]
        assert challenges[0].realm == "a, b"
        assert choose(challenges, Policy(True)).nonce == "2"
    unknown = parse_challenges(['NTLM, Digest realm="r", nonce="n", algorithm=WHAT', 'Basic realm="x"'])
    assert choose(unknown, Policy(True)).scheme == "basic"
    with pytest.raises(XueliangError) as clear:
        choose(unknown, Policy())
    assert clear.value.kind is Kind.AUTH
    with pytest.raises(XueliangError):
        choose([], Policy(True))


def test_broken_challenges() -> None:
    assert parse_challenges(["", "Digest", 'Digest realm="x', "=,=,", 'Digest nonce=""']) == []
    (stale,) = parse_challenges(['digest REALM="x",NONCE="n",STALE=TRUE,QOP="auth"'])
    assert stale.stale
    assert parse_challenges(['Digest realm="unterminated, nonce=x'] * 99) == []
    assert len(parse_challenges(['Digest nonce="n"'] * 99)) == 16


CHALLENGE = st.builds(
    Challenge,
    st.just("digest"),
    realm=st.text(st.characters(exclude_categories=("C", "Z")), max_size=12),
    nonce=st.text("abcdef0123456789+/=", min_size=1, max_size=20),
    opaque=st.text("abc", max_size=4),
    algorithm=st.sampled_from(["", "MD5", "md5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256"]),
    qop=st.sampled_from([(), ("auth",), ("auth", "auth-int"), ("auth-int",)]),
)


@given(CHALLENGE, st.text("uvw:", min_size=1, max_size=5).filter(lambda u: ":" not in u), st.text(max_size=8))
@settings(max_examples=150, deadline=None)
def test_client_and_server_agree(challenge: Challenge, user: str, password: str) -> None:
    (received,) = parse_challenges([challenge.header()])
    assert received == challenge
    value = authorization(received, "SETUP", "rtsp://h/a?b=c", user, password, 3)
    assert verify(challenge, value, "SETUP", user, password)
    assert not verify(challenge, value, "PLAY", user, password)
    assert not verify(challenge, value, "SETUP", user, password + "x")
    assert not verify(challenge, value, "SETUP", user + "x", password)


@given(st.text(max_size=80))
@settings(max_examples=150, deadline=None)
def test_no_line_end_escapes(text: str) -> None:
    for challenge in [*parse_challenges([text]), Challenge("digest", text, text, text)]:
        value = authorization(challenge, "PLAY", "rtsp://h/x", "u", "p")
        assert "\r" not in value
        assert "\n" not in value
    assert not verify(Challenge("digest", "r", "n"), text, "PLAY", "u", "p")
    assert not verify(Challenge("basic", "r"), text, "PLAY", "u", "p")


def test_basic() -> None:
    challenge = Challenge("basic", "r")
    value = authorization(challenge, "PLAY", "x", "Aladdin", "open sesame")
    assert value == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert verify(challenge, value, "PLAY", "Aladdin", "open sesame")
    assert not verify(challenge, value, "PLAY", "Aladdin", "no")
    assert not verify(challenge, "Basic !!!", "PLAY", "Aladdin", "no")
