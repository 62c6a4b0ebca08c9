"""Edge: zeep, with one shared parsed set of the WSDL documents that the onvif-zeep package brings.

Only what zeep is good at happens here: values to XML and XML to values. It never opens a socket: requests go out by
:mod:`camera_gateway.http`, and what it may load is the package's folder. ``onvif`` itself is not imported (its
import configures logging); its ``wsdl`` folder is found by the package's metadata.
"""

from __future__ import annotations

import logging
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from lxml import etree
from zeep import exceptions
from zeep.settings import Settings
from zeep.wsdl import Document

from camera_gateway.onvif import xml
from camera_gateway.onvif.envelope import SOAP12, Call
from config.errors import Kind, XueliangError
from config.text import printable

#: zeep raises these over a device's answer; what is not in the list is a defect of ours and must be seen.
_ZEEP_FAILS = (exceptions.Error, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, AssertionError)


class Service(StrEnum):
    """The file of each service's binding in the package."""

    DEVICE = "devicemgmt.wsdl"
    MEDIA = "media.wsdl"


class _PackagedOnly:
    """zeep's transport: reads the package's documents and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, url: str) -> bytes:
        path = Path(url).resolve()
        if path.parent != self._folder or not path.is_file():
            raise XueliangError(Kind.NOT_ALLOWED, f"a WSDL asked for {printable(url)}, which is not packaged")
        return path.read_bytes()


def packaged_folder() -> Path:
    """The ``wsdl`` folder of onvif-zeep, without importing that package."""
    try:
        folder = Path(str(distribution("onvif-zeep").locate_file("wsdl"))).resolve()
    except PackageNotFoundError as error:
        raise XueliangError(
            Kind.INTERNAL, "onvif-zeep is not installed", fix="Install the locked requirements"
        ) from error
    if not (folder / Service.DEVICE).is_file():
        raise XueliangError(Kind.INTERNAL, "onvif-zeep lacks its wsdl folder", fix="Install the locked requirements")
    return folder


class SoapDocuments:
    """One instance for the whole process: about 15 MiB and 0.2 s, spent when a service is first used."""

    def __init__(self, folder: Path | None = None) -> None:
        for name in ("zeep", "httpx", "httpcore"):  # their DEBUG prints whole envelopes
            logging.getLogger(name).setLevel(logging.WARNING)
        # It prints the device's own text with a traceback for every value that is no number.
        logging.getLogger("zeep.xsd").setLevel(logging.CRITICAL)
        self._folder = folder or packaged_folder()
        self._bindings: dict[Service, Any] = {}

    def binding(self, service: Service) -> Any:
        if service not in self._bindings:
            settings = Settings(strict=False, forbid_dtd=True, forbid_entities=True, forbid_external=True)
            transport: Any = _PackagedOnly(self._folder)
            document = Document(str(self._folder / service), transport, settings=settings)
            self._bindings[service] = next(iter(document.bindings.values()))
        return self._bindings[service]

    def request(self, service: Service, operation: str, **values: Any) -> Call:
        """``values`` by the operation's parameters. A wrong name or type raises zeep's error: it is our mistake."""
        described = self.binding(service).get(operation)
        body = described.create(**values).content.find(f"{{{SOAP12}}}Body")
        etree.cleanup_namespaces(body)
        namespace = etree.QName(body[0]).namespace or ""
        return Call(f"{namespace}/{operation}", etree.tostring(body[0]), f"{operation}Response")

    def reply(self, service: Service, operation: str, body: xml.Element) -> Any:
        """The device's answer as zeep's values; ``None`` for an empty one. ``body`` is taken apart.

        ``body`` may come from either SOAP version. Raises ``PROTOCOL`` if it is not what the schema says.
        """
        envelope = etree.Element(f"{{{SOAP12}}}Envelope")
        inner = etree.SubElement(envelope, f"{{{SOAP12}}}Body")
        answer = xml.child(body, f"{operation}Response")
        if answer is None:
            raise XueliangError(Kind.PROTOCOL, f"{operation} was answered with something else")
        inner.append(answer)
        try:
            return self.binding(service).get(operation).process_reply(envelope)
        except _ZEEP_FAILS as error:
            raise XueliangError(
                Kind.PROTOCOL, f"{operation} was answered with XML against its schema: {printable(str(error), 120)}"
            ) from error
