"""hardwareModuleName (RFC 4108, clause 5): how a 2030.5 device certificate names its device.

It is an otherName in the subjectAltName, holding::

    30 len                SEQUENCE
       06 len  ...           hwType       OBJECT IDENTIFIER, from the maker's own arc
       04 len  ...           hwSerialNum  OCTET STRING

hwType and hwSerialNum together are unique in the world (IEEE 2030.5-2018, clause 6.11.7.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from openesi.errors import LocalError, PeerError

TYPE_ID: Final = "1.3.6.1.5.5.7.8.4"
"""id-on-hardwareModuleName, the type of the otherName."""

_SEQUENCE: Final = 0x30
_OBJECT_IDENTIFIER: Final = 0x06
_OCTET_STRING: Final = 0x04
_SERIAL_MAX_OCTETS: Final = 64
"""Longest serial number written or read; a certificate of a stranger may hold any length."""
_OID_MAX_OCTETS: Final = 40
"""Longest hwType read: decoding costs the square of its length, and a stranger chooses it."""


@dataclass(frozen=True, slots=True)
class HardwareModuleName:
    """The device a certificate speaks of: the maker's type (dotted OID) and the serial number's octets."""

    hw_type: str
    serial: bytes


def encode_hardware_module_name(name: HardwareModuleName) -> bytes:
    """Return the DER octets of the otherName's value; raise LocalError if a part cannot be written."""
    if not 0 < len(name.serial) <= _SERIAL_MAX_OCTETS:
        raise LocalError(
            f"A hardware serial number has 1 to {_SERIAL_MAX_OCTETS} octets, not {len(name.serial)}."
        )
    return _tlv(
        _SEQUENCE,
        _tlv(_OBJECT_IDENTIFIER, _encode_oid(name.hw_type)) + _tlv(_OCTET_STRING, name.serial),
    )


def decode_hardware_module_name(der: bytes) -> HardwareModuleName:
    """Read the otherName's value; raise PeerError if it is not the DER of a hardwareModuleName."""
    body, rest = _read(der, _SEQUENCE)
    oid, after = _read(body, _OBJECT_IDENTIFIER)
    serial, end = _read(after, _OCTET_STRING)
    if rest or end or not oid or len(oid) > _OID_MAX_OCTETS or len(serial) > _SERIAL_MAX_OCTETS:
        raise _malformed()
    return HardwareModuleName(_decode_oid(oid), serial)


def _encode_oid(dotted: str) -> bytes:
    parts = dotted.split(".")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise LocalError(f"{dotted!r} is not an object identifier; it looks like 1.3.6.1.4.1.PEN.1")
    first, second, *others = map(int, parts)
    if first > 2 or (first < 2 and second > 39):
        raise LocalError(f"{dotted!r} is not an object identifier: there is no arc {first}.{second}")
    octets = b"".join(_base128(arc) for arc in (first * 40 + second, *others))
    if len(octets) > _OID_MAX_OCTETS:
        raise LocalError(f"{dotted!r} is too long for an object identifier here")
    return octets


def _decode_oid(octets: bytes) -> str:
    arcs: list[int] = []
    arc = 0
    for octet in octets:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    if octets[-1] & 0x80:
        raise _malformed()
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - first * 40, *arcs[1:])))


def _base128(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes(reversed(octets))


def _tlv(tag: int, value: bytes) -> bytes:
    """Write tag, length, value; everything here is shorter than 128 octets, the short form of length."""
    return bytes((tag, len(value))) + value


def _read(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """Split the first element off: its value and what follows. What is read here has short lengths only."""
    if len(der) < 2 or der[0] != tag or der[1] >= 0x80 or len(der) < 2 + der[1]:
        raise _malformed()
    end = 2 + der[1]
    return der[2:end], der[end:]


def _malformed() -> PeerError:
    return PeerError("The certificate's hardwareModuleName is malformed.", status=403)
