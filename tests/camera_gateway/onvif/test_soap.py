"""Edge: zeep reads packaged documents only and keeps quiet."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.onvif import envelope, facts, xml
from camera_gateway.onvif.soap import Service, _PackagedOnly, packaged_folder
from camera_gateway.simulator import onvif_messages as messages
from config.errors import Kind, XueliangError
from tests.support.onvif_rig import DOCUMENTS, virtual_device


@pytest.mark.parametrize("url", ["/etc/passwd", "http://www.onvif.org/x.wsdl", "../../etc/passwd", "", "sub/onvif.xsd"])
def test_only_packaged_documents_are_loaded(url: str) -> None:
    folder = packaged_folder()
    for asked in (url, str(folder / url)):
        with pytest.raises(XueliangError) as caught:
            _PackagedOnly(folder).load(asked)
        assert caught.value.kind is Kind.NOT_ALLOWED
    assert _PackagedOnly(folder).load(str(folder / "onvif.xsd"))


def test_the_package_itself_is_not_imported() -> None:
    DOCUMENTS.binding(Service.DEVICE)
    assert "onvif" not in sys.modules


def test_the_loggers_that_print_envelopes_are_capped() -> None:
    DOCUMENTS.binding(Service.DEVICE)
    for name in ("zeep", "zeep.transports", "zeep.wsdl.bindings.soap", "httpx"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


def test_values_that_are_none_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    spoilt = messages.envelope(messages.video_sources(virtual_device())).replace(b">1920<", b">canary<")
    reply = DOCUMENTS.reply(Service.MEDIA, "GetVideoSources", envelope.body_of(spoilt))
    assert facts.sources(reply) == ["VideoSource_1"]
    assert "canary" not in caplog.text


def test_a_document_set_elsewhere_is_not_followed(tmp_path: Path) -> None:
    from camera_gateway.onvif.soap import SoapDocuments

    (tmp_path / Service.DEVICE).write_bytes(b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>')
    with pytest.raises(Exception, match=r"DTD|Entit"):
        SoapDocuments(tmp_path).binding(Service.DEVICE)


def test_a_request_is_the_operations_element() -> None:
    call = DOCUMENTS.request(Service.DEVICE, "GetCapabilities", Category=["All"])
    body = xml.parse(call.body)
    assert body.tag == f"{{{envelope.DEVICE}}}GetCapabilities"
    assert xml.text(body, "Category") == "All"
    assert call.action == f"{envelope.DEVICE}/GetCapabilities"


CASES = {
    "GetServices": (Service.DEVICE, messages.services(virtual_device()), facts.services),
    "GetCapabilities": (Service.DEVICE, messages.capabilities(virtual_device()), facts.capabilities),
    "GetNetworkInterfaces": (Service.DEVICE, messages.network_interfaces(virtual_device()), facts.mac),
    "GetScopes": (Service.DEVICE, messages.scopes(virtual_device()), facts.scopes),
    "GetVideoSources": (Service.MEDIA, messages.video_sources(virtual_device(channels=2)), facts.sources),
    "GetStreamUri": (Service.MEDIA, messages.media1_uri("GetStreamUri", "rtsp://h/"), facts.media_uri),
}


@pytest.mark.parametrize("operation", CASES)
def test_answers_become_values(operation: str) -> None:
    service, body, read = CASES[operation]
    reply = DOCUMENTS.reply(service, operation, envelope.body_of(messages.envelope(body)))
    assert read(reply)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_mutated_answers_are_values_or_protocol_errors(data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(sorted(CASES)))
    service, body, read = CASES[operation]
    mutated = bytearray(messages.envelope(body))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(200, len(mutated) - 1))
        mutated[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    kind = Kind.PROTOCOL
    try:
        read(DOCUMENTS.reply(service, operation, envelope.body_of(bytes(mutated))))
    except XueliangError as error:
        kind = error.kind
    assert kind is Kind.PROTOCOL
