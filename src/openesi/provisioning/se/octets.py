"""Little-endian fields as tables: a payload is a tuple of ``Field``, encoded and decoded by the same line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from openesi.errors import LocalError
from openesi.provisioning.se.security import FrameError

Value = int | bytes
Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a field lies on the wire. ``size`` 0 is a string with its length in the first byte."""

    size: int
    signed: bool = False
    raw: bool = False


U8: Final = Kind(1)
U16: Final = Kind(2)
U24: Final = Kind(3)
U32: Final = Kind(4)
U48: Final = Kind(6)
I8: Final = Kind(1, signed=True)
I16: Final = Kind(2, signed=True)
I24: Final = Kind(3, signed=True)
I32: Final = Kind(4, signed=True)
EUI64: Final = Kind(8, raw=True)  # on the wire least significant byte first, in values most significant first
TEXT: Final = Kind(0)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a payload, under the specification's name."""

    name: str
    kind: Kind


def fields(**kinds: Kind) -> tuple[Field, ...]:
    """A payload's table: name and kind, in wire order."""
    return tuple(Field(name, kind) for name, kind in kinds.items())


def encode(table: tuple[Field, ...], values: Values) -> bytes:
    """The payload; every field of the table must be given."""
    return b"".join(encode_value(field.kind, values[field.name]) for field in table)


def decode(table: tuple[Field, ...], octets: bytes) -> dict[str, Value]:
    """The fields of a payload. Bytes after the last field are of a later edition, and ignored."""
    values: dict[str, Value] = {}
    for field in table:
        values[field.name], octets = decode_value(field.kind, octets)
    return values


def encode_value(kind: Kind, value: Value) -> bytes:
    """One field's octets; raises ``LocalError`` where the value does not fit."""
    if isinstance(value, bytes):
        if kind.raw and len(value) == kind.size:
            return value[::-1]
        if kind is TEXT and len(value) < 0xFF:
            return bytes([len(value)]) + value
        raise LocalError(f"{len(value)} bytes do not fit the field")
    try:
        return value.to_bytes(kind.size, "little", signed=kind.signed)
    except OverflowError:
        raise LocalError(f"{value} does not fit {kind.size} byte(s)") from None


def decode_value(kind: Kind, octets: bytes) -> tuple[Value, bytes]:
    """One field and what follows it. Raises ``FrameError`` where the payload is too short."""
    if kind is TEXT:
        if not octets or len(octets) <= octets[0]:
            raise FrameError("the payload ends inside a string")
        return octets[1 : octets[0] + 1], octets[octets[0] + 1 :]
    if len(octets) < kind.size:
        raise FrameError("the payload is cut short")
    head, rest = octets[: kind.size], octets[kind.size :]
    return head[::-1] if kind.raw else int.from_bytes(head, "little", signed=kind.signed), rest


def number(values: Values, name: str) -> int:
    """A numeric field of decoded values."""
    value = values[name]
    if isinstance(value, bytes):
        raise LocalError(f"{name} is no number")
    return value
