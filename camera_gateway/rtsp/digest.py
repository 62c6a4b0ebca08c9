"""Pure: Digest (RFC 7616, RFC 2617) and Basic (RFC 7617) access authentication, for RTSP and for HTTP.

Client: ``choose(parse_challenges(values), credentials)``, then ``authorization(...)``. Server: ``verify(...)``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from config.errors import Kind, XueliangError

MAX_HEADER = 8192
MAX_CHALLENGES = 16

_TOKEN = re.compile(r"""([^\s,="]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"?|[^\s,]*))?""")
_AWKWARD = re.compile(r'[\r\n\\"]')
_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_STRENGTH = {"SHA-512-256": 3, "SHA-256": 2, "MD5": 1}


class ClearAllowed(Protocol):
    @property
    def allow_clear(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Challenge:
    """``algorithm`` is as the device wrote it, empty when it named none (then MD5)."""

    scheme: str  # "digest" or "basic"
    realm: str = ""
    nonce: str = ""
    opaque: str = ""
    algorithm: str = ""
    qop: tuple[str, ...] = ()
    stale: bool = False

    @property
    def family(self) -> str:
        name = (self.algorithm or "MD5").upper()
        return name.removesuffix("-SESS")

    @property
    def session(self) -> bool:
        return self.algorithm.upper().endswith("-SESS")

    def header(self) -> str:
        """The value of WWW-Authenticate, for a server."""
        if self.scheme == "basic":
            return f"Basic realm={_quote(self.realm)}"
        parts = [f"realm={_quote(self.realm)}", f"nonce={_quote(self.nonce)}"]
        if self.opaque:
            parts.append(f"opaque={_quote(self.opaque)}")
        if self.algorithm:
            parts.append(f"algorithm={self.algorithm}")
        if self.qop:
            parts.append(f'qop="{",".join(self.qop)}"')
        if self.stale:
            parts.append("stale=true")
        return "Digest " + ", ".join(parts)


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """All challenges of one reply, over several headers or in one; unknown schemes are left out. Never raises."""
    found: list[Challenge] = []
    for value in values:
        for scheme, fields in _schemes(value):
            if scheme == "digest" and not fields.get("nonce"):
                continue
            if scheme in ("digest", "basic") and len(found) < MAX_CHALLENGES:
                found.append(_challenge(scheme, fields))
    return found


def choose(challenges: Iterable[Challenge], credentials: ClearAllowed) -> Challenge:
    """The strongest challenge that may be answered.

    Raises ``AUTH`` where the device only offers what is unknown or what would send the password in the clear.
    """
    digests = [c for c in challenges if c.scheme == "digest" and _usable(c)]
    if digests:
        return max(digests, key=lambda c: (_STRENGTH[c.family], not c.session))
    basic = [c for c in challenges if c.scheme == "basic"]
    if basic and credentials.allow_clear:
        return basic[0]
    if basic:
        raise XueliangError(
            Kind.AUTH,
            "the device only accepts the password in the clear (Basic)",
            fix="Turn on Digest in the device, or allow clear passwords for this device",
        )
    raise XueliangError(Kind.AUTH, "the device offers no known way to log in", fix="Turn on Digest in the device")


class Login:
    """User and password bound to one challenge; what stays the same from request to request is worked out once, and
    the password is not kept.

    ``uses`` counts the answers given to the nonce.
    """

    __slots__ = ("_basic", "_hash", "_head", "_qop", "_secret", "_tail", "challenge", "uses")

    def __init__(self, challenge: Challenge, user: str, password: str) -> None:
        self.challenge = challenge
        self.uses = 0
        self._basic = self._head = self._qop = self._secret = self._tail = ""
        if challenge.scheme == "basic":
            self._basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
            return
        self._qop = "auth" if "auth" in challenge.qop else "auth-int" if "auth-int" in challenge.qop else ""
        self._hash = _hash_of(challenge)
        self._secret = self._hash(f"{user}:{challenge.realm}:{password}".encode())
        head = f"username={_quote(user)}, realm={_quote(challenge.realm)}, nonce={_quote(challenge.nonce)}"
        self._head = f"Digest {head}, uri="
        if challenge.algorithm:
            self._tail += f", algorithm={challenge.algorithm}"
        if challenge.opaque:
            self._tail += f", opaque={_quote(challenge.opaque)}"

    def header(self, method: str, uri: str, *, nc: int = 0, cnonce: str = "", body: bytes = b"") -> str:
        """The value of the Authorization header. ``nc`` is counted here unless it is given."""
        if self._basic:
            return self._basic
        challenge, qop = self.challenge, self._qop
        if not nc:
            self.uses += 1
            nc = self.uses
        if not cnonce and (qop or challenge.session):
            cnonce = secrets.token_hex(8)
        count = f"{nc:08x}"
        answer = _answer(challenge, self._hash, self._secret, method, uri, count, cnonce, qop, body)
        made = f'{self._head}{_quote(uri)}, response="{answer}"{self._tail}'
        if qop:
            made += f", qop={qop}, nc={count}"
        return f'{made}, cnonce="{cnonce}"' if cnonce else made


def authorization(
    challenge: Challenge,
    method: str,
    uri: str,
    user: str,
    password: str,
    nc: int = 1,
    cnonce: str = "",
    body: bytes = b"",
) -> str:
    """The value of the Authorization header. ``nc`` counts the uses of one nonce from 1."""
    return Login(challenge, user, password).header(method, uri, nc=nc, cnonce=cnonce, body=body)


def verify(challenge: Challenge, header: str, method: str, user: str, password: str, body: bytes = b"") -> bool:
    """Whether ``header`` (an Authorization value) answers ``challenge`` rightly; for servers. Never raises."""
    if challenge.scheme == "basic":
        scheme, _, token = header.strip().partition(" ")
        try:
            given = base64.b64decode(token.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(given, f"{user}:{password}".encode())
    fields = next((f for scheme, f in _schemes(header) if scheme == "digest"), {})
    if fields.get("username") != user or fields.get("nonce") != challenge.nonce or not fields.get("response"):
        return False
    qop = fields.get("qop", "")
    if (qop and qop not in challenge.qop) or (challenge.qop and not qop):
        return False
    hashed = _hash_of(challenge)
    expected = _answer(
        challenge,
        hashed,
        hashed(f"{user}:{challenge.realm}:{password}".encode()),
        method,
        fields.get("uri", ""),
        fields.get("nc", ""),
        fields.get("cnonce", ""),
        qop,
        body,
    )
    return hmac.compare_digest(expected.encode(), fields["response"].lower().encode())


def _usable(challenge: Challenge) -> bool:
    known = challenge.family in _HASHES and _HASHES[challenge.family] in hashlib.algorithms_available
    return known and (not challenge.qop or bool({"auth", "auth-int"} & set(challenge.qop)))


def _md5(text: bytes) -> str:
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text, usedforsecurity=False).hexdigest()


def _sha512_256(text: bytes) -> str:
    return hashlib.new("sha512_256", text, usedforsecurity=False).hexdigest()


Hash = Callable[[bytes], str]
_BY_FAMILY: dict[str, Hash] = {"MD5": _md5, "SHA-256": _sha256, "SHA-512-256": _sha512_256}


def _hash_of(challenge: Challenge) -> Hash:
    return _BY_FAMILY.get(challenge.family, _md5)


def _answer(
    challenge: Challenge,
    hashed: Hash,
    secret: str,
    method: str,
    uri: str,
    nc: str,
    cnonce: str,
    qop: str,
    body: bytes,
) -> str:
    if challenge.session:
        secret = hashed(f"{secret}:{challenge.nonce}:{cnonce}".encode())
    asked = f"{method}:{uri}"
    if qop == "auth-int":
        asked += f":{hashed(body)}"
    middle = f"{challenge.nonce}:{nc}:{cnonce}:{qop}" if qop else challenge.nonce
    return hashed(f"{secret}:{middle}:{hashed(asked.encode())}".encode())


def _challenge(scheme: str, fields: dict[str, str]) -> Challenge:
    qop = tuple(q for q in (part.strip().lower() for part in fields.get("qop", "").split(",")) if q)
    return Challenge(
        scheme,
        fields.get("realm", ""),
        fields.get("nonce", ""),
        fields.get("opaque", ""),
        fields.get("algorithm", ""),
        qop,
        fields.get("stale", "").lower() == "true",
    )


def _schemes(value: str) -> list[tuple[str, dict[str, str]]]:
    """``Digest a=b, c="d", Basic realm="e"`` parted into schemes and their fields."""
    schemes: list[tuple[str, dict[str, str]]] = []
    for match in _TOKEN.finditer(value[:MAX_HEADER]):
        name, text = match.group(1), match.group(2)
        if text is None:
            if len(schemes) >= MAX_CHALLENGES:
                break
            schemes.append((name.lower(), {}))
        elif schemes:
            schemes[-1][1].setdefault(name.lower(), _unquote(text))
    return schemes


def _quote(text: str) -> str:
    """Device text goes back as it came, but never with line ends, which would begin a header of their own."""
    if _AWKWARD.search(text):
        text = text.replace("\r", "").replace("\n", "").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _unquote(text: str) -> str:
    if not text.startswith('"'):
        return text
    inner = text[1:-1] if len(text) > 1 and text.endswith('"') else text[1:]
    return re.sub(r"\\(.)", r"\1", inner) if "\\" in inner else inner
