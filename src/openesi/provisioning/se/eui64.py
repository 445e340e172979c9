"""EUI-64 identifiers: 8 bytes, most significant first; as text 16 upper-case hexadecimal digits."""

from __future__ import annotations

import re
from typing import Final

from openesi.errors import PeerError

_SEPARATORS: Final = re.compile(r"[:\-.\s]")
_DIGITS: Final = re.compile(r"[0-9A-Fa-f]{16}")
_LONGEST_TEXT: Final = 32


class AddressError(PeerError):
    """A MAC address that is none."""


def parse(text: str) -> bytes:
    """The identifier behind its text; colons, dashes, dots and spaces between digits are ignored."""
    digits = _SEPARATORS.sub("", text) if len(text) <= _LONGEST_TEXT else ""
    if not _DIGITS.fullmatch(digits):
        raise AddressError(f"a MAC address (EUI-64) has 16 hexadecimal digits; got {text[:_LONGEST_TEXT]!r}")
    return bytes.fromhex(digits)


def serialize(octets: bytes) -> str:
    """The identifier as text."""
    return octets.hex().upper()
