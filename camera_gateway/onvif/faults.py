"""Pure: SOAP faults of both versions, and what they mean for us.

SOAP 1.2 part 1 section 5.4, SOAP 1.1 section 4.4, ONVIF Core Specification section 5.11.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from camera_gateway.onvif import xml
from config.errors import Kind, XueliangError
from config.text import printable

#: Subcodes and SOAP 1.1 codes that mean "credentials please", as ONVIF, WS-Security and old firmwares spell them.
_NOT_AUTHORIZED = frozenset(
    {"notauthorized", "sendernotauthorized", "failedauthentication", "invalidsecurity", "invalidsecuritytoken"}
)
_NOT_SUPPORTED = frozenset({"actionnotsupported", "notsupported", "optionalactionnotimplemented", "unknownaction"})
_BUSY = frozenset({"maxconnections", "toomanysessions", "outofmemory", "criticalerror"})
_MAX_SUBCODES = 8


@dataclass(frozen=True, slots=True)
class Fault:
    """``codes`` are local names from the outermost code inwards; ``reason`` is fit to be shown."""

    codes: tuple[str, ...]
    reason: str

    @property
    def not_authorized(self) -> bool:
        """The subcode decides; of SOAP 1.1 answers without one, the words do."""
        if any(c.lower() in _NOT_AUTHORIZED for c in self.codes):
            return True
        squeezed = self.reason.lower().replace(" ", "").replace("-", "")
        return len(self.codes) < 2 and any(w in squeezed for w in ("notauthorized", "unauthorized", "notauthenticated"))

    @property
    def not_supported(self) -> bool:
        return any(c.lower() in _NOT_SUPPORTED for c in self.codes)

    @property
    def kind(self) -> Kind:
        if self.not_authorized:
            return Kind.AUTH
        return Kind.BUSY if any(c.lower() in _BUSY for c in self.codes) else Kind.PROTOCOL


class SoapFault(XueliangError):
    """The device answered a call with a fault."""

    def __init__(self, fault: Fault, operation: str, where: str = "") -> None:
        self.fault = fault
        said = ": ".join(part for part in ("/".join(fault.codes), fault.reason) if part) or "no code, no reason"
        super().__init__(fault.kind, f"{operation} was answered with a fault ({said})", where=where)


def fault_of(body: xml.Element) -> Fault | None:
    """The fault in a SOAP body, or ``None`` if it is an ordinary answer."""
    element = xml.child(body, "Fault")
    if element is None:
        return None
    codes: list[str] = []
    code = xml.child(element, "Code")
    while code is not None and len(codes) < _MAX_SUBCODES:
        codes.append(_local(xml.text(code, "Value")))
        code = xml.child(code, "Subcode")
    if not codes and (old := xml.text(element, "faultcode")):
        codes.extend(_local(part) for part in old.split(".")[:_MAX_SUBCODES])
    reason = xml.text(element, "Reason", "Text") or xml.text(element, "faultstring")
    return Fault(tuple(c for c in codes if c), printable(reason, 160))


def _local(value: str) -> str:
    return printable(value.rpartition(":")[2].strip(), 60)
