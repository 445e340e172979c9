"""The careful XML reader: knows all that the schema allows, and says what is wrong and where.

A table of fields per type, walked once per document. Elements that the edition does not know are skipped, as
later editions ask of receivers (IEEE 2030.5-2023, clause 4.9); known ones must be in order and within bounds.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from openesi.sep2 import schema
from openesi.sep2.editions import Edition, WireField
from openesi.sep2.errors import DecodeError, ReasonCode
from openesi.sep2.model._declare import Sep
from openesi.sep2.schema import ValueType

XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


@cache
def reader(edition: Edition, cls: type[Sep]) -> Callable[[ET.Element], Any]:
    """Return the function that reads an element as a ``cls``, made when first asked for.

    It raises DecodeError, whose path starts below that element.
    """
    return _struct_reader(edition, cls).read


def skipped(element: ET.Element, edition: Edition, cls: type[Sep]) -> Iterator[str]:
    """Yield the paths of what ``reader`` skips in an element that it reads: what the schema does not have."""
    struct = _struct_reader(edition, cls)
    for name in element.keys():  # noqa: SIM118 (an element iterates over its children)
        if name not in struct.attributes and not name.startswith("{"):
            yield f"@{name}"
    for child in element:
        known, name = struct.elements.get(child.tag), local_name(child.tag)
        if known is None:
            yield name
        elif not isinstance(known.type, ValueType):
            actual = named_type(child, known.type, edition)
            yield from (f"{name}/{path}" for path in skipped(child, edition, actual))


@cache
def _struct_reader(edition: Edition, cls: type[Sep]) -> _StructReader:
    return _StructReader(edition, cls)


class _Known(NamedTuple):
    """An element that a type may have inside: its place in the order, and how it is read."""

    order: int
    attr: str
    many: bool
    type: ValueType | type[Sep]
    read: Callable[[Any], Any]  # takes the text of a leaf, and the element of anything else

    @property
    def leaf(self) -> bool:
        return isinstance(self.type, ValueType)


class _StructReader:
    def __init__(self, edition: Edition, cls: type[Sep]) -> None:
        fields = edition.fields(cls)
        self.cls = cls
        self.attributes = {
            field.name: (field.attr, field_reader(edition, field))
            for field in fields
            if field.field.attribute
        }
        self.elements = {
            f"{{{field.namespace}}}{field.name}": _Known(
                order,
                field.attr,
                field.maximum != 1,
                field.type,
                field_reader(edition, field),
            )
            for order, field in enumerate(fields)
            if not field.field.attribute
        }
        self.required = tuple(field for field in fields if field.minimum)
        self.bounded = tuple(field for field in fields if field.maximum not in (1, None))

    def read(self, element: ET.Element) -> Sep:
        values: dict[str, Any] = {}
        for name, text in element.items():
            if name in self.attributes:
                attr, read = self.attributes[name]
                try:
                    values[attr] = read(text)
                except DecodeError as error:
                    raise error.under(f"@{name}") from None
        if element.text is not None and not element.text.isspace():
            raise DecodeError(f"text {short(element.text)} between elements")
        self._read_elements(element, values)
        self._check_counts(values)
        return self.cls(**{attr: tuple(v) if isinstance(v, list) else v for attr, v in values.items()})

    def _read_elements(self, element: ET.Element, values: dict[str, Any]) -> None:
        previous = -1
        child = element
        try:
            for child in element:
                known = self.elements.get(child.tag)
                if known is not None:
                    if known.order < previous or (known.order == previous and not known.many):
                        raise DecodeError("out of order, or twice")
                    previous = known.order
                    _keep(known, child, values)
                if child.tail is not None and not child.tail.isspace():
                    raise DecodeError(f"text {short(child.tail)} after it")
        except DecodeError as error:
            raise error.under(local_name(child.tag)[:40]) from None  # no longer name is the standard's

    def _check_counts(self, values: dict[str, Any]) -> None:
        missing = [
            f"@{field.name}" if field.field.attribute else field.name
            for field in self.required
            if field.attr not in values
        ]
        if missing:
            raise DecodeError(f"{', '.join(missing)} missing")
        for field in self.bounded:
            count = len(values.get(field.attr, ()))
            if field.maximum is not None and not field.minimum <= count <= field.maximum:
                raise DecodeError(f"{count} {field.name}, allowed {field.minimum} to {field.maximum}")


def _keep(known: _Known, child: ET.Element, values: dict[str, Any]) -> None:
    if known.leaf and len(child):
        raise DecodeError("has elements inside where a plain value is expected")
    value = known.read(child.text if known.leaf else child)
    if known.many:
        values.setdefault(known.attr, []).append(value)
    else:
        values[known.attr] = value


def field_reader(edition: Edition, field: WireField) -> Callable[[Any], Any]:
    """Return the function that reads a field: the text of a leaf, the element of anything else."""
    read: Callable[[Any], Any]
    if isinstance(field.type, ValueType):
        read = _text_reader(field.type)
    elif schema.derived_types(field.type):
        read = _derived_reader(edition, field.type)
    else:
        read = reader(edition, field.type)
    convert = field.to_model
    return read if convert is None else lambda source: convert(read(source))


def _derived_reader(edition: Edition, cls: type[Sep]) -> Callable[[ET.Element], Any]:
    return lambda element: reader(edition, named_type(element, cls, edition))(element)


def named_type(element: ET.Element, expected: type[Sep], edition: Edition) -> type[Sep]:
    """Return the type that ``xsi:type`` names, else the expected one."""
    name = element.get(XSI_TYPE)
    actual = expected if name is None else schema.structured_types().get(local_name(name))
    if actual is None or not issubclass(actual, expected) or not edition.has(actual):
        raise DecodeError(f"xsi:type {short(name or '')} is no {expected.__name__} of edition {edition.name}")
    return actual


def local_name(name: str) -> str:
    """Return a name without its namespace, written ``{namespace}name`` or ``prefix:name``."""
    return re.split("[}:]", name)[-1]


def short(text: str) -> str:
    """Return ``text`` quoted, and cut to what a log line can bear."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


# --- simple values ------------------------------------------------------------------------------------------

_BLANK = " \t\r\n"  # white space as XML has it; Python's own idea has Unicode in it
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,40})").fullmatch  # more digits than any bound needs cost time
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


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


def _integer_reader(value_type: ValueType) -> Callable[[str | None], int]:
    low, high, name = value_type.primitive.minimum, value_type.primitive.maximum, value_type.name
    assert low is not None
    assert high is not None

    def read(text: str | None) -> int:
        digits = (text or "").strip(_BLANK)
        found = _INTEGER(digits)
        if found is None:
            raise DecodeError(f"{short(digits)} is no {name}")
        value = int(found[1] + found[2])
        if not low <= value <= high:
            raise DecodeError(
                f"{value} is out of bounds for {name} ({low} to {high})", reason=ReasonCode.VALUES
            )
        return value

    return read


def _read_boolean(text: str | None) -> bool:
    word = (text or "").strip(_BLANK)
    if word not in _BOOLEANS:
        raise DecodeError(f"{short(word)} is no boolean (true, false, 1, 0)")
    return _BOOLEANS[word]


def _hex_reader(value_type: ValueType) -> Callable[[str | None], bytes]:
    most, name = value_type.primitive.max_length, value_type.name

    def read(text: str | None) -> bytes:
        digits = (text or "").strip(_BLANK)
        try:
            value = unhexlify(digits)
        except ValueError:
            raise DecodeError(f"{short(digits)} is no {name} (pairs of hex digits)") from None
        if most is not None and len(value) > most:
            raise DecodeError(f"{len(value)} octets, {name} has at most {most}", reason=ReasonCode.VALUES)
        return value

    return read


def _string_reader(value_type: ValueType) -> Callable[[str | None], str]:
    most, name = value_type.primitive.max_length, value_type.name

    def read(text: str | None) -> str:
        value = text or ""
        octets = len(value.encode())
        if most is not None and octets > most:
            raise DecodeError(f"{octets} octets, {name} has at most {most}", reason=ReasonCode.VALUES)
        return value

    return read


def _read_uri(text: str | None) -> str:
    return (text or "").strip(_BLANK)
