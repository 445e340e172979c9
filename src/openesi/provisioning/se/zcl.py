"""Zigbee Cluster Library frames, and reading attributes.

    | control 1 | sequence 1 | command 1 | payload |

Source: Zigbee Cluster Library, clause 2.4 (frame), 2.5.1, 2.5.2 and 2.5.12 (read, read response,
default response).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from openesi.provisioning.se import octets as wire
from openesi.provisioning.se.security import FrameError

HEADER_BYTES: Final = 3
READ_ATTRIBUTES: Final = 0x00
READ_RESPONSE: Final = 0x01
DEFAULT_RESPONSE: Final = 0x0B

SUCCESS: Final = 0x00
NOT_AUTHORIZED: Final = 0x7E
UNSUPPORTED_COMMAND: Final = 0x81
UNSUPPORTED_ATTRIBUTE: Final = 0x86
NOT_FOUND: Final = 0x8B

_CLUSTER_SPECIFIC: Final = 0x01
_MANUFACTURER: Final = 0x04
_FROM_SERVER: Final = 0x08
# One frame fits one radio packet; more attributes than this cannot have been asked for in earnest.
MAX_ATTRIBUTES: Final = 16

# The data types that Smart Energy's attributes use: type id -> how they lie on the wire.
TYPES: Final = {
    0x18: wire.U8,  # bitmap8
    0x19: wire.U16,  # bitmap16
    0x20: wire.U8,
    0x21: wire.U16,
    0x22: wire.U24,
    0x23: wire.U32,
    0x25: wire.U48,
    0x28: wire.I8,
    0x2A: wire.I24,
    0x2B: wire.I32,
    0x30: wire.U8,  # enum8
    0xE2: wire.U32,  # UTCTime
}


@dataclass(frozen=True, slots=True)
class ZclFrame:
    """A command to a cluster; ``specific`` commands belong to the cluster, the others to all."""

    command: int
    payload: bytes
    sequence: int
    specific: bool = True
    from_server: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a cluster: its id, its data type's id, and its name in the specification."""

    identifier: int
    type_id: int
    name: str


def serialize(frame: ZclFrame) -> bytes:
    """The frame's octets."""
    control = (_CLUSTER_SPECIFIC if frame.specific else 0) | (_FROM_SERVER if frame.from_server else 0)
    return bytes([control, frame.sequence, frame.command]) + frame.payload


def parse(octets: bytes) -> ZclFrame:
    """Read a frame; manufacturer-specific ones are refused. Raises ``FrameError``."""
    if len(octets) < HEADER_BYTES or octets[0] & _MANUFACTURER:
        raise FrameError("the cluster frame is cut short or specific to a manufacturer")
    return ZclFrame(
        command=octets[2],
        payload=octets[3:],
        sequence=octets[1],
        specific=bool(octets[0] & _CLUSTER_SPECIFIC),
        from_server=bool(octets[0] & _FROM_SERVER),
    )


def encode_read(identifiers: tuple[int, ...]) -> bytes:
    """The payload of a request for attributes."""
    return b"".join(identifier.to_bytes(2, "little") for identifier in identifiers)


def decode_read(payload: bytes) -> tuple[int, ...]:
    """The attributes asked for."""
    if len(payload) % 2 or len(payload) > 2 * MAX_ATTRIBUTES:
        raise FrameError("the list of attributes is cut short or too long")
    return tuple(int.from_bytes(payload[at : at + 2], "little") for at in range(0, len(payload), 2))


def encode_read_response(
    asked: tuple[int, ...], table: tuple[Attribute, ...], values: dict[str, int]
) -> bytes:
    """The answer: each attribute asked for, with its value or with the status that it is not supported."""
    known = {attribute.identifier: attribute for attribute in table if attribute.name in values}
    answer = b""
    for identifier in asked:
        answer += identifier.to_bytes(2, "little")
        attribute = known.get(identifier)
        if attribute is None:
            answer += bytes([UNSUPPORTED_ATTRIBUTE])
            continue
        value = wire.encode_value(TYPES[attribute.type_id], values[attribute.name])
        answer += bytes([SUCCESS, attribute.type_id]) + value
    return answer


def decode_read_response(payload: bytes, table: tuple[Attribute, ...]) -> dict[str, int]:
    """The attributes that came with a value, by name; those of an unknown id are dropped."""
    names = {attribute.identifier: attribute.name for attribute in table}
    values: dict[str, int] = {}
    while payload:
        if len(payload) < 3:
            raise FrameError("the attribute record is cut short")
        identifier, status = int.from_bytes(payload[:2], "little"), payload[2]
        payload = payload[3:]
        if status != SUCCESS:
            continue
        kind = TYPES.get(payload[0]) if payload else None
        if kind is None:
            raise FrameError("the attribute is of a data type that Smart Energy does not use")
        value, payload = wire.decode_value(kind, payload[1:])
        if identifier in names and isinstance(value, int):
            values[names[identifier]] = value
    return values
