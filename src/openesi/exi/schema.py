"""A schema as plain data: what the codec must be told to build its grammars.

Only the part of XML Schema is modelled that a sequence-of-elements schema uses: simple types by restriction,
complex types by extension, sequences, attributes, simple content, global elements. Choices, wildcards,
substitution groups, lists, unions and nillable elements have no place here; neither have the EXI datatypes
decimal, float, date-time and enumeration. A schema that needs them cannot be expressed, rather than be
encoded wrongly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from openesi.errors import LocalError

XML = "http://www.w3.org/XML/1998/namespace"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSD = "http://www.w3.org/2001/XMLSchema"


class QName(NamedTuple):
    """A name in a namespace; ``uri`` is empty for no namespace."""

    uri: str
    local: str

    def __str__(self) -> str:
        return f"{{{self.uri}}}{self.local}" if self.uri else self.local


XSI_TYPE = QName(XSI, "type")
XSI_NIL = QName(XSI, "nil")


@dataclass(frozen=True, slots=True)
class SimpleType:
    """A type of text: a restriction of ``base``, which is another simple type or one of XML Schema's own.

    ``min_value`` and ``max_value`` bound integers, ``max_length`` bounds characters of a string or octets
    of a binary. Only integer bounds change the encoding; the others are for whoever checks values.
    """

    name: str
    base: str
    min_value: int | None = None
    max_value: int | None = None
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Particle:
    """A child element in a sequence; ``max_occurs`` None means unbounded."""

    name: str
    type: str
    min_occurs: int = 1
    max_occurs: int | None = 1


@dataclass(frozen=True, slots=True)
class AttributeUse:
    """An attribute without a namespace, of a simple type."""

    name: str
    type: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class ComplexType:
    """A type with its own particles and attributes after those of ``base``.

    ``content`` names the simple type of the text for a type with simple content, which then has no particles.
    """

    name: str
    base: str | None = None
    particles: tuple[Particle, ...] = ()
    attributes: tuple[AttributeUse, ...] = ()
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """One namespace: its types and its global elements (name to type name).

    Child elements are qualified with ``namespace``, attributes are not.
    """

    namespace: str
    simple_types: Mapping[str, SimpleType]
    complex_types: Mapping[str, ComplexType]
    elements: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a schema that names a type it does not have.

        Raises:
            LocalError: with the name of the missing type and who refers to it.
        """
        for owner, name in self._references():
            if name not in self.complex_types and name not in self.simple_types and name not in XSD_BASES:
                msg = f"the schema has no type {name!r}, which {owner} refers to"
                raise LocalError(msg)

    def _references(self) -> list[tuple[str, str]]:
        found = [(f"element {name}", type_) for name, type_ in self.elements.items()]
        found += [(f"simple type {one.name}", one.base) for one in self.simple_types.values()]
        for one in self.complex_types.values():
            found += [(f"type {one.name}", name) for name in (one.base, one.content) if name]
            found += [(f"{one.name}/{particle.name}", particle.type) for particle in one.particles]
            found += [(f"{one.name}/@{attribute.name}", attribute.type) for attribute in one.attributes]
        return found


_I8, _I16, _I32, _I64 = (1 << 7, 1 << 15, 1 << 31, 1 << 63)

# XML Schema's own simple types that can be used: name -> (base, lowest, highest). The base matters for strict
# grammars, where an element of a type that others are derived from costs a bit more.
XSD_BASES: Mapping[str, tuple[str | None, int | None, int | None]] = {
    "string": (None, None, None),
    "normalizedString": ("string", None, None),
    "token": ("normalizedString", None, None),
    "anyURI": (None, None, None),
    "boolean": (None, None, None),
    "hexBinary": (None, None, None),
    "integer": (None, None, None),
    "nonNegativeInteger": ("integer", 0, None),
    "unsignedLong": ("nonNegativeInteger", 0, 2 * _I64 - 1),
    "unsignedInt": ("unsignedLong", 0, 2 * _I32 - 1),
    "unsignedShort": ("unsignedInt", 0, 2 * _I16 - 1),
    "unsignedByte": ("unsignedShort", 0, 2 * _I8 - 1),
    "long": ("integer", -_I64, _I64 - 1),
    "int": ("long", -_I32, _I32 - 1),
    "short": ("int", -_I16, _I16 - 1),
    "byte": ("short", -_I8, _I8 - 1),
}

# Local names that EXI 1.0 gives every schema-informed string table (appendix D), sorted as it sorts them.
XML_NAMES = ("base", "id", "lang", "space")
XSI_NAMES = ("nil", "type")
XSD_NAMES = (
    "ENTITIES", "ENTITY", "ID", "IDREF", "IDREFS", "NCName", "NMTOKEN", "NMTOKENS", "NOTATION", "Name",
    "QName",
    "anySimpleType", "anyType", "anyURI", "base64Binary", "boolean", "byte", "date", "dateTime", "decimal",
    "double", "duration", "float", "gDay", "gMonth", "gMonthDay", "gYear", "gYearMonth", "hexBinary", "int",
    "integer", "language", "long", "negativeInteger", "nonNegativeInteger", "nonPositiveInteger",
    "normalizedString", "positiveInteger", "short", "string", "time", "token", "unsignedByte", "unsignedInt",
    "unsignedLong", "unsignedShort",
)  # fmt: skip
