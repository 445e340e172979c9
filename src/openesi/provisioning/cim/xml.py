"""Messages from bytes and to bytes.

Reading goes by local names: prefixes, the years in namespaces, the order of elements and elements of others
do not matter. What is required, how often an element may stand, and every simple value are checked. Two forms
are read and written: the strongly typed one (``CreateEndDeviceControls``) and the generic one
(``RequestMessage``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from openesi.provisioning.cim.codes import EVENTS, CimError, Verb
from openesi.provisioning.cim.model import PAYLOADS, Header, Kind, Message, Reply, Request
from openesi.provisioning.cim.shape import Member, Place, members, parse_value, serialize_value

# A window for some thousand devices in one message; more is not a message but a denial of service.
MAX_BYTES: Final = 1 << 20
# The deepest message of the model has 9 levels, and a SOAP envelope adds 2; others' extensions get some air.
MAX_DEPTH: Final = 32
# A device in a batch takes about 20 elements; more are a waste of time before anybody is asked who he is.
MAX_ELEMENTS: Final = 50_000
# The parser copies a namespace into every name that is in it, so a long one is paid for a thousand times:
# by elements, which MAX_NAMESPACE stops, and by the attributes of one tag, which only a short tag does.
MAX_NAMESPACE: Final = 512
MAX_STRETCH: Final = 16_384  # bytes from one "<" to the next: a tag and the text after it
_PIECE: Final = 16_384  # bytes; the parser reads on to the end of a piece after it was told to stop

MESSAGE_NAMESPACE: Final = "http://iec.ch/TC57/2011/schema/message"
YEAR: Final = 2011  # in the namespace of the strongly typed wrappers; others write 2017

_DECLARED: Final = re.compile(rb"""<\?xml[^>]{1,100}?encoding\s*=\s*["']([^"']{1,40})["']""")
_MISSING: Final = {Header: "1.5", Request: "1.6", Reply: "1.5"}
T = TypeVar("T")
Element = ElementTree.Element


def payload_namespace(noun: str) -> str:
    """The namespace of a payload."""
    return f"http://iec.ch/TC57/2011/{noun}#"


def wrapper_namespace(noun: str, year: int = YEAR) -> str:
    """The namespace of a strongly typed message."""
    return f"http://iec.ch/TC57/{year}/{noun}Message"


# -- reading


def parse(octets: bytes) -> Message:
    """The message in a document. Raises ``CimError`` with the reply code to answer."""
    return read(parse_tree(octets))


def parse_tree(octets: bytes) -> Element:
    """The document's root; document types and what is too long, too deep or too many are refused."""
    if len(octets) > MAX_BYTES:
        raise CimError("3.1", f"a message has at most {MAX_BYTES} bytes, not {len(octets)}")
    if max(map(len, octets.split(b"<"))) > MAX_STRETCH:
        raise CimError("3.1", f"a tag and the text after it have at most {MAX_STRETCH} bytes")
    # In UTF-8 alone is every byte that looks like "<" one; what others declare is read where it is ASCII.
    declared = _DECLARED.match(octets)
    foreign = declared and declared[1].lower() != b"utf-8" and not octets.isascii()
    if foreign or b"\0" in octets:
        raise CimError("1.8", "a message is in UTF-8")
    parser = ElementTree.XMLParser(target=_Builder(), encoding="utf-8")  # noqa: S314
    try:
        for start in range(0, len(octets), _PIECE):
            parser.feed(octets[start : start + _PIECE])
        root: Element = parser.close()
    except ElementTree.ParseError as error:
        raise CimError("1.8", f"the document is not well-formed XML in UTF-8: {error}") from None
    return root


def read(root: Element) -> Message:
    """The message that an element stands for."""
    name = local(root)
    parts = {local(child): child for child in root}
    header = _read(Header, parts["Header"], "Header") if "Header" in parts else None
    kind = _kind(name, header)
    if header is None and kind is not Kind.FAULT:
        raise CimError("1.5", f"{name} has no Header")
    reply = _read(Reply, parts["Reply"], "Reply") if "Reply" in parts else None
    if reply is None and kind in (Kind.RESPONSE, Kind.FAULT):
        raise CimError("1.5", f"{name} has no Reply")
    return Message(
        kind=kind,
        header=header,
        request=_read(Request, parts["Request"], "Request") if "Request" in parts else None,
        reply=reply,
        payload=_read_payload(parts["Payload"], header) if "Payload" in parts else None,
    )


def local(element: Element) -> str:
    """An element's name without its namespace."""
    tag: str = element.tag
    return tag.rpartition("}")[2]


def _kind(name: str, header: Header | None) -> Kind:
    for kind in Kind:
        if name == kind.value or (name.endswith(kind.value) and name.removesuffix(kind.value) in PAYLOADS):
            if header is not None and name not in (kind.value, header.Noun + kind.value):
                raise CimError("2.5", f"{name} holds a Header with the noun {header.Noun}")
            return kind
    if header is None:
        raise CimError("1.5", f"{name[:64]} is no message, or has no Header")
    by_verb = Kind.EVENT if header.Verb in EVENTS else Kind.REQUEST
    if name == "Message":
        return Kind.RESPONSE if header.Verb is Verb.REPLY else by_verb
    if name == header.Verb.capitalize() + header.Noun:
        return by_verb
    if name.endswith(header.Noun):
        raise CimError("2.9", f"{name} holds a Header with the verb {header.Verb}")
    raise CimError("2.5", f"{name[:64]} holds a Header with the noun {header.Noun[:64]}")


def _read_payload(element: Element, header: Header | None) -> Any:
    for child in element:
        kind = PAYLOADS.get(local(child))
        if kind is not None:
            if header is not None and header.Noun != kind.__name__:
                said = header.Noun[:64]
                raise CimError("2.5", f"the Payload holds {kind.__name__}, the Header says {said}")
            return _read(kind, child, kind.__name__)
    if len(element):
        raise CimError("2.5", f"the Payload holds {local(element[0])[:64]}, which is not served here")
    raise CimError("1.7", "the Payload is empty")


def _read(cls: type[T], element: Element, path: str) -> T:
    table = members(cls)
    values: dict[str, Any] = {}
    known = {member.name: member for member in table if member.place is Place.ELEMENT}
    for child in element:
        member = known.get(local(child))
        if member is None:
            continue
        where = f"{path}/{member.name}"
        value = (
            _read_simple(member, child.text or "", where)
            if member.simple
            else _read(member.type, child, where)
        )
        if member.many:
            values.setdefault(member.name, []).append(value)
        elif member.name in values:
            raise CimError("1.8", f"{where} stands twice")
        else:
            values[member.name] = value
    for member in table:
        if member.place is Place.ATTRIBUTE and member.name in element.attrib:
            where = f"{path}/@{member.name}"
            values[member.name] = _read_simple(member, element.attrib[member.name], where)
        elif member.place is Place.CONTENT:
            values[member.name] = _read_simple(member, element.text or "", path)
        if member.required and member.name not in values:
            raise CimError(_MISSING.get(cls, "1.7"), f"{path} has no {member.name}")
        if member.many and member.name in values:
            values[member.name] = tuple(values[member.name])
    return cls(**values)


def _read_simple(member: Member, text: str, where: str) -> Any:
    try:
        return parse_value(member.type, text)
    except ValueError as error:
        code = "2.9" if member.type is Verb else "1.8"
        raise CimError(code, f"{where}: {error}") from None


class _Builder(ElementTree.TreeBuilder):
    """A tree that stops growing: no document type, so no entities; no more of anything than messages have."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._elements = 0

    def start_ns(self, prefix: str, uri: str) -> None:
        if len(uri) > MAX_NAMESPACE:
            raise CimError("1.8", f"a namespace has at most {MAX_NAMESPACE} characters")

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise CimError("1.8", "a message has no document type")

    def start(self, tag: Any, attrs: dict[Any, Any], /) -> Element:
        self._depth += 1
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise CimError("3.1", f"a message has at most {MAX_ELEMENTS} elements")
        if self._depth > MAX_DEPTH:
            raise CimError("1.8", f"the document is deeper than {MAX_DEPTH} elements")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


# -- writing


@dataclass(frozen=True, slots=True)
class Form:
    """How a message is dressed."""

    typed: bool = True
    year: int = YEAR


TYPED: Final = Form()
GENERIC: Final = Form(typed=False)


def serialize(message: Message, form: Form = TYPED) -> bytes:
    """The document of a message."""
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + render(message, form).encode()


def render(message: Message, form: Form = TYPED) -> str:
    """The element of a message, without an XML declaration, so that it can stand in a SOAP body."""
    noun = _noun(message)
    spaces = f' xmlns:msg="{MESSAGE_NAMESPACE}"'
    wrapper = f"msg:{message.kind.value}"
    prefix = "msg:"
    if form.typed:
        wrapper, prefix = f"m:{wrapper_name(message)}", "m:"
        spaces += f' xmlns:m="{wrapper_namespace(noun, form.year)}"'
    out = [f"<{wrapper}{spaces}>"]
    for name, part in (("Header", message.header), ("Request", message.request), ("Reply", message.reply)):
        if part is not None:
            out.append(f"<{prefix}{name}>")
            _write_children(out, part, "msg:")
            out.append(f"</{prefix}{name}>")
    if message.payload is not None:
        out.append(f'<{prefix}Payload><{noun} xmlns="{payload_namespace(noun)}">')
        _write_children(out, message.payload, "")
        out.append(f"</{noun}></{prefix}Payload>")
    out.append(f"</{wrapper}>")
    return "".join(out)


def wrapper_name(message: Message) -> str:
    """The name of the strongly typed form, such as ``CreateEndDeviceControls``."""
    if message.kind in (Kind.RESPONSE, Kind.FAULT):
        return f"{_noun(message)}{message.kind.value}"
    return f"{message.head.Verb.capitalize()}{message.noun}"


def _noun(message: Message) -> str:
    if message.header is not None:
        return message.header.Noun
    return next(iter(PAYLOADS))  # a fault without header is about a message nobody could read


def _write_children(out: list[str], value: object, prefix: str) -> None:
    for member in members(type(value)):
        held = getattr(value, member.name)
        if member.place is Place.CONTENT:
            out.append(escape(serialize_value(held)))
        if held is None or member.place is not Place.ELEMENT:
            continue
        for one in held if member.many else (held,):
            _write(out, prefix + member.name, one, prefix, simple=member.simple)


def _write(out: list[str], name: str, value: object, prefix: str, *, simple: bool) -> None:
    if simple:
        out.append(f"<{name}>{escape(serialize_value(value))}</{name}>")
        return
    attributes = "".join(
        f" {member.name}={quoteattr(serialize_value(getattr(value, member.name)))}"
        for member in members(type(value))
        if member.place is Place.ATTRIBUTE and getattr(value, member.name) is not None
    )
    out.append(f"<{name}{attributes}>")
    _write_children(out, value, prefix)
    out.append(f"</{name}>")
