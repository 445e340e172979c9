"""The field GF(2^163) modulo f = x^163 + x^7 + x^6 + x^3 + 1, in Python's integers.

An element is an integer with one *byte* per coefficient. A product of two elements then is one integer
multiplication: a coefficient is a sum of at most 163 ones, which fits its byte, and its lowest bit is the sum
modulo 2. So Python's big integers do the work that a carry-less multiplier does in hardware.

What is linear (conjugates, half traces) is a table of 163 elements, of which those are added up whose
coefficient is one. The tables are made when they are first needed, in 5 and 30 ms.

Source: SEC 2, clause 3.3.1 (polynomial); Hankerson, Menezes and Vanstone, Guide to Elliptic Curve
Cryptography, clauses 2.3 (field) and 3.6.2 (half trace).
"""

from __future__ import annotations

from functools import cache, reduce
from itertools import compress
from operator import xor
from typing import Final

from openesi.errors import PeerError

DEGREE: Final = 163
BYTES: Final = 21
ONE: Final = 1

_WIDTH: Final = 8  # bits that one coefficient occupies
_TOP: Final = DEGREE * _WIDTH
_LOW: Final = (1 << _TOP) - 1
_PARITY: Final = int.from_bytes(b"\x01" * (2 * DEGREE))
_POLYNOMIAL: Final = 1 << 163 | 1 << 7 | 1 << 6 | 1 << 3 | 1  # f, one bit per coefficient


class FieldError(PeerError):
    """What has no meaning in the field."""


def from_octets(octets: bytes) -> int:
    """The element in 21 octets, big-endian, of at most 163 bits."""
    return _spread(int.from_bytes(octets))


def to_octets(a: int) -> bytes:
    """An element as 21 octets, big-endian."""
    return _pack(a).to_bytes(BYTES)


def multiply(a: int, b: int) -> int:
    """The product."""
    return _reduce(a * b & _PARITY)


def square(a: int) -> int:
    """The square: a zero goes between all coefficients."""
    wide = bytearray(2 * DEGREE)
    wide[::2] = a.to_bytes(DEGREE, "little")
    return _reduce(int.from_bytes(wide, "little"))


def invert(a: int) -> int:
    """The inverse, by Euclid's algorithm on one bit per coefficient. Raises ``FieldError`` for zero."""
    if a == 0:
        raise FieldError("zero has no inverse in the field")
    u, v, g, h = _pack(a), _POLYNOMIAL, 1, 0
    while u != 1:
        shift = u.bit_length() - v.bit_length()
        if shift < 0:
            u, v, g, h, shift = v, u, h, g, -shift
        u ^= v << shift
        g ^= h << shift
    return _spread(g)


def half_trace(a: int) -> int:
    """The sum of a^(4^i) for i up to 81: z with z^2 + z = a, if there is one."""
    return _combine(_half_traces(), a.to_bytes(DEGREE, "little"))


def to_normal(a: int) -> bytes:
    """The coefficients of an element in a normal basis, where squaring is a rotation."""
    return _combine(_normal()[1], a.to_bytes(DEGREE, "little")).to_bytes(DEGREE, "little")


def conjugate(normal: bytes, power: int) -> int:
    """a^(2^power) for 0 <= power < 163, of an element that ``to_normal`` gave."""
    return _combine(_normal()[0][power : power + DEGREE], normal)


def _combine(table: tuple[int, ...], coefficients: bytes) -> int:
    return reduce(xor, compress(table, coefficients), 0)


def _reduce(product: int) -> int:
    # A product has degree 324 at most: the first fold leaves 168, the second none.
    high = product >> _TOP
    product = product & _LOW ^ high ^ high << 3 * _WIDTH ^ high << 6 * _WIDTH ^ high << 7 * _WIDTH
    high = product >> _TOP
    return product & _LOW ^ high ^ high << 3 * _WIDTH ^ high << 6 * _WIDTH ^ high << 7 * _WIDTH


def _spread(bits: int) -> int:
    # The binary digits as text are one byte per digit already: "0" is 0x30, "1" is 0x31.
    return int.from_bytes(f"{bits:b}".encode()) & _PARITY


def _pack(a: int) -> int:
    return int(a.to_bytes(DEGREE).translate(b"01" + bytes(254)), 2)


@cache
def _half_traces() -> tuple[int, ...]:
    """Half traces of the powers of x."""
    table = []
    for exponent in range(DEGREE):
        a = total = 1 << exponent * _WIDTH
        for _ in range((DEGREE - 1) // 2):
            total = square(square(total)) ^ a
        table.append(total)
    return tuple(table)


@cache
def _normal() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The conjugates of x^3 + x^2 + 1, which form a basis, twice over; and the powers of x in that basis."""
    conjugates, element = [], _spread(0b1101)
    for _ in range(DEGREE):
        conjugates.append(element)
        element = square(element)
    # Gauss: next to each conjugate stands its unit vector; when the left is the unit matrix, the right is
    # the inverse.
    rows = [row | 1 << _TOP + place * _WIDTH for place, row in enumerate(conjugates)]
    for column in range(DEGREE):
        bit = 1 << column * _WIDTH
        pivot = next(place for place in range(column, DEGREE) if rows[place] & bit)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        chosen = rows[column]
        rows = [row ^ chosen if row & bit and row is not chosen else row for row in rows]
    return tuple(conjugates * 2), tuple(row >> _TOP for row in rows)
