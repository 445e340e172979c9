"""The EXI datatypes that a schema's simple types map to, between text and bits (EXI 1.0, 7.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from openesi.exi.bits import XML_SPACE, BitReader, BitWriter
from openesi.exi.errors import ExiLimitError
from openesi.exi.limits import INTEGER_MAX_OCTETS
from openesi.exi.schema import XSD_BASES, QName, Schema
from openesi.exi.strings import DecodedStrings, EncodedStrings

# A range of this many values or fewer is an n-bit integer (EXI 1.0, 7.1.9).
NBIT_RANGE_MAX = 4096

_INTEGER = re.compile(r"[+-]?[0-9]{1,22}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True)
class Datatype:
    """How the values of a simple type become bits. Decoded text is in XML Schema's canonical form."""

    def takes(self, text: str) -> bool:
        """Whether this text has a typed representation; if not, non-strict grammars send it untyped."""
        raise NotImplementedError

    def encode(self, text: str, writer: BitWriter, strings: EncodedStrings, name: QName) -> None:
        """Write the value of ``text``, which this datatype takes."""
        raise NotImplementedError

    def decode(self, reader: BitReader, strings: DecodedStrings, name: QName) -> str:
        """Read a value as text."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class StringType(Datatype):
    """String (7.1.10), by the tables of values seen before (7.3)."""

    def takes(self, text: str) -> bool:
        """Take any text."""
        return True

    def encode(self, text: str, writer: BitWriter, strings: EncodedStrings, name: QName) -> None:
        """Write the index of a value seen before, or the characters."""
        strings.encode(text, writer, name)

    def decode(self, reader: BitReader, strings: DecodedStrings, name: QName) -> str:
        """Read a string."""
        return strings.decode(reader, name)


@dataclass(frozen=True, slots=True)
class BooleanType(Datatype):
    """Boolean (7.1.2)."""

    def takes(self, text: str) -> bool:
        """Take true, false, 1 and 0."""
        return text.strip(XML_SPACE) in {"true", "false", "1", "0"}

    def encode(self, text: str, writer: BitWriter, strings: EncodedStrings, name: QName) -> None:
        """Write one bit."""
        writer.nbit(text.strip(XML_SPACE) in {"true", "1"}, 1)

    def decode(self, reader: BitReader, strings: DecodedStrings, name: QName) -> str:
        """Read one bit."""
        return "true" if reader.boolean() else "false"


@dataclass(frozen=True, slots=True)
class BinaryType(Datatype):
    """Binary (7.1.1), as hexBinary text."""

    def takes(self, text: str) -> bool:
        """Take pairs of hexadecimal digits."""
        return _HEX.fullmatch(text.strip(XML_SPACE)) is not None

    def encode(self, text: str, writer: BitWriter, strings: EncodedStrings, name: QName) -> None:
        """Write the number of octets, then the octets."""
        data = bytes.fromhex(text.strip(XML_SPACE))
        writer.unsigned(len(data))
        writer.octets(data)

    def decode(self, reader: BitReader, strings: DecodedStrings, name: QName) -> str:
        """Read octets as upper-case hexadecimal."""
        length = reader.unsigned()
        if length > strings.limits.binary_max_octets:
            msg = f"{length} octets of binary, more than the {strings.limits.binary_max_octets} allowed"
            raise ExiLimitError(msg)
        return reader.octets(length).hex().upper()


@dataclass(frozen=True, slots=True)
class IntegerType(Datatype):
    """Integer (7.1.5): unbounded, or with a range beyond 4096 that goes below zero."""

    def takes(self, text: str) -> bool:
        """Take an integer of the size that readers accept."""
        return self._value(text) is not None

    def encode(self, text: str, writer: BitWriter, strings: EncodedStrings, name: QName) -> None:
        """Write the integer."""
        self._write(int(text), writer)

    def decode(self, reader: BitReader, strings: DecodedStrings, name: QName) -> str:
        """Read the integer in canonical form."""
        return str(self._read(reader))

    def _value(self, text: str) -> int | None:
        stripped = text.strip(XML_SPACE)
        if _INTEGER.fullmatch(stripped) is None:
            return None
        value = int(stripped)
        return value if self._fits(value) else None

    def _fits(self, value: int) -> bool:
        return value.bit_length() <= 7 * INTEGER_MAX_OCTETS

    def _write(self, value: int, writer: BitWriter) -> None:
        writer.integer(value)

    def _read(self, reader: BitReader) -> int:
        return reader.integer()


@dataclass(frozen=True, slots=True)
class UnsignedType(IntegerType):
    """Unsigned Integer (7.1.6): a lower bound of zero or more, and a range beyond 4096."""

    def _fits(self, value: int) -> bool:
        return value >= 0 and value.bit_length() <= 7 * INTEGER_MAX_OCTETS

    def _write(self, value: int, writer: BitWriter) -> None:
        writer.unsigned(value)

    def _read(self, reader: BitReader) -> int:
        return reader.unsigned()


@dataclass(frozen=True, slots=True)
class NBitType(IntegerType):
    """n-bit Unsigned Integer (7.1.9): the distance from the lower bound, for a range of at most 4096."""

    low: int
    high: int
    width: int

    def _fits(self, value: int) -> bool:
        return self.low <= value <= self.high

    def _write(self, value: int, writer: BitWriter) -> None:
        writer.nbit(value - self.low, self.width)

    def _read(self, reader: BitReader) -> int:
        return self.low + reader.nbit(self.width)


STRING: Final = StringType()
BOOLEAN: Final = BooleanType()
BINARY: Final = BinaryType()
INTEGER: Final = IntegerType()
UNSIGNED: Final = UnsignedType()


@dataclass(frozen=True, slots=True)
class Facets:
    """What a simple type and its bases together say of its values."""

    primitive: str
    """``string``, ``anyURI``, ``boolean``, ``hexBinary`` or ``integer``."""
    low: int | None = None
    high: int | None = None
    max_length: int | None = None

    @property
    def datatype(self) -> Datatype:
        """The EXI datatype of these values (EXI 1.0, table 7-1)."""
        if self.primitive == "integer":
            return integer_type(self.low, self.high)
        return {"boolean": BOOLEAN, "hexBinary": BINARY}.get(self.primitive, STRING)


def facets_of(schema: Schema, name: str) -> Facets:
    """Facets of a simple type, or of the content of a complex type with simple content."""
    low = high = max_length = None
    while True:
        if name in schema.complex_types:
            one = schema.complex_types[name]
            name = one.content or one.base or "string"
        elif name in schema.simple_types:
            simple = schema.simple_types[name]
            low = simple.min_value if low is None else low
            high = simple.max_value if high is None else high
            max_length = simple.max_length if max_length is None else max_length
            name = simple.base
        else:
            break
    base: str | None = name
    while base is not None:
        name = base
        base, base_low, base_high = XSD_BASES[name]
        low = base_low if low is None else low
        high = base_high if high is None else high
    primitive = "string" if name in {"normalizedString", "token"} else name
    return Facets(primitive=primitive, low=low, high=high, max_length=max_length)


def integer_type(low: int | None, high: int | None) -> Datatype:
    """The datatype for integers within these bounds, either of which may be absent."""
    if low is not None and high is not None and high - low < NBIT_RANGE_MAX:
        return NBitType(low, high, (high - low).bit_length())
    return UNSIGNED if low is not None and low >= 0 else INTEGER
