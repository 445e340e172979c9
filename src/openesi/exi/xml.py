"""Events from XML text and back, for tools: the codec itself never needs the text."""

from __future__ import annotations

from collections.abc import Iterable
from xml.parsers import expat

from openesi.errors import PeerError
from openesi.exi.events import Attribute, Characters, EndElement, Event, StartElement
from openesi.exi.schema import XML, XSI, XSI_TYPE, QName

# Where a schema may be found: a hint to validators that is no part of the document.
_HINTS = {QName(XSI, "schemaLocation"), QName(XSI, "noNamespaceSchemaLocation")}
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_QUOTES = _IN_TEXT | str.maketrans({'"': "&quot;", "\t": "&#9;", "\n": "&#10;"})
_SEPARATOR = "\x1f"  # cannot occur in XML


class XmlError(PeerError):
    """A text that is no XML, or has a document type declaration."""


def events_from_xml(text: bytes) -> list[Event]:
    """Read XML as events; comments, processing instructions and schema hints are left out.

    Raises:
        XmlError: for text that is not well-formed, has a DTD or an xsi:type with an undeclared prefix.
    """
    reader = _XmlReader()
    try:
        reader.parser.Parse(text, True)
    except expat.ExpatError as error:
        msg = f"not well-formed XML: {error}"
        raise XmlError(msg) from error
    return reader.events


def xml_from_events(events: Iterable[Event], *, namespace: str = "") -> str:
    """Write events as XML without a declaration; ``namespace`` becomes the default one.

    Other namespaces get prefixes, all declared on the document element.
    """
    listed = list(events)
    prefixes = _prefixes(listed, namespace)
    parts: list[str] = []
    names: list[str] = []
    is_tag_open = False
    for event in listed:
        if isinstance(event, Attribute):
            value = event.value if isinstance(event.value, str) else _tag(event.value, prefixes)
            parts.append(f" {_tag(event.name, prefixes)}={_quoted(value)}")
            continue
        if is_tag_open and isinstance(event, EndElement):
            parts.append("/>")
            names.pop()
            is_tag_open = False
            continue
        if is_tag_open:
            parts.append(">")
            is_tag_open = False
        if isinstance(event, StartElement):
            name = _tag(event.name, prefixes)
            parts.append(f"<{name}")
            if not names:
                parts += [
                    _declaration(prefix, uri) for uri, prefix in prefixes.items() if uri not in ("", XML)
                ]
            names.append(name)
            is_tag_open = True
        elif isinstance(event, Characters):
            parts.append(event.text.translate(_IN_TEXT))
        else:
            parts.append(f"</{names.pop()}>")
    return "".join(parts)


class _XmlReader:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self.parser.buffer_text = True
        self.parser.ordered_attributes = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = lambda _: self.events.append(EndElement())
        self.parser.CharacterDataHandler = lambda text: self.events.append(Characters(text))
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartNamespaceDeclHandler = self._declare
        self.parser.EndNamespaceDeclHandler = lambda prefix: self._uris[prefix or ""].pop()
        self._uris: dict[str, list[str]] = {"xml": [XML], "": [""]}

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        self._uris.setdefault(prefix or "", []).append(uri or "")

    def _start(self, name: str, attributes: list[str]) -> None:
        self.events.append(StartElement(_qname(name)))
        for index in range(0, len(attributes), 2):
            attribute, value = _qname(attributes[index]), attributes[index + 1]
            if attribute == XSI_TYPE:
                self.events.append(Attribute(attribute, self._resolve(value)))
            elif attribute not in _HINTS:
                self.events.append(Attribute(attribute, value))

    def _resolve(self, value: str) -> QName:
        prefix, _, local = value.strip().rpartition(":")
        uris = self._uris.get(prefix)
        if not uris or not local:
            msg = f"xsi:type {value!r} names no type: declare its prefix"
            raise XmlError(msg)
        return QName(uris[-1], local)

    def _doctype(self, *_: object) -> None:
        msg = "a document type declaration, which no payload needs"
        raise XmlError(msg)


def _qname(name: str) -> QName:
    uri, _, local = name.rpartition(_SEPARATOR)
    return QName(uri, local)


def _prefixes(events: list[Event], namespace: str) -> dict[str, str]:
    """Prefixes by namespace; ``namespace`` is the default one if all names allow it."""
    elements = {one.name.uri for one in events if isinstance(one, StartElement)}
    values = {one.value.uri for one in events if isinstance(one, Attribute) and isinstance(one.value, QName)}
    attributes = {one.name.uri for one in events if isinstance(one, Attribute)}
    prefixes = {"": ""}
    if "" not in elements | values and namespace not in attributes:
        prefixes[namespace] = ""
    prefixes |= {XML: "xml", XSI: "xsi"}
    for uri in sorted(elements | values | attributes):
        prefixes.setdefault(uri, f"ns{len(prefixes)}")
    unused = prefixes.keys() - elements - values - attributes - {"", XML}
    return {uri: prefix for uri, prefix in prefixes.items() if uri not in unused}


def _declaration(prefix: str, uri: str) -> str:
    return f" xmlns:{prefix}={_quoted(uri)}" if prefix else f" xmlns={_quoted(uri)}"


def _tag(name: QName, prefixes: dict[str, str]) -> str:
    prefix = prefixes[name.uri]
    return f"{prefix}:{name.local}" if prefix else name.local


def _quoted(value: str) -> str:
    return f'"{value.translate(_IN_QUOTES)}"'
