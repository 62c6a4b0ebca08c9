"""Pure: SOAP 1.2 requests made by hand, for the hot path and for Media2, and the WS-Security header.

ONVIF Core Specification sections 5.9 and 8; WSS Username Token Profile 1.0 (digest).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

from camera_gateway.onvif import xml
from config.errors import Kind, XueliangError

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA1 = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_TOKEN = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"  # noqa: S105 - a namespace
_MESSAGE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0"

_HEAD = f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP12}">'.encode()
_TAIL = b"</s:Body></s:Envelope>"


@dataclass(frozen=True, slots=True)
class Call:
    """One operation: its SOAP action (for the Content-Type header) and the element inside the body."""

    action: str
    body: bytes
    reply: str  # local name of the element that answers it

    @property
    def name(self) -> str:
        return self.action.rpartition("/")[2]


def call(namespace: str, operation: str, inner: str = "") -> Call:
    """``inner`` is XML of ours in the default namespace, with texts already escaped."""
    body = f'<{operation} xmlns="{namespace}">{inner}</{operation}>'
    return Call(f"{namespace}/{operation}", body.encode(), f"{operation}Response")


CLOCK = call(DEVICE, "GetSystemDateAndTime")
INFORMATION = call(DEVICE, "GetDeviceInformation")


def profiles2() -> Call:
    return call(MEDIA2, "GetProfiles", "<Type>VideoSource</Type><Type>VideoEncoder</Type>")


def stream_uri2(token: str) -> Call:
    """``RTSP`` asks for RTP over the RTSP connection (Media2 section 5.5.2)."""
    inner = f"<Protocol>RTSP</Protocol><ProfileToken>{escape(token)}</ProfileToken>"
    return call(MEDIA2, "GetStreamUri", inner)


def snapshot_uri2(token: str) -> Call:
    return call(MEDIA2, "GetSnapshotUri", f"<ProfileToken>{escape(token)}</ProfileToken>")


def sync_point(token: str, namespace: str = MEDIA1) -> Call:
    """Ask for a keyframe of one profile (Media 1 section 5.18.1, Media2 section 5.6.1)."""
    return call(namespace, "SetSynchronizationPoint", f"<ProfileToken>{escape(token)}</ProfileToken>")


def envelope(body: bytes, security: bytes = b"") -> bytes:
    if not security:
        return _HEAD + b"<s:Body>" + body + _TAIL
    return _HEAD + b"<s:Header>" + security + b"</s:Header><s:Body>" + body + _TAIL


def password_digest(nonce: bytes, created: str, password: str) -> str:
    """Base64(SHA-1(nonce + created + password)): the profile's own algorithm, not our choice."""
    return base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()  # noqa: S324


def security(user: str, password: str, created: datetime, nonce: bytes) -> bytes:
    """A WS-UsernameToken with digest; ``created`` is the device's own time, in UTC."""
    stamp = created.strftime("%Y-%m-%dT%H:%M:%S.") + f"{created.microsecond // 1000:03d}Z"
    digest = password_digest(nonce, stamp, password)
    return (
        f'<w:Security xmlns:w="{WSSE}" xmlns:u="{WSU}" s:mustUnderstand="1"><w:UsernameToken>'
        f"<w:Username>{escape(user)}</w:Username>"
        f'<w:Password Type="{_TOKEN}#PasswordDigest">{digest}</w:Password>'
        f'<w:Nonce EncodingType="{_MESSAGE}#Base64Binary">{base64.b64encode(nonce).decode()}</w:Nonce>'
        f"<u:Created>{stamp}</u:Created></w:UsernameToken></w:Security>"
    ).encode()


def body_of(data: bytes) -> xml.Element:
    """The SOAP body, 1.1 or 1.2, of an answer. Raises as :func:`camera_gateway.onvif.xml.parse`, and ``PROTOCOL``."""
    root = xml.parse(data)
    if xml.name(root) != "Envelope":
        raise XueliangError(Kind.PROTOCOL, "the answer is XML, but no SOAP envelope")
    body = xml.child(root, "Body")
    if body is None:
        raise XueliangError(Kind.PROTOCOL, "a SOAP envelope without a body")
    return body
