"""The Koblitz curve sect163k1: y^2 + xy = x^3 + x^2 + 1 over GF(2^163), f = x^163 + x^7 + x^6 + x^3 + 1.

A field element is an integer with one *byte* per coefficient. A product of two elements then is one integer
multiplication: a coefficient is a sum of at most 163 ones, which fits its byte, and its lowest bit is the sum
modulo 2. So Python's big integers do the work that a carry-less multiplier does in hardware.

Scalars are multiplied by the Montgomery ladder: the same operations for each bit. That is as far as it goes.
**This is not constant time**: Python's integers take time by their value. Fit for simulation, tests and head-
end tooling; a device or a trust centre exposed to timing measurement needs a hardened implementation.

Source: SEC 2, clause 3.3.1 (parameters); Lopez and Dahab (ladder); SEC 1, clause 2.3 (compressed points).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from openesi.errors import LocalError, PeerError

DEGREE: Final = 163
FIELD_BYTES: Final = 21
POINT_BYTES: Final = 22
N: Final = 0x04000000000000000000020108A2E0CC0D99F8A5EF
COFACTOR: Final = 2

_WIDTH: Final = 8  # bits that one coefficient occupies
_TOP: Final = DEGREE * _WIDTH
_LOW: Final = (1 << _TOP) - 1
_PARITY: Final = int.from_bytes(b"\x01" * (2 * DEGREE))
_ONE: Final = 1


class CurveError(PeerError):
    """Bytes of a peer that are no point of the curve, or a point that gives a secret away."""


@dataclass(frozen=True, slots=True)
class Point:
    """An affine point; the coordinates are field elements in the spread form of this module."""

    x: int
    y: int

    @property
    def x_bytes(self) -> bytes:
        """The x coordinate as 21 octets, big-endian."""
        return _pack(self.x)


# Bounded: the same authorities' and meters' keys come again and again; a stranger's push out the oldest.
@lru_cache(maxsize=512)
def decode_point(octets: bytes) -> Point:
    """The point behind 22 octets in compressed form; raises ``CurveError`` unless it lies on the curve."""
    if len(octets) != POINT_BYTES or octets[0] not in (2, 3):
        raise CurveError("a point of sect163k1 is 22 octets that start with 02 or 03")
    if int.from_bytes(octets[1:]) >> DEGREE:
        raise CurveError("the point's x has more than 163 bits")
    x = _spread(octets[1:])
    if x == 0:
        raise CurveError("the point has order 2; no key agreement may use it")
    inverse = _invert(x)
    target = x ^ _ONE ^ _square(inverse)
    z = _half_trace(target)
    if _square(z) ^ z != target:
        raise CurveError("the octets are no point of sect163k1")
    if z & 1 != octets[0] & 1:
        z ^= _ONE
    return Point(x, _multiply(x, z))


def encode_point(point: Point) -> bytes:
    """The point in compressed form, 22 octets."""
    sign = _multiply(point.y, _invert(point.x)) & 1
    return bytes([2 | sign]) + _pack(point.x)


def add(left: Point, right: Point) -> Point:
    """The sum of two points. Raises ``CurveError`` where it is the point at infinity."""
    if left.x == right.x:
        if left.y != right.y or left.x == 0:
            raise CurveError("the sum is the point at infinity")
        slope = left.x ^ _multiply(left.y, _invert(left.x))
        x = _square(slope) ^ slope ^ _ONE
        return Point(x, _square(left.x) ^ _multiply(slope ^ _ONE, x))
    slope = _multiply(left.y ^ right.y, _invert(left.x ^ right.x))
    x = _square(slope) ^ slope ^ left.x ^ right.x ^ _ONE
    return Point(x, _multiply(slope, left.x ^ x) ^ x ^ left.y)


def multiply(scalar: int, point: Point) -> Point:
    """``scalar`` times ``point``; raises ``CurveError`` where the product is the point at infinity."""
    if not 0 < scalar < N * COFACTOR:
        raise LocalError("a scalar of sect163k1 lies between 1 and twice the order")
    # The ladder keeps (k, k+1) times the point, in projective x only. It starts at the scalar's top bit.
    x1, z1 = point.x, _ONE
    x2, z2 = _double(x1, z1)
    for bit in bin(scalar)[3:]:
        cross, other = _multiply(x1, z2), _multiply(x2, z1)
        z_sum = _square(cross ^ other)
        x_sum = _multiply(point.x, z_sum) ^ _multiply(cross, other)
        if bit == "1":
            x1, z1, (x2, z2) = x_sum, z_sum, _double(x2, z2)
        else:
            (x1, z1), x2, z2 = _double(x1, z1), x_sum, z_sum
    return _affine(point, x1, z1, x2, z2)


def _affine(point: Point, x1: int, z1: int, x2: int, z2: int) -> Point:
    """The product's x and y from the two x that the ladder ends with."""
    if z1 == 0:
        raise CurveError("the product is the point at infinity")
    if z2 == 0:
        return Point(point.x, point.x ^ point.y)
    inverse = _invert(_multiply(_multiply(z1, z2), point.x))
    x = _multiply(x1, _multiply(inverse, _multiply(z2, point.x)))
    next_x = _multiply(x2, _multiply(inverse, _multiply(z1, point.x)))
    inverse_x = _multiply(inverse, _multiply(z1, z2))
    sum_x = x ^ point.x
    inner = _multiply(sum_x, next_x ^ point.x) ^ _square(point.x) ^ point.y
    return Point(x, _multiply(_multiply(sum_x, inner), inverse_x) ^ point.y)


def _double(x: int, z: int) -> tuple[int, int]:
    xx, zz = _square(x), _square(z)
    return _square(xx ^ zz), _multiply(xx, zz)  # x^4 + b z^4 with b = 1


def _multiply(a: int, b: int) -> int:
    product = a * b & _PARITY
    for _ in range(2):  # a product has degree 324 at most: the first fold leaves 168, the second none
        high = product >> _TOP
        product = product & _LOW ^ high ^ high << 3 * _WIDTH ^ high << 6 * _WIDTH ^ high << 7 * _WIDTH
    return product


def _square(a: int) -> int:
    return _multiply(a, a)


def _invert(a: int) -> int:
    """a^(2^163 - 2), by Itoh and Tsujii's chain 1, 2, 5, 10, 20, 40, 81, 162."""
    if a == 0:
        raise CurveError("zero has no inverse in the field")
    power, length = a, 1  # power = a^(2^length - 1)
    for bit in "0100010":  # 162 in binary is 1 0100010
        power, length = _multiply(_square_often(power, length), power), 2 * length
        if bit == "1":
            power, length = _multiply(_square(power), a), length + 1
    return _square(power)


def _square_often(a: int, times: int) -> int:
    for _ in range(times):
        a = _square(a)
    return a


def _half_trace(a: int) -> int:
    total = a
    for _ in range((DEGREE - 1) // 2):
        total = _square(_square(total)) ^ a
    return total


def _spread(octets: bytes) -> int:
    # The binary digits as text are one byte per digit already: "0" is 0x30, "1" is 0x31.
    return int.from_bytes(f"{int.from_bytes(octets):b}".encode()) & _PARITY


def _pack(a: int) -> bytes:
    digits = a.to_bytes(DEGREE).translate(b"01" + bytes(254))
    return int(digits, 2).to_bytes(FIELD_BYTES)


G: Final = Point(
    _spread(bytes.fromhex("02FE13C0537BBC11ACAA07D793DE4E6D5E5C94EEE8")),
    _spread(bytes.fromhex("0289070FB05D38FF58321F2E800536D538CCDAA3D9")),
)
