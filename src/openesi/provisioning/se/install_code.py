"""The install code printed on a home device, and the link key it stands for.

A code of 48, 64, 96 or 128 bits is followed by its CRC-16/X-25, low byte first, and printed in hexadecimal.
The preconfigured link key is the MMO hash over code and CRC.
Source: Smart Energy profile 1.x, clause 5.4.8.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Self

from openesi.errors import PeerError
from openesi.provisioning.se import mmo

CODE_BITS: Final = (48, 64, 96, 128)
CRC_BYTES: Final = 2
# What people type between the groups of a printed code.
_SEPARATORS: Final = re.compile(r"[\s:.\-]+")
_LONGEST_TEXT: Final = 100  # characters; a label with a separator after each digit, and some


class InstallCodeError(PeerError):
    """An install code that nobody can have printed: its length, its digits or its CRC are wrong."""


@dataclass(frozen=True, slots=True)
class InstallCode:
    """A code whose CRC has been checked. Its text never shows the secret; ask for it by name."""

    code: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.code) * 8 not in CODE_BITS:
            raise InstallCodeError(f"an install code has {_lengths()} bits, not {len(self.code) * 8}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The code as printed, CRC included; spaces, colons, dots and dashes between digits are ignored."""
        raw = _hex_bytes(text)
        code, crc = raw[:-CRC_BYTES], raw[-CRC_BYTES:]
        if len(code) * 8 not in CODE_BITS:
            raise InstallCodeError(
                f"an install code has {_lengths()} bits and 4 more digits of CRC; this one has "
                f"{len(raw) * 8} bits in all: compare it with the label, digit by digit"
            )
        if crc16(code) != crc:
            raise InstallCodeError(
                "the install code's CRC does not match, so a digit is wrong: compare it with the label"
            )
        return cls(code)

    @property
    def printed(self) -> str:
        """The code with its CRC, as on the label. Secret: never for a log."""
        return (self.code + crc16(self.code)).hex().upper()

    @property
    def link_key(self) -> bytes:
        """The preconfigured link key, 16 bytes. Secret."""
        return mmo.digest(self.code + crc16(self.code))


def crc16(data: bytes) -> bytes:
    """CRC-16/X-25 of ``data``, low byte first, as it is printed."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return (crc ^ 0xFFFF).to_bytes(CRC_BYTES, "little")


def _hex_bytes(text: str) -> bytes:
    if len(text) > _LONGEST_TEXT:
        raise InstallCodeError(f"an install code is not longer than {_LONGEST_TEXT} characters")
    try:
        return bytes.fromhex(_SEPARATORS.sub("", text))
    except ValueError:
        raise InstallCodeError("an install code is an even number of hexadecimal digits") from None


def _lengths() -> str:
    return ", ".join(map(str, CODE_BITS[:-1])) + f" or {CODE_BITS[-1]}"
