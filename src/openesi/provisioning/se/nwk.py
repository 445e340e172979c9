"""Network-layer data frames.

    | frame control 2 | destination 2 | source 2 | radius 1 | sequence 1 | [auxiliary header] payload |

Source: Zigbee specification, clause 3.3. Only what a star around one coordinator needs: unicast data, and
broadcast for the device's announcement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from openesi.provisioning.se import security

COORDINATOR: Final = 0x0000
BROADCAST: Final = 0xFFFD
UNASSIGNED: Final = 0xFFFF
HEADER_BYTES: Final = 8
_DATA: Final = 0x0008  # data frame, protocol version 2
_SECURED: Final = 0x0200
_RADIUS: Final = 30


@dataclass(frozen=True, slots=True)
class NwkFrame:
    """A network frame; ``secured`` is None when it travelled in the clear, as the network key itself must."""

    destination: int
    source: int
    sequence: int
    payload: bytes = b""
    secured: security.Secured | None = None


def serialize(frame: NwkFrame, *, key: bytes | None = None, counter: int = 0, source: bytes = b"") -> bytes:
    """The frame's octets, secured with the network key when one is given."""
    control = _DATA | (_SECURED if key else 0)
    header = (
        control.to_bytes(2, "little")
        + frame.destination.to_bytes(2, "little")
        + frame.source.to_bytes(2, "little")
        + bytes([_RADIUS, frame.sequence])
    )
    if key is None:
        return header + frame.payload
    return header + security.protect(
        header, frame.payload, key=key, key_id=security.KeyId.NETWORK, counter=counter, source=source
    )


def parse(octets: bytes) -> NwkFrame:
    """Read a frame; a secured one still has to be opened. Raises ``security.FrameError``."""
    if len(octets) < HEADER_BYTES:
        raise security.FrameError("the network frame is cut short")
    control = int.from_bytes(octets[:2], "little")
    if control & ~_SECURED != _DATA:
        raise security.FrameError(f"network frame control {control:04x} is none that this layer serves")
    header, rest = octets[:HEADER_BYTES], octets[HEADER_BYTES:]
    secured = security.parse(header, rest) if control & _SECURED else None
    return NwkFrame(
        destination=int.from_bytes(octets[2:4], "little"),
        source=int.from_bytes(octets[4:6], "little"),
        sequence=octets[7],
        payload=b"" if secured else rest,
        secured=secured,
    )
