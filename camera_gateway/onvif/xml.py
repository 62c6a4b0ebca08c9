"""Pure: XML from strangers, parsed within bounds or refused.

An answer is judged before any parser sees it: size after decoding, encoding, document type declarations. What is
left can neither name a file or an address, nor grow (XML 1.0 sections 2.8 and 4; W3C Namespaces).
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from config.errors import Kind, XueliangError
from config.text import printable

Element = etree._Element

#: The largest real answer seen is a 64-channel recorder's GetProfiles, about 400 kB.
MAX_BYTES = 1024 * 1024
#: That recorder's answer has about 9,000 elements; two tags each.
MAX_TAGS = 60_000
MAX_DEPTH = 64
MAX_NAMESPACES = 4_000

_DECLARATIONS = (b"<!doctype", b"<!entity", b"<!element", b"<!attlist", b"<!notation")
_TOO_DEEP = etree.XPath("boolean(/*" + "/*" * MAX_DEPTH + ")")


def parse(data: bytes) -> Element:
    """The root element of ``data``, with comments and processing instructions left out.

    Raises ``TOO_LARGE`` beyond 1 MiB, 60,000 tags, depth 64 or 4,000 namespace declarations, ``PROTOCOL`` for
    anything that is not well-formed UTF-8 XML without declarations.
    """
    _refuse_unsafe(data)
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XueliangError(Kind.PROTOCOL, f"not well-formed XML: {printable(str(error), 120)}") from None
    if _TOO_DEEP(root):
        raise XueliangError(Kind.TOO_LARGE, f"XML nested deeper than {MAX_DEPTH}")
    return root


def _refuse_unsafe(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        raise XueliangError(Kind.TOO_LARGE, f"an XML answer of more than {MAX_BYTES} bytes")
    if data[:3] in (b"\xff\xfe<", b"\xfe\xff\x00") or b"\x00" in data:
        raise XueliangError(Kind.PROTOCOL, "XML in an encoding other than UTF-8 (a NUL byte in it)")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise XueliangError(Kind.PROTOCOL, f"XML that is not UTF-8 at byte {error.start}") from None
    if b"<!" in data:
        lower = data.lower()
        if any(mark in lower for mark in _DECLARATIONS):
            raise XueliangError(Kind.PROTOCOL, "XML with a document type declaration, which no ONVIF answer has")
    if data.count(b"<") > MAX_TAGS or data.count(b"=") > MAX_TAGS:
        raise XueliangError(Kind.TOO_LARGE, f"XML with more than {MAX_TAGS} tags or attributes")
    if data.count(b"xmlns") > MAX_NAMESPACES:
        raise XueliangError(Kind.TOO_LARGE, f"XML with more than {MAX_NAMESPACES} namespace declarations")


def name(element: Element) -> str:
    """The name without its namespace: firmwares mix up ONVIF's namespaces more often than its names."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def child(element: Element | None, *path: str) -> Element | None:
    """The first descendant by names without namespaces, one level each; ``None`` if any is missing."""
    for step in path:
        if element is None:
            return None
        element = next((c for c in element if name(c) == step), None)
    return element


def children(element: Element | None, step: str) -> Iterator[Element]:
    if element is not None:
        yield from (c for c in element if name(c) == step)


def descendants(element: Element, step: str) -> Iterator[Element]:
    return (e for e in element.iter() if name(e) == step)


def text(element: Element | None, *path: str) -> str:
    """The stripped text of :func:`child`, or ``""``; as the device sent it, so still to be made printable."""
    found = child(element, *path)
    return (found.text or "").strip() if found is not None else ""
