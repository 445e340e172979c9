"""The auxiliary security header of Zigbee: AES-CCM* with a 4-byte MIC, at both layers.

    | control 1 | frame counter 4 | source EUI-64 8 | key sequence 1, network key only | ciphertext | MIC 4 |

The control byte's level bits are zero on the air and 5 where they are authenticated.
Source: Zigbee specification, clause 4.5 and annex A.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from openesi.errors import PeerError

MIC_BYTES: Final = 4
_LEVEL: Final = 5  # encrypt, 4-byte MIC: the only level Smart Energy uses
_EXTENDED_NONCE: Final = 0x20
_KEY_ID_SHIFT: Final = 3
_KEY_ID_MASK: Final = 3


class FrameError(PeerError):
    """A frame that cannot be read: cut, malformed, or secured with a key that is not ours."""


class KeyId(IntEnum):
    """Which key a frame is secured with."""

    LINK = 0
    NETWORK = 1
    TRANSPORT = 2
    LOAD = 3


@dataclass(frozen=True, slots=True)
class Secured:
    """A secured frame's auxiliary header, read but not yet believed."""

    key_id: KeyId
    counter: int
    source: bytes  # EUI-64, most significant byte first
    authenticated: bytes
    nonce: bytes
    ciphertext: bytes

    def open(self, key: bytes) -> bytes:
        """The plain payload; raises ``FrameError`` where ``key`` is not the one it was secured with."""
        try:
            return AESCCM(key, tag_length=MIC_BYTES).decrypt(self.nonce, self.ciphertext, self.authenticated)
        except InvalidTag:
            raise FrameError("the frame is not secured with the key that was expected") from None


def protect(
    header: bytes, payload: bytes, *, key: bytes, key_id: KeyId, counter: int, source: bytes
) -> bytes:
    """What follows ``header`` on the air: auxiliary header, ciphertext and MIC."""
    control = _LEVEL | key_id << _KEY_ID_SHIFT | _EXTENDED_NONCE
    rest = counter.to_bytes(4, "little") + source[::-1]
    nonce = source[::-1] + counter.to_bytes(4, "little") + bytes([control])
    sequence = b"\x00" if key_id is KeyId.NETWORK else b""
    authenticated = header + bytes([control]) + rest + sequence
    sealed = AESCCM(key, tag_length=MIC_BYTES).encrypt(nonce, payload, authenticated)
    return bytes([control & ~7]) + rest + sequence + sealed


def parse(header: bytes, octets: bytes) -> Secured:
    """Read the auxiliary header that ``octets`` start with; ``header`` is what stood before it."""
    if len(octets) < 13 + MIC_BYTES:
        raise FrameError("the secured frame is cut short")
    if not octets[0] & _EXTENDED_NONCE:
        raise FrameError("the secured frame does not name its sender")
    key_id = KeyId(octets[0] >> _KEY_ID_SHIFT & _KEY_ID_MASK)
    control = octets[0] & ~7 | _LEVEL
    end = 14 if key_id is KeyId.NETWORK else 13
    return Secured(
        key_id=key_id,
        counter=int.from_bytes(octets[1:5], "little"),
        source=octets[5:13][::-1],
        authenticated=header + bytes([control]) + octets[1:end],
        nonce=octets[5:13] + octets[1:5] + bytes([control]),
        ciphertext=octets[end:],
    )
