"""Pure: requests made by hand, and faults of both SOAP versions."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest

from camera_gateway.onvif import envelope, xml
from camera_gateway.onvif.envelope import SOAP11
from camera_gateway.onvif.faults import Fault, SoapFault, fault_of
from config.errors import Kind, XueliangError


def test_the_digest_is_the_one_of_the_profiles_own_example() -> None:
    # ONVIF Application Programmer's Guide, section on WS-UsernameToken.
    nonce = base64.b64decode("LKqI6G/AikKCQrN0zqZFlg==")
    assert envelope.password_digest(nonce, "2010-09-16T07:50:45Z", "userpassword") == "tuOSpGlFlIXsozq4HFNeeGeFLEI="


def test_a_token_carries_utc_with_z_and_escaped_names() -> None:
    header = envelope.security("a<&>b", "p", datetime(2026, 3, 1, 12, 0, 5, 123456, tzinfo=UTC), b"0123456789abcdef")
    root = xml.parse(envelope.envelope(envelope.INFORMATION.body, header))
    token = xml.child(root, "Header", "Security", "UsernameToken")
    assert xml.text(token, "Username") == "a<&>b"
    created = xml.text(token, "Created")
    assert created == "2026-03-01T12:00:05.123Z"
    digest = hashlib.sha1(b"0123456789abcdef" + created.encode() + b"p").digest()
    assert base64.b64decode(xml.text(token, "Password")) == digest


def test_tokens_of_profiles_are_escaped() -> None:
    body = xml.parse(envelope.stream_uri2('"><x>&').body)
    assert xml.text(body, "ProfileToken") == '"><x>&'


def _fault(inner: str, soap: str = envelope.SOAP12) -> Fault:
    data = f'<e:Envelope xmlns:e="{soap}"><e:Body><e:Fault>{inner}</e:Fault></e:Body></e:Envelope>'
    found = fault_of(envelope.body_of(data.encode()))
    assert found is not None
    return found


CODE = "<e:Code><e:Value>e:Sender</e:Value><e:Subcode><e:Value>{}</e:Value>{}</e:Subcode></e:Code>"


@pytest.mark.parametrize(
    ("inner", "soap"),
    [
        (CODE.format("ter:NotAuthorized", ""), envelope.SOAP12),
        (CODE.format("wsse:FailedAuthentication", ""), envelope.SOAP12),
        (
            CODE.format("ter:InvalidArgVal", "<e:Subcode><e:Value>ter:NotAuthorized</e:Value></e:Subcode>"),
            envelope.SOAP12,
        ),
        ("<faultcode>ter:NotAuthorized</faultcode><faultstring>no</faultstring>", SOAP11),
        ("<faultcode>SOAP-ENV:Client</faultcode><faultstring>Sender not authorized</faultstring>", SOAP11),
        ("<faultcode>e:Client.ter.NotAuthorized</faultcode>", SOAP11),
    ],
)
def test_not_authorized_in_all_its_spellings(inner: str, soap: str) -> None:
    fault = _fault(inner, soap)
    assert fault.not_authorized
    assert SoapFault(fault, "GetProfiles").kind is Kind.AUTH


@pytest.mark.parametrize("subcode", ["ter:ActionNotSupported", "ter:InvalidArgVal", "ter:OperationProhibited", ""])
def test_other_faults_are_not_about_the_password(subcode: str) -> None:
    fault = _fault(CODE.format(subcode, "") + "<e:Reason><e:Text>you are not authorized to do this</e:Text></e:Reason>")
    assert fault.not_authorized is (subcode == "")
    assert fault.not_supported is (subcode == "ter:ActionNotSupported")


def test_a_faults_reason_is_made_printable() -> None:
    fault = _fault("<e:Reason><e:Text>\x85\u202ebad</e:Text></e:Reason>")
    assert fault.reason == "?bad" or "\u202e" not in fault.reason


@pytest.mark.parametrize("data", [b"<a/>", b'<e:Envelope xmlns:e="x"/>', b"<Body/>"])
def test_xml_without_a_body_is_no_answer(data: bytes) -> None:
    with pytest.raises(XueliangError) as caught:
        envelope.body_of(data)
    assert caught.value.kind is Kind.PROTOCOL
