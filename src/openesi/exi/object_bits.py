"""Values as bits for the functions that write objects: the commonest by tables, octets as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from bitarray import bitarray

from openesi.exi.binding import NotPlain
from openesi.exi.bits import char_bits, is_xml_char, unsigned_bits

Bits: TypeAlias = bitarray
Extend: TypeAlias = Callable[[Bits], None]
"""Appends bits; its fellow, ``Callable[[bytes], None]``, appends octets."""

# Before an element's text, in every non-strict grammar; after it; and instead of text that is empty.
TEXT, END_OF_TEXT, NO_TEXT = "0", "0", "1000"

# Unsigned Integers of one or two groups of seven bits, and two groups that others follow. 32,768 short octet
# strings take 1 MB once, and halve the time of the commonest values, small numbers and times.
_LAST: Final = tuple(bytes((value,)) for value in range(128))
_MORE: Final = tuple(bytes((value | 128,)) for value in range(128))
_LAST_TWO: Final = (*_LAST, *(low + high for high in _LAST[1:] for low in _MORE))
_MORE_TWO: Final = tuple(low + high for high in _MORE for low in _MORE)

OCTETS_MAX = 127  # of a binary value whose length takes one octet
_MISS = 2
_SHORT = 126  # characters: with what is added to it, the length is still one octet
_LOCAL_HIT, _GLOBAL_HIT = bitarray("00000000"), bitarray("00000001")
_FORBIDDEN: Final = bytes(octet for octet in range(128) if not is_xml_char(octet))


class Strings:
    """The value tables of a stream being written; ``key`` stands for the name of the element or attribute."""

    __slots__ = ("_extend", "_global", "_local", "_octets")

    def __init__(self, extend: Extend, octets: Callable[[bytes], None]) -> None:
        self._extend = extend
        self._octets = octets
        self._global: dict[str, int] = {}
        self._local: defaultdict[int, dict[str, int]] = defaultdict(dict)

    def write(self, text: str, key: int, max_octets: int) -> None:
        """Write a value. Raises NotPlain for what is not allowed."""
        local = self._local[key]
        seen = self._global
        if text in seen:
            is_local = text in local
            table = local if is_local else seen
            self._extend(_LOCAL_HIT if is_local else _GLOBAL_HIT)
            if len(table) > 1:
                self._extend(bitarray(f"{table[text]:0{(len(table) - 1).bit_length()}b}"))
            return
        raw = text.encode()
        length = len(raw)
        if length > max_octets:
            raise NotPlain
        if text:
            local[text] = len(local)
            seen[text] = len(seen)
        if length < _SHORT and raw.isascii():
            self._octets(_LAST[length + _MISS] + raw)
        else:
            self._extend(bitarray(unsigned_bits(len(text) + _MISS) + char_bits(text)))

    def check(self) -> None:
        """Look at the characters of all texts at once. Raises NotPlain for one that XML does not allow."""
        text = "".join(self._global)
        octets = text.encode()
        if len(octets.translate(None, _FORBIDDEN)) < len(octets):
            raise NotPlain
        if not text.isascii() and not all(is_xml_char(ord(char)) for char in text):
            raise NotPlain


def unsigned(value: int) -> bytes:
    """The octets of an Unsigned Integer."""
    if value < 1 << 14:
        return _LAST_TWO[value]
    if value < 1 << 28:
        return _MORE_TWO[value & 16383] + _LAST_TWO[value >> 14]
    if value < 1 << 42:
        return _MORE_TWO[value & 16383] + _MORE_TWO[value >> 14 & 16383] + _LAST_TWO[value >> 28]
    return _MORE_TWO[value & 16383] + unsigned(value >> 14)


HELPERS: Final[dict[str, Any]] = {
    "NotPlain": NotPlain,
    "unsigned": unsigned,
    "small": _LAST_TWO,
    "more": _MORE_TWO,
}
"""What generated functions use, by the names they have there."""
