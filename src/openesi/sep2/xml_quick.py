"""Generated XML readers for documents as they nearly always are: straight-line code, made once per type.

A quick reader knows one way to be right: the elements of the schema in their order, values written plainly.
Whatever else it meets, it gives up with ``Odd``, and ``xml_reader``, which knows all that is allowed and can
say what is wrong, reads the document from its start. So a quick reader must never accept what the other one
refuses, nor read it differently; tests/sep2/test_xml_quick.py holds them against each other.

The source that is compiled here is made from the model alone; no text from outside enters it. For
``DateTimeInterval`` it is::

    def read_DateTimeInterval(e):
        if e.text is not None and not e.text.isspace(): raise Odd
        children = iter(e)
        c = next(children, END); tag = c.tag
        if tag != '{urn:ieee:std:2030.5:ns}duration': raise Odd
        t = c.text
        v = int(t)
        if not 0 <= v <= 4294967295: raise Odd
        v0 = v
        if len(c) or c.tail is not None and not c.tail.isspace(): raise Odd
        c = next(children, END); tag = c.tag
        ...
        if c is not END: raise Odd
        return DateTimeInterval(duration=v0, start=v1)
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

from openesi.sep2 import schema
from openesi.sep2.editions import Edition, WireField
from openesi.sep2.model._declare import Sep
from openesi.sep2.schema import ValueType
from openesi.sep2.xml_reader import XSI_TYPE, local_name


class Odd(Exception):
    """The document is not written the way the quick readers know. It may be right all the same."""


# What the code of a quick reader raises when it meets something odd; the careful reader then judges.
GIVES_UP = (Odd, AttributeError, KeyError, TypeError, ValueError)

# With more optional fields than this it is cheaper to pass only those that are there to the constructor.
_SPARSE = 16


def is_plain(data: bytes) -> bool:
    """Tell whether quick readers may be given the document.

    They leave to ``int`` what a number is. In plain documents it takes nothing for one that XML Schema does
    not: no digits of other scripts, no digits joined by an underscore.
    """
    if not data.isascii() or (b"&" in data and b"&#" in data):
        return False
    return b"_" not in data or not _JOINED_DIGITS(data)


_JOINED_DIGITS = re.compile(rb"[0-9]_[0-9]").search


@cache
def quick_reader(edition: Edition, cls: type[Sep]) -> Callable[[ET.Element], Any]:
    """Return the quick reader of ``cls``, made with those of the types inside it when first asked for.

    It raises one of ``GIVES_UP`` for a document that it does not know how to read.
    """
    names = _names(edition)
    name = f"read_{cls.__name__}"
    if name not in names:
        names[cls.__name__] = cls
        exec("\n".join(_source(edition, cls)), names)  # noqa: S102 (made from the model, see above)
    read: Callable[[ET.Element], Any] = names[name]
    return read


@cache
def _names(edition: Edition) -> dict[str, Any]:
    """Return the global names that the readers of one edition share."""

    def read_derived(element: ET.Element, expected: type[Sep]) -> Any:
        name = element.get(XSI_TYPE)
        actual = expected if name is None else schema.structured_types()[local_name(name)]
        if not issubclass(actual, expected) or not edition.has(actual):
            raise Odd
        return quick_reader(edition, actual)(element)

    return {
        "Odd": Odd,
        "END": ET.Element(""),
        "read_derived": read_derived,
        "unhexlify": unhexlify,
        "BOOLEAN": {"true": True, "false": False, "1": True, "0": False},
        "UINT8": {str(number): number for number in range(256)},
        "INT8": {str(number): number for number in range(-128, 128)},
    }


def _source(edition: Edition, cls: type[Sep]) -> Iterator[str]:
    fields = edition.fields(cls)
    elements = [field for field in fields if not field.field.attribute]
    sparse = sum(not field.minimum for field in fields) > _SPARSE
    target = {field: f"values[{field.attr!r}]" if sparse else f"v{n}" for n, field in enumerate(fields)}
    yield f"def read_{cls.__name__}(e):"
    yield " if e.text is not None and not e.text.isspace(): raise Odd"
    if sparse:
        yield " values = {}"
    else:
        yield from (f" {target[field]} = {_absent(field)}" for field in fields if not field.minimum)
    for field in fields:
        if field.field.attribute:
            yield from _attribute(edition, field, target[field])
    yield " children = iter(e)"
    yield " c = next(children, END); tag = c.tag"
    for field in elements:
        yield from (" " + line for line in _element(edition, field, target[field]))
    yield " if c is not END: raise Odd"
    values = "**values" if sparse else ", ".join(f"{field.attr}={target[field]}" for field in fields)
    yield f" return {cls.__name__}({values})"


def _absent(field: WireField) -> str:
    return "()" if field.field.many else "None"


def _attribute(edition: Edition, field: WireField, target: str) -> Iterator[str]:
    yield f" t = e.get({field.name!r})"
    indent = " "
    if not field.minimum:
        yield " if t is not None:"
        indent = "  "
    yield from (indent + line for line in _value(field))
    yield f"{indent}{target} = {_converted(edition, field)}"


def _element(edition: Edition, field: WireField, target: str) -> Iterator[str]:
    indent = " "
    if field.field.many:
        yield "many = []"
        yield f"while tag == {_tag(field)!r}:"
    elif field.minimum:
        yield f"if tag != {_tag(field)!r}: raise Odd"
        indent = ""
    else:
        yield f"if tag == {_tag(field)!r}:"
    if isinstance(field.type, ValueType):
        yield f"{indent}t = c.text"
        yield from (indent + line for line in _value(field))
        odd = "len(c) or "
    else:
        yield f"{indent}v = {_nested(edition, field.type)}"
        odd = ""
    if field.field.many:
        yield f"{indent}many.append({_converted(edition, field)})"
    else:
        yield f"{indent}{target} = {_converted(edition, field)}"
    yield f"{indent}if {odd}c.tail is not None and not c.tail.isspace(): raise Odd"
    yield f"{indent}c = next(children, END); tag = c.tag"
    if field.field.many:
        if field.minimum or field.maximum:
            yield f"if not {field.minimum} <= len(many) <= {field.maximum}: raise Odd"
        yield f"{target} = (*many,)"


def _tag(field: WireField) -> str:
    return f"{{{field.namespace}}}{field.name}"


def _nested(edition: Edition, cls: type[Sep]) -> str:
    if schema.derived_types(cls):
        _names(edition)[cls.__name__] = cls
        return f"read_derived(c, {cls.__name__})"
    quick_reader(edition, cls)
    return f"read_{cls.__name__}(c)"


def _converted(edition: Edition, field: WireField) -> str:
    if field.to_model is None:
        return "v"
    name = f"to_model_{field.field.owner}_{field.name}"
    _names(edition)[name] = field.to_model
    return f"{name}(v)"


def _value(field: WireField) -> Iterator[str]:
    """Write how the text ``t`` becomes the value ``v``, or Odd."""
    assert isinstance(field.type, ValueType)
    primitive = field.type.primitive
    if primitive.name in ("UInt8", "Int8"):
        yield f"v = {primitive.name.upper()}[t]"
    elif field.type.is_integer:
        yield "v = int(t)"
        yield f"if not {primitive.minimum} <= v <= {primitive.maximum}: raise Odd"
    elif primitive.base == "boolean":
        yield "v = BOOLEAN[t]"
    elif primitive.base == "hexBinary":
        yield "v = unhexlify(t)"
        if primitive.max_length is not None:
            yield f"if len(v) > {primitive.max_length}: raise Odd"
    elif primitive.base == "anyURI":
        yield "v = t"
        yield "if not v.isprintable() or ' ' in v: raise Odd"
    else:
        yield "v = t or ''"
        if primitive.max_length is not None:
            most = primitive.max_length
            yield f"if len(v) > {most}: raise Odd"
