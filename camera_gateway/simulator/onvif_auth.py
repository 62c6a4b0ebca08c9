"""Pure: how a virtual device checks who calls: WS-UsernameToken and HTTP Digest, as strict as its model.

WSS Username Token Profile 1.0, RFC 7616. Written apart from the client's side, so that neither copies the other's
mistake.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar

from camera_gateway.onvif import xml
from camera_gateway.simulator.camera import VirtualDevice

#: How far Created may lie from the device's own clock; real strict devices take 5 s and more.
WINDOW_SECONDS = 5.0
#: Nonces remembered against replay, and nonces of ours that are still good, over the whole fleet.
MAX_NONCES = 20_000
_T = TypeVar("_T")
REALM = "xueliang virtual camera"
_PAIR = re.compile(r'([a-zA-Z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class Caller(Enum):
    NONE = "none"  # said nothing about itself
    KNOWN = "known"
    WRONG = "wrong"


@dataclass(slots=True)
class OnvifAuth:
    """``refused`` counts wrong credentials per device id: what a real device would lock an account by."""

    refused: dict[str, int] = field(default_factory=dict)
    _used: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    _given: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def wsse(self, device: VirtualDevice, header: xml.Element | None, now: datetime) -> Caller:
        token = xml.child(header, "Security", "UsernameToken")
        if token is None or device.auth_mode == "digest":
            return Caller.NONE
        return self._count(device, self._token_is_right(device, token, now))

    def digest(
        self, device: VirtualDevice, authorization: str, method: str, target: str, *, picture: bool = False
    ) -> Caller:
        if not authorization.lower().startswith("digest ") or (device.auth_mode == "wsse" and not picture):
            return Caller.NONE
        fields = {k.lower(): quoted or bare for k, quoted, bare in _PAIR.findall(authorization)}
        if fields.get("nonce", "") not in self._given:
            return Caller.NONE  # stale: it is asked again with a fresh one
        return self._count(device, _digest_is_right(device, fields, method, target))

    def challenges(self, device: VirtualDevice, *, picture: bool = False) -> list[tuple[str, str]]:
        """The headers of a 401: one challenge for each of the device's algorithms, in its order."""
        if device.auth_mode == "wsse" and not picture:
            return []
        nonce = secrets.token_hex(16)
        _keep(self._given, nonce)
        return [
            ("WWW-Authenticate", f'Digest realm="{REALM}", qop="auth", nonce="{nonce}", algorithm={a}, opaque=""')
            for a in device.algorithms
        ]

    def _count(self, device: VirtualDevice, right: bool) -> Caller:
        if right:
            return Caller.KNOWN
        self.refused[device.id] = self.refused.get(device.id, 0) + 1
        return Caller.WRONG

    def _token_is_right(self, device: VirtualDevice, token: xml.Element, now: datetime) -> bool:
        created, sent = xml.text(token, "Created"), xml.text(token, "Password")
        secret = device.secret(xml.text(token, "Username"))
        try:
            nonce = base64.b64decode(xml.text(token, "Nonce"), validate=True)
            stamp = datetime.strptime(created.partition(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        except (binascii.Error, ValueError):
            return False
        if secret is None or not nonce or not created.endswith("Z"):
            return False
        if device.strict and not self._fresh(device, stamp, nonce + created.encode(), now):
            return False
        right = base64.b64encode(hashlib.sha1(nonce + created.encode() + secret.encode()).digest())  # noqa: S324 - profile
        return hmac.compare_digest(right, sent.encode())

    def _fresh(self, device: VirtualDevice, stamp: datetime, mark: bytes, now: datetime) -> bool:
        """Created is near the device's own time, and this very token was never sent before."""
        mark = device.id.encode() + mark
        if mark in self._used or abs((stamp - device.clock(now)).total_seconds()) > WINDOW_SECONDS:
            return False
        _keep(self._used, mark)
        return True


def _keep(store: OrderedDict[_T, None], item: _T) -> None:
    store[item] = None
    if len(store) > MAX_NONCES:
        store.popitem(last=False)


def _digest_is_right(device: VirtualDevice, fields: dict[str, str], method: str, target: str) -> bool:
    user, secret = fields.get("username", ""), device.secret(fields.get("username", ""))
    algorithm = fields.get("algorithm", "MD5")
    if secret is None or algorithm not in device.algorithms or fields.get("realm") != REALM:
        return False
    if fields.get("uri") != target:
        return False

    def h(text: str) -> str:
        data = text.encode()
        return hashlib.sha256(data).hexdigest() if algorithm == "SHA-256" else hashlib.md5(data).hexdigest()  # noqa: S324

    first, second = h(f"{user}:{REALM}:{secret}"), h(f"{method}:{target}")
    if fields.get("qop") == "auth":
        middle = f"{fields['nonce']}:{fields.get('nc', '')}:{fields.get('cnonce', '')}:auth"
    else:
        middle = fields["nonce"]
    return hmac.compare_digest(h(f"{first}:{middle}:{second}").encode(), fields.get("response", "").encode())
