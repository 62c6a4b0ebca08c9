"""Challenges and answers of Digest and Basic."""

from __future__ import annotations

from dataclasses import dataclass

from camera_gateway.rtsp.digest import authorization, choose, parse_challenges, verify

SEEDS = [
    b'Digest realm="IP Camera(C1234)", nonce="7a3b", stale="FALSE", algorithm="MD5"',
    b'Basic realm="x"\nDigest realm="x", nonce="y", qop="auth,auth-int", algorithm=SHA-256-sess, opaque="o"',
    b'Digest realm="a \\" b", nonce=z, Basic realm="c", Digest realm=d, nonce="e", algorithm=SHA-512-256',
    b'Digest username="u", realm="r", nonce="n", uri="/x", response="00", qop=auth, nc=00000001, cnonce="c"',
]


@dataclass(frozen=True)
class Clear:
    allow_clear: bool = True


def one(data: bytes) -> None:
    values = data.decode("utf-8", "replace").split("\n")
    challenges = parse_challenges(values)
    for challenge in challenges:
        verify(challenge, values[0], "DESCRIBE", "u", "p")
    chosen = choose(challenges, Clear())
    answer = authorization(chosen, "DESCRIBE", "rtsp://h/x", "u", "p", cnonce="c")
    assert "\r" not in answer
    assert "\n" not in answer
    assert not verify(chosen, answer, "DESCRIBE", "u", "wrong")
