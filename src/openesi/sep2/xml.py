"""XML for the standard's documents: ``parse(bytes) -> value``, ``serialize(value) -> bytes``.

Nothing here is written per type. Readers and writers are made from the model for one edition when a type is
first met: a table per type over the C ElementTree for reading, and a generated function of f-strings for
writing. What they cost beside other libraries stands in docs/performance.md.

Documents come from outside: DTDs are refused (and with them every entity), size and depth are bounded, the
encoding is UTF-8 whatever the document claims. Elements that the edition does not know are skipped, as later
editions ask of receivers (IEEE 2030.5-2023, clause 4.9); known ones must be in order and within bounds.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar
from xml.etree import ElementTree as ET

from openesi.sep2 import editions, schema
from openesi.sep2.editions import Edition, WireField
from openesi.sep2.errors import DecodeError, EncodeError, ReasonCode
from openesi.sep2.model._declare import Sep
from openesi.sep2.schema import ValueType
from openesi.sep2.xml_writer import writer

MAX_BYTES = 1 << 20  # a peer could fill memory: 300 readings are 50 kB
MAX_DEPTH = 64  # of elements we skip; the deepest known document nests 8 levels
XSI = "http://www.w3.org/2001/XMLSchema-instance"

Reader = Callable[[ET.Element], Any]
T = TypeVar("T", bound=Sep)


def parse(data: bytes, edition: Edition = editions.IEEE_2018) -> Sep:
    """Read one document of ``edition``. The top element says which type the value has.

    Raises:
        DecodeError: not well-formed, another edition's namespace, not what the schema says, out of bounds.

    """
    root = _tree(data)
    cls = edition.types.get(root.tag)
    if cls is None:
        raise DecodeError(_unknown_root(root.tag, edition))
    try:
        value: Sep = _struct_reader(edition, cls)(root)
    except DecodeError as error:
        raise error.under(_local(root.tag)) from None
    return value


def parse_as(data: bytes, expected: type[T], edition: Edition = editions.IEEE_2018) -> T:
    """Read one document that must be an ``expected`` or a type derived from it. Raises DecodeError."""
    value = parse(data, edition)
    if not isinstance(value, expected):
        raise DecodeError(f"the document is a {type(value).__name__}, expected {expected.__name__}")
    return value


def serialize(value: Sep, edition: Edition = editions.IEEE_2018) -> bytes:
    """Write ``value`` as one UTF-8 document without XML declaration.

    Raises:
        EncodeError: a value out of bounds, or a type that the edition does not have.

    """
    cls = type(value)
    if not edition.has(cls):
        raise EncodeError(f"{cls.__name__} does not exist in edition {edition.name}")
    write = writer(edition, cls)
    root_attributes = "".join(f' {name}="{text}"' for name, text in edition.root_attributes.items())
    out: list[str] = []
    try:
        attributes = write.attributes(value)
        write.content(value, out.append)
    except (TypeError, AttributeError, ValueError) as error:
        raise EncodeError(f"{cls.__name__}: {error}") from error
    name = cls.__name__
    head = f'<{name} xmlns="{edition.namespace_of(cls)}"{root_attributes}{attributes}>'
    return f"{head}{''.join(out)}</{name}>".encode()


def edition_of(data: bytes) -> Edition | None:
    """Guess the edition of a document by its namespace and ``schemaVer``; None: a foreign one.

    For tools that look at files; a server chooses by peer and never guesses.
    """
    root = _tree(data)
    namespace = root.tag.rpartition("}")[0].lstrip("{")
    if namespace == editions.IEEE_2023.namespace and root.get("schemaVer", "2.1") > "2.1":
        return editions.IEEE_2023
    return next((one for one in editions.EDITIONS.values() if one.namespace == namespace), None)


# --- reading ------------------------------------------------------------------------------------------------


def _tree(data: bytes) -> ET.Element:
    if len(data) > MAX_BYTES:
        raise DecodeError(f"{len(data)} octets; at most {MAX_BYTES} are read", reason=ReasonCode.LIMIT)
    if b"<!DOCTYPE" in data:
        raise DecodeError("a document type declaration has no place in a payload")
    parser = ET.XMLParser(encoding="utf-8")  # noqa: S314 (DTDs, and so entities, are refused above)
    try:
        parser.feed(data)
        return parser.close()
    except ET.ParseError as error:
        raise DecodeError(f"not well-formed XML: {error}") from None


def _unknown_root(tag: str, edition: Edition) -> str:
    namespace, _, name = tag.rpartition("}")
    namespace = namespace.lstrip("{")
    if namespace == edition.namespace:
        return f"{name} is no element of the standard (edition {edition.name})"
    other = next((one.name for one in editions.EDITIONS.values() if one.namespace == namespace), None)
    hint = f"; it is edition {other}'s: set this peer's edition" if other else ""
    return f"namespace {namespace or '(none)'} where {edition.namespace} is spoken{hint}"


@cache
def _struct_reader(edition: Edition, cls: type[Sep]) -> Reader:
    """Make the reader of one type: a table of its elements, walked once per document."""
    wire_fields = edition.fields(cls)
    elements = {
        f"{{{field.namespace}}}{field.name}": (
            order,
            field.attr,
            *_readers(edition, field),
            field.maximum != 1,
        )
        for order, field in enumerate(wire_fields)
        if not field.field.attribute
    }
    attributes = {
        field.name: (field.attr, _converted(field, _text_reader(field.type)))
        for field in wire_fields
        if isinstance(field.type, ValueType) and field.field.attribute
    }
    bounded = tuple(
        field
        for field in wire_fields
        if field.maximum not in (1, None) or (field.minimum and field.maximum != 1)
    )
    required = tuple(field for field in wire_fields if field.minimum and field.maximum == 1)

    def read(element: ET.Element) -> Sep:
        values: dict[str, Any] = {}
        for name, text in element.items():
            known = attributes.get(name)
            if known is not None:
                values[known[0]] = _attribute(known[1], text, name)
        if element.text is not None and not element.text.isspace():
            raise DecodeError(f"text {_short(element.text)} between elements")
        previous = -1
        child = element
        try:
            for child in element:
                entry = elements.get(child.tag)
                if entry is None:
                    _check_skipped(child)
                    continue
                order, attr, leaf, nested, many = entry
                if order <= previous and not (many and order == previous):
                    raise DecodeError("out of order, or twice")
                if nested is not None:
                    value = nested(child)
                elif len(child):
                    raise DecodeError("has elements inside where a plain value is expected")
                else:
                    assert leaf is not None
                    value = leaf(child.text)
                if not many:
                    values[attr] = value
                elif order == previous:
                    values[attr].append(value)
                else:
                    values[attr] = [value]
                previous = order
                if child.tail is not None and not child.tail.isspace():
                    raise DecodeError(f"text {_short(child.tail)} after it")
        except DecodeError as error:
            raise error.under(_local(child.tag)) from None
        if bounded:
            _check_counts(bounded, values)
        for attr, value in values.items():
            if value.__class__ is list:
                values[attr] = tuple(value)
        try:
            return cls(**values)
        except TypeError:
            missing = [field.name for field in required if field.attr not in values]
            raise DecodeError(f"{', '.join(missing)} missing") from None

    return read


def _readers(edition: Edition, field: WireField) -> tuple[Callable[[str | None], Any] | None, Reader | None]:
    """Return the reader of the field's text, or the reader of its element: one of the two."""
    if isinstance(field.type, ValueType):
        return _converted(field, _text_reader(field.type)), None
    return None, _converted(field, _element_reader(edition, field.type))


def _converted(field: WireField, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    convert = field.to_model
    return read if convert is None else lambda source: convert(read(source))


@cache
def _element_reader(edition: Edition, cls: type[Sep]) -> Reader:
    derived = _derived(cls)
    resolved: list[Reader] = []

    def read(element: ET.Element) -> Any:
        if not resolved:  # made when first met: the types refer to each other
            resolved.append(_struct_reader(edition, cls))
        return resolved[0](element)

    def read_derived(element: ET.Element) -> Any:
        named = element.get(f"{{{XSI}}}type")
        actual = cls if named is None else derived.get(named.rpartition(":")[2])
        if actual is None:
            raise DecodeError(f"xsi:type {_short(named or '')} is no {cls.__name__}")
        return _struct_reader(edition, actual)(element)

    return read_derived if len(derived) > 1 else read


@cache
def _derived(cls: type[Sep]) -> dict[str, type[Sep]]:
    return {name: one for name, one in schema.structured_types().items() if issubclass(one, cls)}


def _attribute(read: Callable[[str | None], Any], text: str, name: str) -> Any:
    try:
        return read(text)
    except DecodeError as error:
        raise error.under(f"@{name}") from None


def _check_skipped(element: ET.Element) -> None:
    """Bound what is skipped: depth that nothing known has can only be meant to exhaust us."""
    level, depth = [element], 0
    while level:
        level, depth = [child for one in level for child in one], depth + 1
        if depth > MAX_DEPTH:
            raise DecodeError(f"nested deeper than {MAX_DEPTH}", reason=ReasonCode.LIMIT)


def _check_counts(bounded: tuple[WireField, ...], values: dict[str, Any]) -> None:
    for field in bounded:
        count = len(values.get(field.attr, ()))
        if count < field.minimum or (field.maximum is not None and count > field.maximum):
            raise DecodeError(f"{count} {field.name}, allowed {field.minimum} to {field.maximum}")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


@cache
def _text_reader(value_type: ValueType) -> Callable[[str | None], Any]:
    if value_type.is_integer:
        return _integer_reader(value_type)
    return {
        "boolean": _read_boolean,
        "hexBinary": _hex_reader(value_type),
        "anyURI": _read_uri,
        "string": _string_reader(value_type),
    }[value_type.primitive.base]


_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,40}\s*", re.ASCII).fullmatch


def _integer_reader(value_type: ValueType) -> Callable[[str | None], int]:
    low, high, name = value_type.primitive.minimum, value_type.primitive.maximum, value_type.name
    assert low is not None
    assert high is not None

    def read(text: str | None) -> int:
        if (text is not None and text.isdigit() and text.isascii() and len(text) < 20) or (
            text is not None and _INTEGER(text)
        ):
            value = int(text)
        else:
            raise DecodeError(f"{_short(text or '')} is no {name}")
        if not low <= value <= high:
            raise DecodeError(
                f"{value} is out of bounds for {name} ({low} to {high})", reason=ReasonCode.VALUES
            )
        return value

    return read


_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def _read_boolean(text: str | None) -> bool:
    value = _BOOLEANS.get((text or "").strip())
    if value is None:
        raise DecodeError(f"{_short(text or '')} is no boolean (true, false, 1, 0)")
    return value


def _hex_reader(value_type: ValueType) -> Callable[[str | None], bytes]:
    most, name = value_type.primitive.max_length, value_type.name

    def read(text: str | None) -> bytes:
        try:
            value = binascii.unhexlify((text or "").strip())
        except ValueError:
            raise DecodeError(f"{_short(text or '')} is no {name} (pairs of hex digits)") from None
        if most is not None and len(value) > most:
            raise DecodeError(f"{len(value)} octets, {name} has at most {most}", reason=ReasonCode.VALUES)
        return value

    return read


def _string_reader(value_type: ValueType) -> Callable[[str | None], str]:
    most, name = value_type.primitive.max_length, value_type.name

    def read(text: str | None) -> str:
        value = text or ""
        octets = len(value) if value.isascii() else len(value.encode())
        if most is not None and octets > most:
            raise DecodeError(f"{octets} octets, {name} has at most {most}", reason=ReasonCode.VALUES)
        return value

    return read


def _read_uri(text: str | None) -> str:
    return (text or "").strip()
