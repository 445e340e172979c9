"""Values as texts of 0 and 1, for the functions that write objects: the common cases by tables."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from openesi.exi.binding import NotPlain
from openesi.exi.bits import char_bits, is_xml_char, octet_bits, unsigned_bits

# Groups of an Unsigned Integer: the last one, and one that others follow; and the same two by two. Texts of 0
# and 1 for every value take 2 MB once, and halve the time of the commonest values, times and small numbers.
_OCTETS: Final = tuple(f"{value:08b}" for value in range(256))
_LAST: Final = _OCTETS[:128]
_MORE: Final = _OCTETS[128:]
_LAST_TWO: Final = (*_LAST, *(f"{low}{high}" for high in _LAST[1:] for low in _MORE))
_MORE_TWO: Final = tuple(f"{low}{high}" for high in _MORE for low in _MORE)
# A mark that keeps leading zeros, and the length: what goes before the octets of a short value.
_SHORT = 126
_MISS = 2
_STRING_START: Final = tuple(bytes((1, length + _MISS)) for length in range(_SHORT))
_BINARY_START: Final = tuple(bytes((1, length)) for length in range(_SHORT))
_FORBIDDEN: Final = bytes(octet for octet in range(128) if not is_xml_char(octet))
_to_integer: Final = int.from_bytes
# Before an element's text, in every non-strict grammar; after it; and instead of text that is empty.
TEXT, END_OF_TEXT, _NO_TEXT = "0", "0", "1000"


class Strings:
    """The value tables of a stream being written; ``key`` stands for the name of the element or attribute."""

    __slots__ = ("_global", "_local")

    def __init__(self) -> None:
        self._global: dict[str, int] = {}
        self._local: defaultdict[int, dict[str, int]] = defaultdict(dict)

    def attribute(self, text: str, key: int, max_octets: int) -> str:
        """The bits of an attribute's value. Raises NotPlain for what is not allowed."""
        local = self._local[key]
        if text in local:
            return f"{_LAST[0]}{bits_of(local[text], (len(local) - 1).bit_length())}"
        raw = text.encode()
        length = len(raw)
        if length > max_octets:
            raise NotPlain
        seen = self._global
        if text in seen:
            return f"{_LAST[1]}{bits_of(seen[text], (len(seen) - 1).bit_length())}"
        if not text:
            return _LAST[_MISS]
        local[text] = len(local)
        seen[text] = len(seen)
        if length < _SHORT and raw.isascii():
            return bin(_to_integer(_STRING_START[length] + raw))[3:]
        return f"{unsigned_bits(len(text) + _MISS)}{char_bits(text)}"

    def check(self) -> None:
        """Look at the characters of all texts at once. Raises NotPlain for one that XML does not allow."""
        text = "".join(self._global)
        octets = text.encode()
        is_ascii = len(octets) == len(text)
        if len(octets.translate(None, _FORBIDDEN)) < len(octets) or not (
            is_ascii or all(map(is_xml_char, map(ord, text)))
        ):
            raise NotPlain

    def element(self, text: str, key: int, max_octets: int) -> str:
        """The text of an element and its end."""
        return f"{TEXT}{self.attribute(text, key, max_octets)}{END_OF_TEXT}" if text else _NO_TEXT


def unsigned(value: int) -> str:
    """The bits of an Unsigned Integer."""
    if value < 1 << 14:
        return _LAST_TWO[value]
    if value < 1 << 28:
        return f"{_MORE_TWO[value & 16383]}{_LAST_TWO[value >> 14]}"
    if value < 1 << 42:
        return f"{_MORE_TWO[value & 16383]}{_MORE_TWO[value >> 14 & 16383]}{_LAST_TWO[value >> 28]}"
    return unsigned_bits(value)


def integer(value: int) -> str:
    """The bits of a signed Integer."""
    return f"1{unsigned(-1 - value)}" if value < 0 else f"0{unsigned(value)}"


def binary(value: bytes) -> str:
    """The bits of Binary."""
    length = len(value)
    if length == 2:
        return f"{_LAST[2]}{_OCTETS[value[0]]}{_OCTETS[value[1]]}"
    if length < _SHORT:
        return bin(_to_integer(_BINARY_START[length] + value))[3:]
    return f"{unsigned_bits(length)}{octet_bits(value)}"


def binary_element(value: bytes) -> str:
    """The octets of an element and its end."""
    return f"{TEXT}{binary(value)}{END_OF_TEXT}" if value else _NO_TEXT


def bits_of(value: int, width: int) -> str:
    """The bits of an n-bit integer, of which there may be none."""
    return f"{value:0{width}b}" if width else ""


HELPERS: Final[dict[str, Any]] = {
    "unsigned": unsigned,
    "integer": integer,
    "binary": binary,
    "binary_element": binary_element,
    "small": _LAST_TWO,
}
"""What generated functions call, by the names they use."""
