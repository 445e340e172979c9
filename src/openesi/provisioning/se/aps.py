"""Application-support frames: data between endpoints, and the command that carries the network key.

    data    | control 1 | endpoint 1 | cluster 2 | profile 2 | source endpoint 1 | counter 1 | payload |
    command | control 1 | counter 1 | command 1 | ... |

Source: Zigbee specification, clauses 2.2.5 (data) and 4.4.10 (commands).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from openesi.provisioning.se import security

DATA_HEADER_BYTES: Final = 8
COMMAND_HEADER_BYTES: Final = 2
TRANSPORT_KEY: Final = 0x05
REMOVE_DEVICE: Final = 0x07
_FRAME_TYPE: Final = 0x03
_DATA: Final = 0x00
_COMMAND: Final = 0x01
_SECURED: Final = 0x20
_NETWORK_KEY: Final = 0x01
_TRANSPORT_BYTES: Final = 35


@dataclass(frozen=True, slots=True)
class ApsData:
    """One message between two endpoints. ``secure``: under the link key, not the network key alone."""

    cluster: int
    payload: bytes
    profile: int
    source_endpoint: int
    destination_endpoint: int
    secure: bool = False


@dataclass(frozen=True, slots=True)
class TransportKey:
    """The network key on its way to one device."""

    network_key: bytes = field(repr=False)
    destination: bytes
    source: bytes


@dataclass(frozen=True, slots=True)
class RemoveDevice:
    """The trust centre tells a device to leave."""

    device: bytes


@dataclass(frozen=True, slots=True)
class ApsFrame:
    """A frame as received: its header, and what follows, opened or not."""

    header: bytes
    command: bool
    body: bytes
    secured: security.Secured | None


def serialize_data(data: ApsData, counter: int) -> tuple[bytes, bytes]:
    """Header and payload, apart: the header is authenticated when the payload is secured."""
    header = (
        bytes([_DATA | (_SECURED if data.secure else 0), data.destination_endpoint])
        + data.cluster.to_bytes(2, "little")
        + data.profile.to_bytes(2, "little")
        + bytes([data.source_endpoint, counter])
    )
    return header, data.payload


def serialize_command(command: TransportKey | RemoveDevice, counter: int) -> tuple[bytes, bytes]:
    """Header and body of a command, which always travels secured."""
    header = bytes([_COMMAND | _SECURED, counter])
    match command:
        case TransportKey():
            key = bytes([TRANSPORT_KEY, _NETWORK_KEY]) + command.network_key + b"\x00"
            return header, key + command.destination[::-1] + command.source[::-1]
        case RemoveDevice():
            return header, bytes([REMOVE_DEVICE]) + command.device[::-1]


def parse(octets: bytes) -> ApsFrame:
    """Split a frame into header and the rest. Raises ``security.FrameError``."""
    kind = octets[0] & _FRAME_TYPE if octets else None
    size = {_DATA: DATA_HEADER_BYTES, _COMMAND: COMMAND_HEADER_BYTES}.get(-1 if kind is None else kind)
    if size is None or len(octets) < size:
        raise security.FrameError("the application frame is cut short or of an unknown type")
    header, rest = octets[:size], octets[size:]
    secured = security.parse(header, rest) if octets[0] & _SECURED else None
    return ApsFrame(header, kind == _COMMAND, b"" if secured else rest, secured)


def parse_data(frame: ApsFrame, payload: bytes) -> ApsData:
    """The message of a data frame whose payload is open."""
    header = frame.header
    return ApsData(
        destination_endpoint=header[1],
        cluster=int.from_bytes(header[2:4], "little"),
        profile=int.from_bytes(header[4:6], "little"),
        source_endpoint=header[6],
        payload=payload,
        secure=frame.secured is not None,
    )


def parse_command(body: bytes) -> TransportKey | RemoveDevice:
    """The command in an opened command frame. Raises ``security.FrameError``."""
    if len(body) == _TRANSPORT_BYTES and body[:2] == bytes([TRANSPORT_KEY, _NETWORK_KEY]):
        return TransportKey(body[2:18], body[19:27][::-1], body[27:35][::-1])
    if len(body) == 9 and body[0] == REMOVE_DEVICE:
        return RemoveDevice(body[1:][::-1])
    raise security.FrameError("the application command is none that this layer serves")
