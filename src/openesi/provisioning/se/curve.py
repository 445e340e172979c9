"""The Koblitz curve sect163k1: y^2 + xy = x^3 + x^2 + 1 over GF(2^163).

**This is not constant time**: Python's integers take time by their value, and what is done goes by the
scalar's digits. Fit for simulation, tests and head-end tooling; a device or a trust centre exposed to timing
measurement needs a hardened implementation.

Source: SEC 2, clause 3.3.1 (parameters); SEC 1, clause 2.3 (compressed points); Lopez and Dahab (projective
coordinates); Solinas (``koblitz``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from openesi.errors import LocalError, PeerError
from openesi.provisioning.se import field, koblitz

DEGREE: Final = field.DEGREE
FIELD_BYTES: Final = field.BYTES
POINT_BYTES: Final = 22
N: Final = 0x04000000000000000000020108A2E0CC0D99F8A5EF
COFACTOR: Final = 2


class CurveError(PeerError):
    """Bytes of a peer that are no point of the curve, or a point that gives a secret away."""


@dataclass(frozen=True, slots=True)
class Point:
    """An affine point; the coordinates are elements as in ``field``."""

    x: int
    y: int

    @property
    def x_bytes(self) -> bytes:
        """The x coordinate as 21 octets, big-endian."""
        return field.to_octets(self.x)


# Bounded: the same authorities' and meters' keys come again and again; a stranger's push out the oldest.
@lru_cache(maxsize=512)
def decode_point(octets: bytes) -> Point:
    """The point behind 22 octets in compressed form; raises ``CurveError`` unless it lies on the curve."""
    if len(octets) != POINT_BYTES or octets[0] not in (2, 3):
        raise CurveError("a point of sect163k1 is 22 octets that start with 02 or 03")
    if int.from_bytes(octets[1:]) >> DEGREE:
        raise CurveError("the point's x has more than 163 bits")
    x = field.from_octets(octets[1:])
    if x == 0:
        raise CurveError("the point has order 2; no key agreement may use it")
    target = x ^ field.ONE ^ field.square(field.invert(x))
    z = field.half_trace(target)
    if field.square(z) ^ z != target:
        raise CurveError("the octets are no point of sect163k1")
    if z & 1 != octets[0] & 1:
        z ^= field.ONE
    return Point(x, field.multiply(x, z))


def encode_point(point: Point) -> bytes:
    """The point in compressed form, 22 octets."""
    sign = field.multiply(point.y, field.invert(point.x)) & 1
    return bytes([2 | sign]) + point.x_bytes


def add(left: Point, right: Point) -> Point:
    """The sum of two points. Raises ``CurveError`` where it is the point at infinity."""
    if left.x == right.x:
        if left.y != right.y or left.x == 0:
            raise CurveError("the sum is the point at infinity")
        slope = left.x ^ field.multiply(left.y, field.invert(left.x))
        x = field.square(slope) ^ slope ^ field.ONE
        return Point(x, field.square(left.x) ^ field.multiply(slope ^ field.ONE, x))
    slope = field.multiply(left.y ^ right.y, field.invert(left.x ^ right.x))
    x = field.square(slope) ^ slope ^ left.x ^ right.x ^ field.ONE
    return Point(x, field.multiply(slope, left.x ^ x) ^ x ^ left.y)


def negate(point: Point) -> Point:
    """The point whose sum with this one is the point at infinity."""
    return Point(point.x, point.x ^ point.y)


def multiply(scalar: int, point: Point) -> Point:
    """``scalar`` times ``point``; raises ``CurveError`` where the product is the point at infinity."""
    if not 0 < scalar < N * COFACTOR:
        raise LocalError("a scalar of sect163k1 lies between 1 and twice the order")
    table = _table(point)
    total = _INFINITY
    for place, digit in enumerate(koblitz.expand(scalar)):
        if digit:
            x_normal, y_normal = table[abs(digit)]
            x = field.conjugate(x_normal, place % DEGREE)
            y = field.conjugate(y_normal, place % DEGREE)
            total = _add_affine(total, x, y if digit > 0 else x ^ y)
    return _affine(total)


# (X, Y, Z) stands for the point (X / Z, Y / Z^2), and Z = 0 for the point at infinity.
_Projective = tuple[int, int, int]
_INFINITY: Final = field.ONE, 0, 0


# The generator and an authority's key come again and again, as in ``decode_point``.
@lru_cache(maxsize=64)
def _table(point: Point) -> dict[int, tuple[bytes, bytes]]:
    """The points that the digits of a scalar stand for; in the normal basis, where tau is a rotation."""
    table = {}
    for digit, short in koblitz.SHORT.items():
        signed = {1: point, -1: negate(point)}
        multiple = signed[short[-1]]
        for one in reversed(short[:-1]):
            multiple = Point(field.square(multiple.x), field.square(multiple.y))
            if one:
                multiple = add(multiple, signed[one])
        table[digit] = field.to_normal(multiple.x), field.to_normal(multiple.y)
    return table


def _add_affine(left: _Projective, x: int, y: int) -> _Projective:
    x1, y1, z1 = left
    if z1 == 0:
        return x, y, field.ONE
    z1_squared = field.square(z1)
    a = y1 ^ field.multiply(y, z1_squared)
    b = x1 ^ field.multiply(x, z1)
    if b == 0:  # the same point, or its negative
        return _INFINITY if a else _double_affine(x, y)
    c = field.multiply(b, z1)
    z = field.square(c)
    x_sum = field.square(a) ^ field.multiply(c, a ^ field.square(b) ^ c)
    y_sum = field.multiply(field.multiply(x, z) ^ x_sum, field.multiply(a, c) ^ z)
    return x_sum, y_sum ^ field.multiply(x ^ y, field.square(z)), z


def _double_affine(x: int, y: int) -> _Projective:
    if x == 0:
        return _INFINITY
    doubled = add(Point(x, y), Point(x, y))
    return doubled.x, doubled.y, field.ONE


def _affine(point: _Projective) -> Point:
    x, y, z = point
    if z == 0:
        raise CurveError("the product is the point at infinity")
    inverse = field.invert(z)
    return Point(field.multiply(x, inverse), field.multiply(y, field.square(inverse)))


G: Final = Point(
    field.from_octets(bytes.fromhex("02FE13C0537BBC11ACAA07D793DE4E6D5E5C94EEE8")),
    field.from_octets(bytes.fromhex("0289070FB05D38FF58321F2E800536D538CCDAA3D9")),
)
